// SPDX-License-Identifier: Apache-2.0
import { kindOf, type AgentRow } from './agent-facts.ts'
import { createModelCalls, toolCallsTwice } from './same-call.ts'

export interface AgentNode {
  readonly row: AgentRow
  /** 0 at the top. */
  readonly depth: number
  /** The last of those that have the same cause. */
  readonly isLast: boolean
  /** The row that it names as its cause, where that is not in the tree: it is missing, or of another request, or the two name each other. */
  readonly lostCause?: string
  /** The row that speaks for the same call, in the tree as well: this one is not counted. */
  readonly sameCallAs?: string
}

/**
 * The rows of agents, and what was done in their tools, each once and directly below the row that it names as its cause, in the order in which they began. A row
 * whose cause is not there stands at the top, and says so. What has nothing to do with an agent is left out. Takes time linear in the rows, however deep and
 * wide they are.
 */
export function agentTree(rows: readonly AgentRow[]): readonly AgentNode[] {
  const byId = new Map(rows.map((row) => [row.id, row]))
  const ordered = [...byId.values()].sort((a, b) => (a.id < b.id ? -1 : 1))
  const below = new Map<string, AgentRow[]>()
  const tops: AgentRow[] = []
  for (const row of ordered) {
    if (row.caused_by === undefined || !byId.has(row.caused_by)) tops.push(row)
    else (below.get(row.caused_by) ?? newList(below, row.caused_by)).push(row)
  }
  const seen = new Set<string>()
  const nodes: AgentNode[] = []
  walk(tops)
  // What is left names each other in a ring: the first of them stands at the top.
  for (const row of ordered) if (!seen.has(row.id)) walk([row])
  return withSameCalls(withoutOthers(nodes))

  function walk(from: readonly AgentRow[]): void {
    const open = from.map((row, at) => ({ row, depth: 0, isLast: at === from.length - 1 })).reverse()
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      const { row, depth } = next
      if (seen.has(row.id)) continue
      seen.add(row.id)
      const isLost = depth === 0 && row.caused_by !== undefined
      nodes.push({ ...next, ...(isLost ? { lostCause: row.caused_by } : {}) })
      const children = (below.get(row.id) ?? []).filter(({ id }) => !seen.has(id))
      for (const [at, child] of children.toReversed().entries())
        open.push({ row: child, depth: depth + 1, isLast: at === 0 })
    }
  }
}

function newList(below: Map<string, AgentRow[]>, id: string): AgentRow[] {
  const list: AgentRow[] = []
  below.set(id, list)
  return list
}

function withSameCalls(nodes: readonly AgentNode[]): readonly AgentNode[] {
  const rows = nodes.map(({ row }) => row)
  const same = new Map(toolCallsTwice(rows))
  const modelCalls = createModelCalls()
  for (const row of rows) {
    const told = kindOf(row) === 'model' ? modelCalls(row) : undefined
    if (told !== undefined) same.set(row.id, told)
  }
  if (same.size === 0) return nodes
  return nodes.map((node) => {
    const sameCallAs = same.get(node.row.id)
    return sameCallAs === undefined ? node : { ...node, sameCallAs }
  })
}

/** Trees without any row of an agent are somebody else's business. */
function withoutOthers(nodes: readonly AgentNode[]): readonly AgentNode[] {
  const kept: AgentNode[] = []
  for (let from = 0; from < nodes.length;) {
    let to = from + 1
    while ((nodes[to]?.depth ?? 0) > 0) to++
    const tree = nodes.slice(from, to)
    if (tree.some(({ row }) => kindOf(row) !== 'other')) kept.push(...tree)
    from = to
  }
  return kept
}
