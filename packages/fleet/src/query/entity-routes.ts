// SPDX-License-Identifier: Apache-2.0
import { readJson } from 'fasten/core'
import type { AuditRow } from 'fasten/core'
import type { RowSource, StoredRow } from 'fasten/store'
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { Problem } from '../web/problem.ts'
import { parsed } from './parsed.ts'
import { maySee, scopeOf, type ReadingScope } from './reading-scope.ts'
import { apiBase, type QueryDeps } from './reader-routes.ts'
import { tellReading } from './tell-reading.ts'

const query = z.strictObject({
  limit: z.coerce.number().int().min(1).max(500).default(100),
  cursor: z.string().max(256).optional(),
})

/** Where a row names somebody or something. */
const places = ['actor', 'on_behalf_of', 'target'] as const
type Place = (typeof places)[number]

/** In the order of time, the newest first; the position tells rows of one moment apart. */
interface Key {
  readonly timestamp: string
  readonly position: number
}

/**
 * `/api/v1/entities/:kind/:id/timeline`: the audit rows in which something acted, was acted for, or was acted upon, the newest first. Rows may
 * spell it `kind:id`, or `id` with the kind beside it; both are meant. The cursor is a place in time: rows that are stored meanwhile neither repeat
 * nor hide any.
 */
export function entityRoutes(app: FastifyInstance, { fasten, stores }: QueryDeps): void {
  app.get(
    `${apiBase}/entities/:kind/:id/timeline`,
    { config: { permission: 'audit:read' } },
    async (request) => {
      const { kind, id } = request.params as { readonly kind: string; readonly id: string }
      const { limit, cursor } = parsed(query, request.query)
      const scope = scopeOf(request.principal)
      return stores.use(scope, async ({ source }) => {
        const found = await timeline(source, { kind, id, scope, limit, after: keyOf(cursor) })
        tellReading(fasten, request.principal, {
          operation: 'timeline',
          parameters: { kind, id },
          rows: found.rows.length,
        })
        return { entity: { kind, id }, ...found }
      })
    },
  )
}

interface Wanted {
  readonly kind: string
  readonly id: string
  readonly scope: ReadingScope
  readonly limit: number
  readonly after: Key | undefined
}

interface Timeline {
  readonly rows: readonly { readonly as: readonly Place[]; readonly row: object }[]
  readonly next_cursor: string | null
}

async function timeline(source: RowSource, wanted: Wanted): Promise<Timeline> {
  const { kind, id, scope, limit } = wanted
  const rows: { readonly as: readonly Place[]; readonly row: object }[] = []
  let after = wanted.after
  for (;;) {
    const { stored, isEnd } = await nextRows(source, [`${kind}:${id}`, id], after, limit)
    for (const one of stored) {
      after = keyOfRow(one)
      const { row } = one
      if (row.stream !== 'audit' || !maySee(scope, row)) continue
      const as = places.filter((place) => isIn(row, place, kind, id))
      if (as.length === 0) continue
      rows.push({ as, row: { ...row, hash: one.hash, verification: 'chained' } })
      if (rows.length === limit) return { rows, next_cursor: textOf(after) }
    }
    if (isEnd) return { rows, next_cursor: null }
  }
}

/** The next rows that bear one of these names anywhere, in order: each index is read a little, and no further than all of them are known. */
async function nextRows(
  source: RowSource,
  names: readonly string[],
  after: Key | undefined,
  limit: number,
): Promise<{ readonly stored: readonly StoredRow[]; readonly isEnd: boolean }> {
  const lists = await Promise.all(
    places.flatMap((place) =>
      names.map((name) =>
        source.scan({
          stream: 'audit',
          filter: { [place]: name },
          order: 'newest',
          limit,
          ...(after === undefined ? {} : { after }),
        }),
      ),
    ),
  )
  const cut = lists.filter((list) => list.length === limit).map((list) => keyOfRow(list.at(-1)))
  // Behind the place where the first of the lists was cut, rows of that list are unknown.
  const end = cut.reduce<Key | undefined>(
    (latest, key) => (latest === undefined || compare(key, latest) < 0 ? key : latest),
    undefined,
  )
  const byPosition = new Map(lists.flat().map((one) => [one.position, one]))
  const stored = [...byPosition.values()]
    .filter((one) => end === undefined || compare(keyOfRow(one), end) <= 0)
    .sort((one, other) => compare(keyOfRow(one), keyOfRow(other)))
  return { stored, isEnd: end === undefined }
}

/** Newest first. */
function compare(one: Key, other: Key): number {
  if (one.timestamp !== other.timestamp) return one.timestamp > other.timestamp ? -1 : 1
  return other.position - one.position
}

function keyOfRow(stored: StoredRow | undefined): Key {
  return {
    timestamp: stored?.sorted_at ?? stored?.row.timestamp ?? '',
    position: stored?.position ?? 0,
  }
}

function isIn(row: AuditRow, place: Place, kind: string, id: string): boolean {
  const name = row[place]
  if (name === `${kind}:${id}`) return true
  if (name !== id) return false
  if (place === 'actor') return row.actor_kind === kind
  // Rows do not say of what kind the one is for whom somebody acted.
  // What a row says no kind of is a target, and found as one.
  return place === 'on_behalf_of' || (row.target_kind ?? 'target') === kind
}

const cursorShape = z.tuple([z.string().max(40), z.number().int().min(0)])

function keyOf(cursor: string | undefined): Key | undefined {
  if (cursor === undefined) return undefined
  try {
    const [timestamp, position] = cursorShape.parse(readJson(Buffer.from(cursor, 'base64url').toString()))
    return { timestamp, position }
  } catch (cause) {
    throw new Problem(400, 'BAD_CURSOR', 'this cursor is none of a timeline', { cause })
  }
}

function textOf({ timestamp, position }: Key): string {
  return Buffer.from(JSON.stringify([timestamp, position])).toString('base64url')
}
