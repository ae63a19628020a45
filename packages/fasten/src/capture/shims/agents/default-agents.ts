// SPDX-License-Identifier: Apache-2.0
/** The process's own agents, behind the functions that `fasten/agents` hands out. */
import { createAgents, type Agents, type AgentsOptions, type RunOptions } from './agents.ts'
import type { Approval } from './approval.ts'
import { createToolWrapper, type ToolWrapper } from './wrap-tool.ts'

let configured: Agents | undefined

/** The agents of this process: those that `configureAgents` made last, or some without options. */
export const defaultAgents = (): Agents => (configured ??= createAgents())

/**
 * Prices, a key for digests and what else `AgentsOptions` has, for the functions below and every wrapper that is not given agents of its own. Holds for what
 * begins from then on, also with tools that were wrapped before.
 */
export function configureAgents(options: AgentsOptions): Agents {
  return (configured = createAgents(options))
}

/** See `Agents.agent`. */
export function agent<T>(name: string, options: RunOptions, work: () => T): T
export function agent<T>(name: string, work: () => T): T
export function agent<T>(name: string, ...rest: [RunOptions, () => T] | [() => T]): T {
  const { agent: run } = defaultAgents()
  return rest.length === 1 ? run(name, rest[0]) : run(name, ...rest)
}

/** See `Agents.delegate`. */
export const delegate: Agents['delegate'] = (to, work) => defaultAgents().delegate(to, work)

/** See `ToolWrapper`. */
export const tool: ToolWrapper = createToolWrapper(() => {
  const { recorder, toolDefaults } = defaultAgents()
  return { recorder, defaults: toolDefaults }
})

/** See `Approval`. */
export const approval: Approval = {
  request: (request) => defaultAgents().approval.request(request),
  grant: (decision) => defaultAgents().approval.grant(decision),
  deny: (decision) => defaultAgents().approval.deny(decision),
  under: (grant, work) => defaultAgents().approval.under(grant, work),
}
