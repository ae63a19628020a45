// SPDX-License-Identifier: Apache-2.0
// Agents: what they ask models, which tools they use, whom they hand work to and who let them, as rows of one tree.

// Run and record.
export { agent, approval, configureAgents, defaultAgents, delegate, tool } from './default-agents.ts'
export { createAgents, type Agents, type AgentsOptions, type RunOptions } from './agents.ts'
export type { ToolOptions, ToolWrapper } from './wrap-tool.ts'
export type { Approval, Decision, DecisionOn, PendingApproval } from './approval.ts'
// For a library that has no wrapper here.
export { createAgentRecorder } from './recorder.ts'
export { recordedTool, toolCallOf } from './wrap-tool.ts'
export { currentRun, type AgentRun, type AskedCall, type AskedCalls } from './run.ts'
export type { AgentInstance, OpenRow } from './agent-rows.ts'
export type { ApprovalDecision, ApprovalRequest, HandOvers, OpenDelegation } from './hand-overs.ts'
export type {
  AgentRecorder,
  ModelCall,
  ModelEnd,
  OpenModel,
  OpenTool,
  RecorderOptions,
  ToolCall,
  ToolEnd,
} from './recorder.ts'
export type { DigestOf } from './digest.ts'
export type { ValuePolicy } from './recorded-value.ts'
export { agentCodes, agentDomain, type AgentCode } from './agent-codes.ts'
// What it costs.
export { openPrices, type PricesOptions } from './prices/open-prices.ts'
export { readSitePrices } from './prices/site-prices.ts'
export { openGenaiPrices, type GenaiPricesOptions } from './prices/genai-prices.ts'
export type { Price, PricedCall, PriceTable, TokenUsage } from './prices/price-table.ts'
