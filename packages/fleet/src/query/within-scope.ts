// SPDX-License-Identifier: Apache-2.0
import { FastenError } from 'fasten'
import type { Page, PageQuery, Reader, TailEvent } from 'fasten/reader'
import type { Pool } from 'pg'
import { isWithin, noTenant } from '../database/tenant-scope.ts'
import { maySee, maySeeLog, type ReadingScope } from './reading-scope.ts'

/**
 * A reader that looks at each row again on its way out. The database shows a session nothing beyond its scope already; this is the second
 * fence, which stands when somebody weakens the first, and the other way round. A verdict about a log beyond the scope is not handed out:
 * it is a fault of ours, and thrown as one.
 *
 * A question about nothing but time names the tenant, where only one is seen, for an index that begins with it (migration 0016): the policies of
 * row-level security reach none. Pages by `caused_by` are narrowed to the time in which there is something to find: below row-level security no index serves that filter.
 */
export function withinScope(reader: Reader, scope: ReadingScope, sql: Pick<Pool, 'query'>): Reader {
  const isOwn = (row: Parameters<typeof maySee>[1]): boolean => maySee(scope, row)
  const scoped: Reader = {
    async page(query, signal) {
      const narrowed = await withEffects(query, sql)
      if (narrowed === undefined) return nothing
      const page = await reader.page(ofOneTenant(narrowed, scope), signal)
      return { ...page, rows: page.rows.filter(isOwn) }
    },
    async thread(requestId, limit, signal) {
      const thread = await reader.thread(requestId, limit, signal)
      return { ...thread, rows: thread.rows.filter(isOwn) }
    },
    async row(ref) {
      if ('log' in ref && !maySeeLog(scope, ref.log)) return null
      const row = await reader.row(ref)
      if (row === null) return null
      if (row.verification === 'expired') return maySeeLog(scope, row.log) ? row : null
      return isOwn(row) ? row : null
    },
    tail: (query, signal) => only(reader.tail(query, signal), (event) => isOwn(event.row)),
    async verify(range, signal, trust, onRead) {
      const verdict = await reader.verify(range, signal, trust, onRead)
      for (const { log } of verdict.logs)
        if (!maySeeLog(scope, log)) throw new TypeError('a verdict names a log beyond the scope')
      return verdict
    },
    logs: async () => (await reader.logs()).filter(({ log }) => maySeeLog(scope, log)),
    topology: async (since, until) =>
      (await reader.topology(since, until)).filter(({ tenant_id }) =>
        isWithin(scope.tenants, tenant_id ?? noTenant),
      ),
    doctor: () => reader.doctor(),
    close: () => reader.close(),
  }
  return scoped
}

const nothing: Page = {
  rows: [],
  next_cursor: null,
  total: 0,
  total_kind: 'exact',
  completeness: 'store',
}

function ofOneTenant(query: PageQuery, { tenants }: ReadingScope): PageQuery {
  const [tenant_id, ...others] = tenants === 'all' ? [] : tenants
  if (tenant_id === undefined || others.length > 0 || tenant_id === noTenant) return query
  // Where something else leads to few rows, saying both would make the planner multiply their odds.
  if (leading.some((name) => query.filter[name] !== undefined)) return query
  return { ...query, filter: { ...query.filter, tenant_id } }
}

const leading = [
  'id',
  'request_id',
  'code',
  'actor',
  'target',
  'on_behalf_of',
  'route',
  'status',
  'caused_by',
  'log',
  'tenant_id',
] as const satisfies readonly (keyof PageQuery['filter'])[]

/** Undefined when nothing of the stream is the effect of these rows. */
async function withEffects(query: PageQuery, sql: Pick<Pool, 'query'>): Promise<PageQuery | undefined> {
  const { caused_by, since = '', until = '~' } = query.filter
  if (caused_by === undefined) return query
  const { rows } = await sql
    .query<{ first_at: string; last_at: string; effects: string }>(
      'SELECT first_at, last_at, effects FROM fleet_effects($1) WHERE stream = $2 AND effects > 0',
      [caused_by, query.stream],
    )
    .catch((cause: Error) => {
      throw new FastenError('STORE_UNREACHABLE', `the effects of rows were not found: ${cause.message}`, {
        cause,
      })
    })
  const [found] = rows
  if (found === undefined || found.first_at > until || found.last_at < since) return undefined
  const filter = {
    ...query.filter,
    since: found.first_at > since ? found.first_at : since,
    until: found.last_at < until ? found.last_at : until,
  }
  return { ...query, filter }
}

async function* only(
  events: AsyncIterable<TailEvent>,
  isOwn: (event: TailEvent) => boolean,
): AsyncGenerator<TailEvent> {
  for await (const event of events) if (isOwn(event)) yield event
}
