// SPDX-License-Identifier: Apache-2.0
import { draftText } from '../core/leaf.ts'
import { logName } from '../core/log-name.ts'
import type { Clean, Draft, Row, StreamName } from '../core/row.ts'
import { matches } from './matches.ts'
import type { RowSource, ScanFilter, ScanQuery, SourceSummary, StoredRow } from './ports.ts'
import { addSource, sortSources } from './source-summary.ts'

export interface MemoryStoreOptions {
  readonly stream: StreamName
  /** Rows kept; each costs what its draft costs. The oldest make room for new ones. */
  readonly rowsMax: number
}

export interface MemoryStore extends RowSource {
  /** Keeps a draft. Constant time; nothing is copied, hashed or serialised, so the draft must not change afterwards. */
  push(draft: Clean): void
  /** Rows in it now. */
  readonly size: number
  /** Rows that made room, ever. */
  readonly dropped: number
}

/**
 * The newest rows of a stream that is not stored: a ring in memory. Its rows are read like stored ones but were never hashed and
 * have no place in a log: `hash` and `leaf` are null, `monotonic_seq` is -1 and `prev_hash` empty, so that none can be cited.
 */
export function createMemoryStore({ stream, rowsMax }: MemoryStoreOptions): MemoryStore {
  if (!Number.isInteger(rowsMax) || rowsMax < 0)
    throw new TypeError(`rowsMax must be a whole number of rows, not ${rowsMax}`)
  const slots: Clean[] = []
  let pushed = 0

  /** Newest first in push order. */
  function* newest(): Generator<StoredRow> {
    for (let position = pushed; position > pushed - slots.length; position--) {
      const draft = slots[(position - 1) % rowsMax]
      if (draft !== undefined) yield { row: rowOf(draft), leaf: null, hash: null, position }
    }
  }

  function passing(asked: StreamName, filter: ScanFilter): StoredRow[] {
    if (asked !== stream) return []
    return newest()
      .filter(({ row, position }) => matches(filter, { row, position, leafText: () => textOf(row) }))
      .toArray()
  }

  return {
    push(draft) {
      if (rowsMax === 0) return void pushed++
      slots[pushed++ % rowsMax] = draft
    },
    get size() {
      return slots.length
    },
    get dropped() {
      return pushed - slots.length
    },
    scan: async ({ stream: asked, filter = {}, order, after, offset = 0, limit }) => {
      const compare = comparison(order)
      const rows = passing(asked, filter).sort(compare)
      const rest =
        after === undefined
          ? rows
          : rows.filter((row) => compare(row, { ...row, ...placeOf(after, row) }) > 0)
      return rest.slice(offset, offset + limit)
    },
    count: async (asked, filter, atMost) => {
      const found = passing(asked, filter).length
      return found > atMost ? null : found
    },
    heads: async () => [],
    // Nothing here was ever chained, so there is no evidence of any log.
    async *evidence() {},
    position: async (asked) => (asked === stream ? pushed : 0),
    summary: async (asked, since, until) => {
      const sources = new Map<string, SourceSummary>()
      const window = { ...(since === undefined ? {} : { since }), ...(until === undefined ? {} : { until }) }
      for (const { row } of passing(asked, window)) {
        const { source_node_id, service_id, tenant_id = null, timestamp } = row
        addSource(sources, {
          source_node_id,
          service_id,
          tenant_id,
          rows: 1,
          first_seen: timestamp,
          last_seen: timestamp,
        })
      }
      return sortSources([...sources.values()])
    },
    describe: async () => ({
      kind: 'memory',
      dsn: 'memory:',
      version: '',
      streams: [stream],
      rows: slots.length,
      last_insert_at: slots[(pushed - 1) % rowsMax]?.timestamp ?? null,
      isDurable: false,
    }),
  }
}

type Ordered = Pick<StoredRow, 'row' | 'position'>

function comparison(order: ScanQuery['order']): (a: Ordered, b: Ordered) => number {
  if (order === 'stored') return (a, b) => a.position - b.position
  const sign = order === 'newest' ? -1 : 1
  return (a, b) => {
    if (a.row.timestamp !== b.row.timestamp) return a.row.timestamp < b.row.timestamp ? -sign : sign
    return sign * (a.position - b.position)
  }
}

function placeOf(
  after: { readonly timestamp: string; readonly position: number },
  { row }: StoredRow,
): Ordered {
  return { row: { ...row, timestamp: after.timestamp }, position: after.position }
}

function rowOf(draft: Draft): Row {
  return { ...draft, log: logName(draft), monotonic_seq: -1, prev_hash: '' }
}

/** What the leaf would say but for its place. */
function textOf({ log: _log, monotonic_seq: _seq, prev_hash: _prev, ...draft }: Row): string {
  // It came in clean, and leaving its place away changes nothing about that.
  return draftText(draft as Clean).replaceAll('\0', '')
}
