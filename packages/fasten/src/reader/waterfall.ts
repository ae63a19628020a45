// SPDX-License-Identifier: Apache-2.0
import { isRowId } from '../core/ids.ts'
import type { StreamName } from '../core/row.ts'
import { formatMicros, parseTime } from '../core/timestamp.ts'
import { clockOffsets, type ClockOffset } from './clock-offsets.ts'
import type { Reader, ReaderRow } from './reader.ts'
import { markOf, titleOf, toneOf } from './row-face.ts'
import { readStory, type Story, type StoryOptions } from './story.ts'
import { threadTree, type ThreadNode } from './thread-tree.ts'

/** One row of a trace, where it stands in time and below what. */
export interface WaterfallEntry {
  readonly id: string
  /** The entry it stands under: its cause, the access it happened in, the run it belongs to; null at the top. */
  readonly parent_id: string | null
  /** 0 at the top. */
  readonly depth: number
  /** Since the first entry began, by clocks put right; microseconds. */
  readonly start_us: number
  /** 0 for what happens at one moment. */
  readonly duration_us: number
  readonly node: string
  readonly service: string
  readonly tenant: string | null
  readonly stream: StreamName
  readonly request_id: string
  readonly trace_id: string | null
  readonly span_id: string | null
  readonly caused_by: string | null
  /** What happened: a code, an event, or a verb and a path. */
  readonly title: string
  /** The short word in front of it: a status, a level, what came out, or the severity of what succeeded. */
  readonly mark: string
  /** `error` for what failed. */
  readonly state: 'ok' | 'warn' | 'error'
  /** As the row says, before its clock was put right. */
  readonly timestamp: string
  readonly log: string
  readonly monotonic_seq: number
  readonly verification: ReaderRow['verification']
}

export interface Waterfall {
  /** Depth first: each entry after the one it stands under. */
  readonly entries: readonly WaterfallEntry[]
  /** Of the first entry; null without any. */
  readonly started_at: string | null
  readonly duration_us: number
  readonly clocks: readonly ClockOffset[]
  /** `not_put_right`: no offsets put every cause before its effect, so all times are as the nodes wrote them. */
  readonly clocks_are: 'put_right' | 'not_put_right'
}

/** A waterfall, and of what: how far it was followed, and what of it is missing. */
export interface Trace
  extends
    Waterfall,
    Pick<
      Story,
      'request_id' | 'followed' | 'unfollowed' | 'counts' | 'totals' | 'truncated' | 'completeness'
    > {}

/** Everything that a request led to, as far as `reader` sees it; `id` is the request's, or that of a row of it. Without entries where there is nothing. */
export async function readTrace(reader: Reader, id: string, options: StoryOptions = {}): Promise<Trace> {
  const row = isRowId(id) ? await reader.row({ id }) : null
  const story = await readStory(
    reader,
    row === null || row.verification === 'expired' ? id : row.request_id,
    options,
  )
  const { request_id, followed, unfollowed, counts, totals, truncated, completeness } = story
  return {
    request_id,
    followed,
    unfollowed,
    counts,
    totals,
    truncated,
    completeness,
    ...waterfallOf(story),
  }
}

/** The rows of a story as bars on one line of time, as deep as one thing led to another. */
export function waterfallOf({ rows }: Pick<Story, 'rows'>): Waterfall {
  const written = flat(threadTree(rows))
  const starts = new Map(written.map(({ node }) => [node.row.id, node]))
  const first = written[0]?.node
  const { nodes, isConsistent } = clockOffsets(starts, first?.row.source_node_id ?? '')
  const offsets = new Map(nodes.map(({ node, offset_us }) => [node, offset_us]))
  const placed = flat(threadTree(rows.map((row) => moved(row, offsets.get(row.source_node_id) ?? 0))))
  const began = Math.min(...placed.map(({ node }) => node.startMicros))
  const ended = Math.max(...placed.map(({ node }) => node.endMicros))
  const byId = new Map(rows.map((row) => [row.id, row]))
  return {
    entries: placed.map(({ node, parent, depth }) =>
      entryOf(byId.get(node.row.id) ?? node.row, { node, parent, depth, began }),
    ),
    started_at: placed.length === 0 ? null : formatMicros(began),
    duration_us: placed.length === 0 ? 0 : ended - began,
    clocks: first === undefined ? [] : nodes,
    clocks_are: isConsistent ? 'put_right' : 'not_put_right',
  }
}

interface Flat {
  readonly node: ThreadNode
  readonly parent: string | null
  readonly depth: number
}

function flat(tree: readonly ThreadNode[]): readonly Flat[] {
  const found: Flat[] = []
  // A stack of our own: a chain of causes may be longer than calls may be deep.
  const open: Flat[] = tree.map((node) => ({ node, parent: null, depth: 0 })).toReversed()
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    found.push(next)
    const { node, depth } = next
    for (const child of node.children.toReversed())
      open.push({ node: child, parent: node.row.id, depth: depth + 1 })
  }
  return found
}

function moved(row: ReaderRow, offset: number): ReaderRow {
  const micros = offset === 0 ? undefined : parseTime(row.timestamp, 0)
  return micros === undefined ? row : { ...row, timestamp: formatMicros(micros + offset) }
}

function entryOf(
  row: ReaderRow,
  { node, parent, depth, began }: Flat & { readonly began: number },
): WaterfallEntry {
  return {
    id: row.id,
    parent_id: parent,
    depth,
    start_us: node.startMicros - began,
    duration_us: node.endMicros - node.startMicros,
    node: row.source_node_id,
    service: row.service_id,
    tenant: row.tenant_id ?? null,
    stream: row.stream,
    request_id: row.request_id,
    trace_id: row.trace_id ?? null,
    span_id: row.span_id ?? null,
    caused_by: row.caused_by ?? null,
    title: titleOf(row),
    mark: markOf(row),
    state: states[toneOf(row)],
    timestamp: row.timestamp,
    log: row.log,
    monotonic_seq: row.monotonic_seq,
    verification: row.verification,
  }
}

/** In words of the wire. */
const states = { plain: 'ok', quiet: 'ok', warn: 'warn', bad: 'error' } as const
