// SPDX-License-Identifier: Apache-2.0
import type { Digest } from '../core/digest.ts'
import type { StreamName } from '../core/row.ts'
import type { RowSource, ScanFilter, ScanQuery, StoredRow } from '../store/ports.ts'
import { badCursor, decodeAfter, decodePageCursor, encodePageCursor, fingerprintOf } from './cursor.ts'
import type { Page, PageQuery } from './reader.ts'

export interface PageOfStore {
  readonly rows: readonly StoredRow[]
  readonly next_cursor: string | null
  readonly total: number | null
  readonly total_kind: Page['total_kind']
}

/** Counting stops here unless an exact total is asked for. */
export const boundedTotalMax = 10_000

/** How many rows one page of a text search examines before it hands out a cursor instead. */
export const textRowsMax = 200_000

/** A page ends early once its leaves hold this many bytes: 1,000 rows of 64 KiB would not fit anywhere. */
export const pageBytesMax = 8 * 1024 * 1024

/**
 * One page of `source`. The cursor is the last row's (timestamp, position), unique over all logs of a store, so pages neither
 * skip nor repeat a row however many logs are read and whatever is stored meanwhile: rows beyond the position at which
 * the first page was asked are left out of every later page. Rows never move, so this is a snapshot.
 *
 * A page may be shorter than `limit` although `next_cursor` is not null: a text search that examined `textRowsMax` rows, or
 * leaves of `pageBytesMax` bytes.
 *
 * Throws TypeError for a limit or combination no page has, FastenError `BAD_CURSOR` for a cursor of another question.
 */
export async function readPage(
  source: RowSource,
  query: PageQuery,
  digest: Digest,
  signal?: AbortSignal,
): Promise<PageOfStore> {
  const { stream, filter, limit, order = 'newest', offset = 0, total = 'bounded' } = query
  if (!Number.isInteger(limit) || limit < 1 || limit > 1000)
    throw new TypeError(`limit ${limit} is not an integer from 1 to 1000`)
  if (!Number.isInteger(offset) || offset < 0)
    throw new TypeError(`offset ${offset} is not a non-negative integer`)
  if (query.cursor !== undefined && offset > 0)
    throw new TypeError('cursor and offset both say where to continue')

  const fingerprint = fingerprintOf([stream, order], filter, digest)
  const start = await startOf(source, query, fingerprint)
  const walk: Walk = { source, query: { stream, filter, order }, snapshot: start.snapshot, signal }
  const found =
    filter.text === undefined
      ? await collect(walk, start.after, offset, limit + 1)
      : await collectText(walk, start.after, offset, limit + 1)

  const rows = found.rows.slice(0, limit)
  const lastRow = rows.at(-1)
  const stop =
    found.rows.length > limit || (found.isCut && found.stoppedAt === undefined)
      ? lastRow && markOf(lastRow)
      : found.stoppedAt
  const { since, until } = filter
  return {
    rows,
    next_cursor:
      stop === undefined
        ? null
        : encodePageCursor({
            fingerprint,
            ...stop,
            snapshot: start.snapshot,
            ...(since === undefined ? {} : { since }),
            ...(until === undefined ? {} : { until }),
          }),
    ...(await countRows(source, stream, filter, total)),
  }
}

/** Where a row stands in the order it was scanned in. */
const markOf = ({ row, position, sorted_at }: StoredRow): Mark => ({
  timestamp: sorted_at ?? row.timestamp,
  position,
})

type Mark = { readonly timestamp: string; readonly position: number }

interface Walk {
  readonly source: RowSource
  readonly query: Pick<ScanQuery, 'stream' | 'order'> & { readonly filter: ScanFilter }
  readonly snapshot: number
  readonly signal: AbortSignal | undefined
}

interface Found {
  readonly rows: readonly StoredRow[]
  /** True when rows beyond the last were left unread on purpose. */
  readonly isCut: boolean
  /** Where reading stopped, when that is not the last row found. */
  readonly stoppedAt?: Mark
}

async function startOf(
  source: RowSource,
  query: PageQuery,
  fingerprint: string,
): Promise<{ after?: Mark; snapshot: number }> {
  const { cursor, stream, filter } = query
  if (cursor === undefined) return { snapshot: await source.position(stream) }
  const position = decodeAfter(cursor)
  if (position !== undefined) {
    const [row] = await source.scan({
      stream,
      order: 'stored',
      limit: 1,
      // Under a tenant scope the position of another tenant's row is as unknown as one that never was.
      filter: {
        after_position: position - 1,
        ...(filter.tenant_id === undefined ? {} : { tenant_id: filter.tenant_id }),
      },
    })
    if (row?.position !== position) throw badCursor(String(position), 'is the place of no row')
    return { after: markOf(row), snapshot: await source.position(stream) }
  }
  const decoded = decodePageCursor(cursor)
  if (decoded.fingerprint !== fingerprint)
    throw badCursor(cursor, 'belongs to a query with other filters or another order')
  return { after: { timestamp: decoded.timestamp, position: decoded.position }, snapshot: decoded.snapshot }
}

const batchRows = 250

/** Up to `wanted` rows after `mark`, in batches so that large leaves are never all in memory at once. */
async function collect(walk: Walk, mark: Mark | undefined, offset: number, wanted: number): Promise<Found> {
  const rows: StoredRow[] = []
  let bytes = 0
  let after = mark
  let skip = offset
  while (rows.length < wanted) {
    walk.signal?.throwIfAborted()
    // One page of the usual size is one scan; only large pages come in several batches.
    const limit = Math.min(wanted - rows.length, batchRows)
    const batch = await walk.source.scan({
      ...walk.query,
      limit,
      ...(after === undefined ? {} : { after }),
      ...(skip > 0 ? { offset: skip } : {}),
    })
    skip = 0
    for (const row of batch) {
      after = markOf(row)
      if (row.position > walk.snapshot) continue
      rows.push(row)
      bytes += row.leaf?.length ?? 0
      if (bytes >= pageBytesMax) return { rows, isCut: true }
    }
    if (batch.length < limit) break
  }
  return { rows, isCut: false }
}

const sliceRows = 5_000

/**
 * A text search has to read every row of its window. It does so in slices of `sliceRows` rows, bounded by an index look-up
 * and with a turn of the event loop between them, so that a search over millions of rows holds nobody else up.
 */
async function collectText(
  walk: Walk,
  mark: Mark | undefined,
  offset: number,
  wanted: number,
): Promise<Found> {
  const { text: _, ...window } = walk.query.filter
  const rows: StoredRow[] = []
  let after = mark
  let skip = offset
  let bytes = 0
  for (let examined = 0; examined < textRowsMax; examined += sliceRows) {
    walk.signal?.throwIfAborted()
    const from = after === undefined ? {} : { after }
    const [edge] = await walk.source.scan({
      ...walk.query,
      filter: window,
      ...from,
      offset: sliceRows - 1,
      limit: 1,
    })
    const end = edge && markOf(edge)
    const slice =
      end === undefined ? walk.query.filter : within(walk.query.filter, walk.query.order, end.timestamp)
    let inner = after
    for (;;) {
      const limit = Math.min(wanted - rows.length + skip, batchRows)
      const batch = await walk.source.scan({
        ...walk.query,
        filter: slice,
        limit,
        ...(inner === undefined ? {} : { after: inner }),
      })
      for (const row of batch) {
        inner = markOf(row)
        if (row.position > walk.snapshot || (end !== undefined && isBeyond(inner, end, walk.query.order)))
          continue
        if (skip > 0) skip -= 1
        else {
          rows.push(row)
          bytes += row.leaf?.length ?? 0
        }
        if (rows.length === wanted || bytes >= pageBytesMax) return { rows, isCut: true }
      }
      if (batch.length < limit) break
    }
    if (end === undefined) return { rows, isCut: false }
    after = end
    await nextTurn()
  }
  return { rows, isCut: true, ...(after === undefined ? {} : { stoppedAt: after }) }
}

/** The filter narrowed to the slice that ends at `edge`; rows of the same microsecond beyond the edge are dropped by position. */
function within(filter: ScanFilter, order: ScanQuery['order'], edge: string): ScanFilter {
  return order === 'newest' ? { ...filter, since: edge } : { ...filter, until: edge }
}

function isBeyond(mark: Mark, edge: Mark, order: ScanQuery['order']): boolean {
  if (mark.timestamp !== edge.timestamp)
    return order === 'newest' ? mark.timestamp < edge.timestamp : mark.timestamp > edge.timestamp
  return order === 'newest' ? mark.position < edge.position : mark.position > edge.position
}

async function countRows(
  source: RowSource,
  stream: StreamName,
  filter: ScanFilter,
  total: NonNullable<PageQuery['total']>,
): Promise<Pick<PageOfStore, 'total' | 'total_kind'>> {
  if (total === 'none' || (total !== 'exact' && filter.text !== undefined))
    return { total: null, total_kind: 'unknown' }
  const atMost = total === 'exact' ? Number.MAX_SAFE_INTEGER : boundedTotalMax
  const count = await source.count(stream, filter, atMost)
  if (count !== null) return { total: count, total_kind: 'exact' }
  const estimate = total === 'estimated' ? ((await source.estimate?.(stream, filter)) ?? null) : null
  return estimate === null
    ? { total: atMost, total_kind: 'at_least' }
    : // So many were counted.
      { total: Math.max(estimate, atMost + 1), total_kind: 'estimated' }
}

const nextTurn = (): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, 0)
  })
