// SPDX-License-Identifier: Apache-2.0
import { compareDecimals } from '../../core/decimal.ts'
import { addModelCall, kindOf, noSums, type AgentRow, type Sums } from './agent-facts.ts'
import { createModelCalls } from './same-call.ts'

export const groupings = ['actor', 'model', 'on_behalf_of', 'tool', 'request', 'day'] as const
export type Grouping = (typeof groupings)[number]

export interface AgentCosts {
  /** The dearest first; of equal ones by name. */
  readonly groups: readonly (Sums & { readonly key: string })[]
  readonly total: Sums
  /** Names of the tables by which calls were priced, each with its number of calls. */
  readonly tables: ReadonlyMap<string, number>
}

/** Stands for what a row does not say. */
export const nobody = '(not said)'
export const noTool = '(no tool)'

/**
 * What model calls cost, summed exactly; a call that two rows tell of counts once. By tool, a call belongs to the nearest tool that it was made in, directly or through an agent; rows may come in any
 * order. Keeps a few words of each row, not the rows.
 */
export async function agentCosts(rows: AsyncIterable<AgentRow>, by: Grouping): Promise<AgentCosts> {
  const groups = new Map<string, Sums>()
  const total = noSums()
  const tables = new Map<string, number>()
  const links = new Map<string, Link>()
  const waiting: AgentRow[] = []
  const toldBefore = createModelCalls()

  function add(key: string, row: AgentRow): void {
    const sums = groups.get(key) ?? noSums()
    groups.set(key, sums)
    addModelCall(sums, row)
    addModelCall(total, row)
    const table = row.detail['price_table']
    if (typeof table === 'string' && typeof row.detail['cost_usd'] === 'number')
      tables.set(table, (tables.get(table) ?? 0) + 1)
  }

  for await (const row of rows) {
    const kind = kindOf(row)
    if (by === 'tool')
      links.set(row.id, { cause: row.caused_by, tool: kind === 'tool' ? row.target : undefined })
    if (kind !== 'model' || toldBefore(row) !== undefined) continue
    if (by === 'tool') waiting.push(row)
    else add(keyOf(row, by), row)
  }
  for (const row of waiting) add(toolAround(row, links), row)
  return {
    groups: [...groups]
      .map(([key, sums]) => ({ key, ...sums }))
      .sort((a, b) => compareDecimals(b.cost, a.cost) || b.calls - a.calls || (a.key < b.key ? -1 : 1)),
    total,
    tables,
  }
}

interface Link {
  readonly cause: string | undefined
  readonly tool: string | undefined
}

function keyOf(row: AgentRow, by: Exclude<Grouping, 'tool'>): string {
  switch (by) {
    case 'actor':
      return row.actor ?? nobody
    case 'model': {
      const { provider, model } = row.detail
      const name = typeof model === 'string' ? model : (row.target ?? nobody)
      return typeof provider === 'string' ? `${provider}/${name}` : name
    }
    case 'on_behalf_of':
      return row.on_behalf_of ?? nobody
    case 'request':
      return row.request_id
    case 'day':
      return row.timestamp.slice(0, 10)
  }
}

/** Rows that claim to cause each other lead nowhere. */
function toolAround(row: AgentRow, links: ReadonlyMap<string, Link>): string {
  const seen = new Set<string>()
  for (let id = row.caused_by; id !== undefined && !seen.has(id); id = links.get(id)?.cause) {
    seen.add(id)
    const tool = links.get(id)?.tool
    if (tool !== undefined) return tool
  }
  return noTool
}
