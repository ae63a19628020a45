// SPDX-License-Identifier: Apache-2.0
import { addModelCall, kindOf, noSums, type Sums } from './agent-facts.ts'
import type { AgentNode } from './agent-tree.ts'
import { isRound } from './same-call.ts'

export interface TreeSums extends Sums {
  tools: number
  toolFailures: number
}

/** What the rows of a tree come to; each call once. A round of a call whose end nobody can tie to it is not counted. */
export function sumsOf(nodes: readonly AgentNode[]): TreeSums {
  const sums = { ...noSums(), tools: 0, toolFailures: 0 }
  for (const { row, sameCallAs } of nodes) {
    if (sameCallAs !== undefined || (isRound(row) && row.call_ref === undefined)) continue
    const kind = kindOf(row)
    if (kind === 'model') addModelCall(sums, row)
    if (kind !== 'tool') continue
    sums.tools++
    if (row.outcome !== 'success') sums.toolFailures++
  }
  return sums
}
