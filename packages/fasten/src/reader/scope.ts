// SPDX-License-Identifier: Apache-2.0
import { FastenError } from '../core/error.ts'
import { parseLogName } from '../core/log-name.ts'
import { streams } from '../core/row.ts'
import type { Verdict } from '../core/verdict.ts'
import type { ScanFilter } from '../store/ports.ts'
import type { Reader, ReaderRow, TailEvent } from './reader.ts'
import { doctorOfScope } from './scope-doctor.ts'
import { readThread } from './thread.ts'
import { joinVerdicts } from './verdicts.ts'

export interface Scope {
  readonly tenant_id: string
}

/**
 * A reader that cannot see any tenant but this one, whatever is asked of it. Rows without a tenant are invisible: nobody
 * can say whose they are. Logs are told apart by their name, rows by their own `tenant_id`, and each row is looked at
 * again on its way out, so that a store that ignored a filter would show too little rather than too much.
 *
 * Asking for another tenant by name throws FastenError `TENANT_OUT_OF_SCOPE`. `doctor` counts this tenant's rows only and
 * keeps what belongs to the node as a whole to itself. `close` does nothing: the reader belongs to whoever opened it.
 * Throws a TypeError for a blank tenant.
 */
export function scope(reader: Reader, { tenant_id: tenant }: Scope): Reader {
  if (typeof tenant !== 'string' || tenant.trim() === '') throw new TypeError('a scope needs a tenant_id')
  const isOwn = (row: ReaderRow | null): row is ReaderRow => row?.tenant_id === tenant
  const isOwnLog = (log: string): boolean => parseLogName(log)?.tenant_id === tenant
  const narrow = (filter: ScanFilter): ScanFilter => {
    if (filter.tenant_id !== undefined && filter.tenant_id !== tenant) throw outOfScope(filter.tenant_id)
    return { ...filter, tenant_id: tenant }
  }

  const scoped: Reader = {
    async page(query, signal) {
      const page = await reader.page({ ...query, filter: narrow(query.filter) }, signal)
      return { ...page, rows: page.rows.filter(isOwn) }
    },
    // Not the thread of the reader within, which takes no filter: a request id known to two tenants must not join them.
    thread: async (requestId, limit, signal) =>
      readThread((query) => scoped.page(query, signal), requestId, limit),
    async row(ref) {
      if ('log' in ref) {
        const row = isOwnLog(ref.log) ? await reader.row(ref) : null
        return row?.verification === 'expired' || isOwn(row) ? row : null
      }
      for (const stream of streams) {
        const { rows } = await scoped.page({ stream, filter: { id: ref.id }, limit: 1, total: 'none' })
        if (rows[0] !== undefined) return rows[0]
      }
      return null
    },
    tail: (query, signal) => only(reader.tail({ ...query, filter: narrow(query.filter) }, signal), isOwn),
    async verify(range, signal, trust, onRead) {
      const logs = (await scoped.logs()).filter(
        ({ log, stream }) =>
          (range.log === undefined || log === range.log) &&
          (range.stream === undefined || stream === range.stream),
      )
      const verdicts: Verdict[] = []
      for (const { log } of logs) verdicts.push(await reader.verify({ ...range, log }, signal, trust, onRead))
      return joinVerdicts(verdicts, range.log)
    },
    async logs() {
      return (await reader.logs()).filter(({ log }) => isOwnLog(log))
    },
    async topology(since, until) {
      return (await reader.topology(since, until)).filter((source) => source.tenant_id === tenant)
    },
    doctor: async () => doctorOfScope(await reader.doctor(), scoped, tenant),
    close: async () => {},
  }
  return scoped
}

async function* only(
  events: AsyncIterable<TailEvent>,
  isOwn: (row: ReaderRow) => boolean,
): AsyncGenerator<TailEvent> {
  for await (const event of events) if (isOwn(event.row)) yield event
}

function outOfScope(asked: string): FastenError {
  return new FastenError(
    'TENANT_OUT_OF_SCOPE',
    `tenant ${JSON.stringify(asked.slice(0, 128))} is not the tenant of this reader`,
    {
      at: 'tenant_id',
      hint: 'leave tenant_id out; the scope already says which tenant is read',
    },
  )
}
