// SPDX-License-Identifier: Apache-2.0
import { threadTree, type ReaderRow, type ThreadNode } from 'fasten/reader/remote'

/** A row of a request's story, as it is drawn: depth first, below what caused it. */
export interface StoryEntry {
  readonly row: ReaderRow
  readonly depth: number
  /** Since the first of them began. */
  readonly startMicros: number
  readonly lastedMicros: number
}

export interface StoryRows {
  readonly entries: readonly StoryEntry[]
  readonly lastedMicros: number
  /** Nodes whose rows are in it. */
  readonly nodes: readonly string[]
  /** Further requests, jobs and runs that were followed, and those that were not. */
  readonly followed: number
  readonly unfollowed: number
  /** True where a stream has more rows of it than were read. */
  readonly isCut: boolean
}

/** What a story is made of. */
export interface StoryParts {
  readonly rows: readonly ReaderRow[]
  readonly followed: readonly string[]
  readonly unfollowed: number
  readonly truncated: Readonly<Record<string, boolean>>
}

/** A story in the order in which it is drawn. Times are those of the nodes' own clocks. */
export function storyRows({ rows, followed, unfollowed, truncated }: StoryParts): StoryRows {
  const tree = threadTree(rows)
  const all: { readonly node: ThreadNode; readonly depth: number }[] = []
  const open = tree.map((node) => ({ node, depth: 0 })).toReversed()
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    all.push(next)
    const { node, depth } = next
    for (const child of node.children.toReversed()) open.push({ node: child, depth: depth + 1 })
  }
  const begin = all.reduce((least, { node }) => Math.min(least, node.startMicros), Infinity)
  const end = all.reduce((most, { node }) => Math.max(most, node.endMicros), -Infinity)
  return {
    entries: all.map(({ node, depth }) => ({
      row: node.row,
      depth,
      startMicros: node.startMicros - begin,
      lastedMicros: node.endMicros - node.startMicros,
    })),
    lastedMicros: all.length === 0 ? 0 : end - begin,
    nodes: [...new Set(rows.map(({ source_node_id }) => source_node_id))],
    followed: followed.length,
    unfollowed,
    isCut: Object.values(truncated).includes(true),
  }
}
