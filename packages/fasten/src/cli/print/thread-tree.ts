// SPDX-License-Identifier: Apache-2.0
import { parseTime } from '../../core/timestamp.ts'
import type { ReaderRow } from '../../reader/reader.ts'

export interface ThreadNode {
  readonly row: ReaderRow
  /** Microseconds since the epoch. An api row is written when the answer is out, so it starts its duration earlier. */
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
 * The rows of one request as a tree, in order of their start. A row stands under the row it names in `caused_by`; else
 * under the shortest HTTP access of its own process that was in progress, or had been answered last, at its time. An access
 * with nothing around it in its own process stands under the access of another process that was waiting for it. Rows
 * without any access in their process stand at the top: clocks of two hosts are too far apart to guess. Every row
 * appears exactly once.
 */
export function threadTree(rows: readonly ReaderRow[]): readonly ThreadNode[] {
  const nodes = rows.map(openNode).sort(byStart)
  const byId = new Map(nodes.map((node) => [node.row.id, node]))
  const accesses = nodes.filter((node) => node.row.stream === 'api')
  const parents = new Map<OpenNode, OpenNode>()
  for (const node of nodes) {
    const cause = node.row.caused_by === undefined ? undefined : byId.get(node.row.caused_by)
    const parent = cause ?? accessOf(node, accesses)
    // Two rows that claim to cause each other would vanish from the tree; the second claim is not followed.
    if (parent !== undefined && !isAncestor(node, parent, parents)) parents.set(node, parent)
  }
  const roots: OpenNode[] = []
  for (const node of nodes) (parents.get(node)?.children ?? roots).push(node)
  return roots
}

function openNode(row: ReaderRow): OpenNode {
  const endMicros = parseTime(row.timestamp, 0) ?? 0
  const startMicros = row.stream === 'api' ? endMicros - row.duration_us : endMicros
  return { row, startMicros, endMicros, children: [] }
}

function byStart(a: OpenNode, b: OpenNode): number {
  // Of two that start together the longer one is the outer one; one process counts its own rows.
  return a.startMicros - b.startMicros || b.endMicros - a.endMicros || a.row.boot_seq - b.row.boot_seq
}

function accessOf(node: OpenNode, accesses: readonly OpenNode[]): OpenNode | undefined {
  const isOwn = (access: OpenNode): boolean => access.row.boot_id === node.row.boot_id
  const around = accesses.filter((access) => access !== node && isAround(access, node)).sort(byLength)
  const own = around.find(isOwn)
  if (own !== undefined) return own
  if (node.row.stream === 'api') return around[0]
  return accesses.findLast((access) => isOwn(access) && access.startMicros <= node.startMicros + slackMicros)
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
