// SPDX-License-Identifier: Apache-2.0
import { parseDecimal, plus, zero, type Decimal } from '../../core/decimal.ts'
import type { AuditRow } from '../../core/row.ts'
import type { ReaderRow } from '../reader.ts'

export type AgentRow = ReaderRow<AuditRow>

export type AgentRowKind = 'model' | 'tool' | 'agent' | 'approval' | 'other'

const kindOfCode: Readonly<Record<string, AgentRowKind>> = {
  MODEL_CALLED: 'model',
  TOOL_CALLED: 'tool',
  TOOL_FAILED: 'tool',
  TOOL_DENIED: 'tool',
  AGENT_DELEGATED: 'agent',
  APPROVAL_REQUESTED: 'approval',
  APPROVAL_GRANTED: 'approval',
  APPROVAL_DENIED: 'approval',
}

/** What a row of an agent tells of; `other` is what was done meanwhile. */
export const kindOf = ({ code }: Pick<AgentRow, 'code'>): AgentRowKind =>
  Object.hasOwn(kindOfCode, code) ? (kindOfCode[code] ?? 'other') : 'other'

/** Sums of model calls. Tokens that nobody counted and prices that nobody knew are not in the sums: `usageUnknown` and `costUnknown` count those calls. */
export interface Sums {
  calls: number
  failures: number
  inputTokens: number
  cachedTokens: number
  outputTokens: number
  reasoningTokens: number
  usageUnknown: number
  cost: Decimal
  costUnknown: number
}

export const noSums = (): Sums => ({
  calls: 0,
  failures: 0,
  inputTokens: 0,
  cachedTokens: 0,
  outputTokens: 0,
  reasoningTokens: 0,
  usageUnknown: 0,
  cost: zero,
  costUnknown: 0,
})

/** Counts a model call in. What a row says may be anything: only whole numbers are counts, only numbers are prices. */
export function addModelCall(sums: Sums, row: AgentRow): void {
  const { detail } = row
  const count = (name: string): number => countIn(detail[name]) ?? 0
  sums.calls++
  if (row.outcome !== 'success') sums.failures++
  sums.inputTokens += count('input_tokens')
  sums.cachedTokens += count('cached_tokens')
  sums.outputTokens += count('output_tokens')
  sums.reasoningTokens += count('reasoning_tokens')
  if (countIn(detail['input_tokens']) === undefined && countIn(detail['output_tokens']) === undefined)
    sums.usageUnknown++
  const cost = costIn(row)
  if (cost === undefined) sums.costUnknown++
  else sums.cost = plus(sums.cost, cost)
}

export function costIn({ detail }: AgentRow): Decimal | undefined {
  const cost = detail['cost_usd']
  return typeof cost === 'number' && cost >= 0 ? parseDecimal(cost) : undefined
}

export const countIn = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined
