// SPDX-License-Identifier: Apache-2.0
import type { ReaderRow } from './reader.ts'
import type { ThreadNode } from './thread-tree.ts'

/** How far the clock of a node is from the clock of the node at which the trace begins, as far as its causes and effects tell. */
export interface ClockOffset {
  readonly node: string
  /** What its times were moved by: the least that puts no effect before its cause. 0 where nothing contradicts the clocks. */
  readonly offset_us: number
  /** The offset is at least, and at most, this; null where no row says so. */
  readonly at_least_us: number | null
  readonly at_most_us: number | null
  /** Pairs of rows of this and another node of which one caused the other. */
  readonly links: number
}

export interface ClockOffsets {
  readonly nodes: readonly ClockOffset[]
  /** False when no offsets put every cause before its effect: a clock was set while this went on. Times are then as the nodes wrote them. */
  readonly isConsistent: boolean
}

/** `to` is later than `from` by at least `us`, by the clocks of both. */
interface Bond {
  readonly from: string
  readonly to: string
  readonly us: number
}

/**
 * Estimates the clocks of the nodes of a trace from one law: a cause does not begin after its effect. Each pair of rows on two nodes says
 * that the effect's clock must be moved by at least `start of the cause - start of the effect` against the other. Of the offsets that satisfy all
 * of them the smallest are taken, relative to the first node. What the law leaves open is told as bounds; between them nothing is known.
 */
export function clockOffsets(starts: ReadonlyMap<string, Started>, first: string): ClockOffsets {
  const bonds: Bond[] = []
  const links = new Map<string, number>()
  const names = new Set<string>([first])
  for (const effect of starts.values()) {
    names.add(effect.row.source_node_id)
    const cause = effect.row.caused_by === undefined ? undefined : starts.get(effect.row.caused_by)
    if (cause === undefined || cause.row.source_node_id === effect.row.source_node_id) continue
    const [from, to] = [cause.row.source_node_id, effect.row.source_node_id]
    bonds.push({ from, to, us: cause.startMicros - effect.startMicros })
    for (const name of [from, to]) links.set(name, (links.get(name) ?? 0) + 1)
  }
  const lifted = lift(names, bonds)
  const isConsistent = lifted !== undefined
  const base = lifted?.get(first) ?? 0
  const least = farthest(first, names, bonds)
  const most = farthest(
    first,
    names,
    bonds.map(({ from, to, us }) => ({ from: to, to: from, us })),
  )
  const nodes = Array.from(names, (node): ClockOffset => {
    const above = most.get(node)
    return {
      node,
      offset_us: isConsistent ? (lifted.get(node) ?? 0) - base : 0,
      at_least_us: node === first ? 0 : isConsistent ? (least.get(node) ?? null) : null,
      at_most_us: node === first ? 0 : isConsistent && above !== undefined ? -above : null,
      links: links.get(node) ?? 0,
    }
  })
  return { nodes, isConsistent }
}

export type Started = Pick<ThreadNode, 'startMicros'> & { readonly row: ReaderRow }

/** The smallest offsets, none below zero, that satisfy every bond; undefined when there are none. */
function lift(names: ReadonlySet<string>, bonds: readonly Bond[]): ReadonlyMap<string, number> | undefined {
  const offsets = new Map(Array.from(names, (name) => [name, 0]))
  // A chain of bonds without a circle is no longer than there are nodes.
  for (let round = 0; round <= names.size; round++) {
    let isSettled = true
    for (const { from, to, us } of bonds) {
      const needed = (offsets.get(from) ?? 0) + us
      if (needed <= (offsets.get(to) ?? 0)) continue
      offsets.set(to, needed)
      isSettled = false
    }
    if (isSettled) return offsets
  }
  return undefined
}

/** The strongest chain of bonds from one node to each that it reaches. Only asked for where there is no circle that grows. */
function farthest(
  start: string,
  names: ReadonlySet<string>,
  bonds: readonly Bond[],
): ReadonlyMap<string, number> {
  const far = new Map([[start, 0]])
  for (let round = 0; round < names.size; round++) {
    for (const { from, to, us } of bonds) {
      const reached = far.get(from)
      if (reached !== undefined && to !== start && reached + us > (far.get(to) ?? Number.NEGATIVE_INFINITY))
        far.set(to, reached + us)
    }
  }
  return far
}
