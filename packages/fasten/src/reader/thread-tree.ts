// SPDX-License-Identifier: Apache-2.0
import { parseTime } from '../core/timestamp.ts'
import type { ReaderRow } from './reader.ts'
import { beginsRun, runsOf, type Run } from './thread-runs.ts'

export interface ThreadNode {
  readonly row: ReaderRow
  /**
   * Microseconds since the epoch. An api row is written when the answer is out, so it starts its duration earlier; so does a row of an agent, its
   * latency.
   */
  readonly startMicros: number
  readonly endMicros: number
  readonly children: readonly ThreadNode[]
}

interface OpenNode extends ThreadNode {
  readonly children: OpenNode[]
}

/** How far a row may lie before its access starts: durations come from another clock than timestamps. */
const slackMicros = 2000

/**
 * The rows of one request, and of the work that it set off, as a tree, in order of their start. A row of a run of a job stands under the beginning of
 * the run, unless it names a cause of its own; a row stands under the row it names in `caused_by`; a message that was delivered under the
 * publishing of it; else a row stands under the shortest HTTP access or delivery of its own process that was in progress for the
 * same request, or had been answered last, at its time. An access with nothing around it in its own process stands under the access of another process that
 * was waiting for it. Rows without any of that stand at the top: clocks of two hosts are too far apart to guess. Every row
 * appears exactly once.
 */
export function threadTree(rows: readonly ReaderRow[]): readonly ThreadNode[] {
  const nodes = rows.map(openNode).sort(byStart)
  const byId = new Map(nodes.map((node) => [node.row.id, node]))
  const accesses = nodes.filter(({ row }) => row.stream === 'api' && row.method !== 'PUBLISH')
  const publishings = nodes.filter(({ row }) => row.stream === 'api' && row.method === 'PUBLISH')
  const runs = runsOf(nodes)
  const parents = new Map<OpenNode, OpenNode>()
  for (const node of nodes) {
    const cause = node.row.caused_by === undefined ? undefined : byId.get(node.row.caused_by)
    const parent = runOf(node, runs) ?? cause ?? publishingOf(node, publishings) ?? accessOf(node, accesses)
    // Two rows that claim to cause each other would vanish from the tree; the second claim is not followed.
    if (parent !== undefined && !isAncestor(node, parent, parents)) parents.set(node, parent)
  }
  const roots: OpenNode[] = []
  for (const node of nodes) (parents.get(node)?.children ?? roots).push(node)
  return roots
}

function openNode(row: ReaderRow): OpenNode {
  const endMicros = parseTime(row.timestamp, 0) ?? 0
  return { row, startMicros: endMicros - lastedMicros(row), endMicros, children: [] }
}

function lastedMicros(row: ReaderRow): number {
  if (row.stream === 'api') return row.duration_us
  if (row.stream !== 'audit' || row.domain !== 'agent') return 0
  const { latency_ms } = row.detail
  return typeof latency_ms === 'number' && latency_ms > 0 ? Math.round(latency_ms * 1000) : 0
}

function runOf(node: OpenNode, runs: readonly Run<OpenNode>[]): OpenNode | undefined {
  if (beginsRun(node.row)) return undefined
  return runs.findLast(({ begin, endMicros }) => {
    const { row } = begin
    return (
      row.boot_id === node.row.boot_id &&
      row.request_id === node.row.request_id &&
      row.caused_by === node.row.caused_by &&
      row.boot_seq < node.row.boot_seq &&
      node.startMicros <= endMicros
    )
  })?.begin
}

/** Deliveries may take any time, and clocks differ: the last publishing before, else the first. */
function publishingOf(
  { row, startMicros }: OpenNode,
  publishings: readonly OpenNode[],
): OpenNode | undefined {
  if (row.stream !== 'api' || !isDelivery(row.method)) return undefined
  const same = publishings.filter(
    (one) => one.row.stream === 'api' && one.row.path === row.path && one.row.request_id === row.request_id,
  )
  return same.findLast((one) => one.startMicros <= startMicros + slackMicros) ?? same[0]
}

const isDelivery = (method: string): boolean =>
  method === 'DELIVER' || method === 'REDELIVER' || method === 'RETAINED'

function byStart(a: OpenNode, b: OpenNode): number {
  // Of two that start together the longer one is the outer one; one process counts its own rows.
  return a.startMicros - b.startMicros || b.endMicros - a.endMicros || a.row.boot_seq - b.row.boot_seq
}

function accessOf(node: OpenNode, accesses: readonly OpenNode[]): OpenNode | undefined {
  const isOwn = (access: OpenNode): boolean => access.row.boot_id === node.row.boot_id
  const related = accesses.filter(({ row }) => row.request_id === node.row.request_id)
  const around = related.filter((access) => access !== node && isAround(access, node)).sort(byLength)
  const own = around.find(isOwn)
  if (own !== undefined) return own
  // Nobody waits for a delivery.
  if (node.row.stream === 'api') return isDelivery(node.row.method) ? undefined : around[0]
  return related.findLast((access) => isOwn(access) && access.startMicros <= node.startMicros + slackMicros)
}

function byLength(a: OpenNode, b: OpenNode): number {
  return a.endMicros - a.startMicros - (b.endMicros - b.startMicros)
}

function isAround(access: OpenNode, node: OpenNode): boolean {
  if (node.startMicros < access.startMicros || node.endMicros > access.endMicros) return false
  // Of two accesses with the very same span the one written later is the outer one.
  const isSame = node.startMicros === access.startMicros && node.endMicros === access.endMicros
  return !isSame || node.row.stream !== 'api' || access.row.boot_seq > node.row.boot_seq
}

function isAncestor(node: OpenNode, of: OpenNode, parents: ReadonlyMap<OpenNode, OpenNode>): boolean {
  for (let each: OpenNode | undefined = of; each !== undefined; each = parents.get(each)) {
    if (each === node) return true
  }
  return false
}
