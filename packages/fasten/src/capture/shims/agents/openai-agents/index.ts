// SPDX-License-Identifier: Apache-2.0
// The OpenAI Agents SDK.
export { instrumentOpenAIAgents } from './openai-agents.ts'

export type { OpenAIAgentsOptions, OpenAIAgentsSdk } from './openai-agents.ts'
