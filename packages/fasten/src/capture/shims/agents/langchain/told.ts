// SPDX-License-Identifier: Apache-2.0
import { readJson } from '../../../../core/read-json.ts'
import type { TokenUsage } from '../prices/price-table.ts'

/** What LangChain tells a handler, read without believing any of it. */

export function memberOf(value: unknown, ...path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>(
    (at, name) =>
      typeof at === 'object' && at !== null ? (at as Record<string | number, unknown>)[name] : undefined,
    value,
  )
}

/** The model that is asked, and whose it is. */
export function modelIn(
  llm: unknown,
  extra: unknown,
  metadata: unknown,
): { readonly model?: string; readonly provider?: string } {
  const model = textIn(
    memberOf(metadata, 'ls_model_name'),
    memberOf(extra, 'invocation_params', 'model'),
    memberOf(llm, 'kwargs', 'model'),
  )
  const provider = textIn(memberOf(metadata, 'ls_provider'))
  return { ...(model === undefined ? {} : { model }), ...(provider === undefined ? {} : { provider }) }
}

/** What a model answered, what that used, and the tools it asks for. */
export function answerIn(output: unknown): {
  readonly model?: string
  readonly callRef?: string
  readonly usage: TokenUsage | undefined
  readonly finishReason?: string
  readonly calls: readonly { readonly id: string; readonly name: string; readonly args: unknown }[]
} {
  const message = memberOf(output, 'generations', 0, 0, 'message')
  const told = memberOf(message, 'response_metadata')
  const model = textIn(memberOf(told, 'model_name'), memberOf(told, 'model'))
  const callRef = textIn(memberOf(message, 'id'))
  const finishReason = textIn(memberOf(told, 'finish_reason'), memberOf(told, 'stop_reason'))
  const asked = memberOf(message, 'tool_calls')
  const calls = (Array.isArray(asked) ? (asked as unknown[]) : []).flatMap((call) => {
    const [id, name] = [textIn(memberOf(call, 'id')), textIn(memberOf(call, 'name'))]
    return id === undefined || name === undefined ? [] : [{ id, name, args: memberOf(call, 'args') }]
  })
  return {
    calls,
    usage:
      usageIn(memberOf(message, 'usage_metadata')) ??
      olderUsageIn(memberOf(output, 'llmOutput', 'tokenUsage')),
    ...(model === undefined ? {} : { model }),
    ...(callRef === undefined ? {} : { callRef }),
    ...(finishReason === undefined ? {} : { finishReason }),
  }
}

function usageIn(usage: unknown): TokenUsage | undefined {
  const [input, output] = [memberOf(usage, 'input_tokens'), memberOf(usage, 'output_tokens')]
  if (typeof input !== 'number' || typeof output !== 'number') return undefined
  const cached = memberOf(usage, 'input_token_details', 'cache_read')
  const cacheWrite = memberOf(usage, 'input_token_details', 'cache_creation')
  const reasoning = memberOf(usage, 'output_token_details', 'reasoning')
  return {
    input,
    output,
    ...(typeof cached === 'number' ? { cached } : {}),
    ...(typeof cacheWrite === 'number' ? { cacheWrite } : {}),
    ...(typeof reasoning === 'number' ? { reasoning } : {}),
  }
}

function olderUsageIn(usage: unknown): TokenUsage | undefined {
  const [input, output] = [memberOf(usage, 'promptTokens'), memberOf(usage, 'completionTokens')]
  return typeof input === 'number' && typeof output === 'number' ? { input, output } : undefined
}

/** What a tool or a retriever is called: by its run, by itself, or by its class. */
export function nameIn(serialized: unknown, runName: unknown): string {
  const ids = memberOf(serialized, 'id')
  return (
    textIn(
      runName,
      memberOf(serialized, 'name'),
      memberOf(serialized, 'kwargs', 'name'),
      Array.isArray(ids) ? ids.at(-1) : undefined,
    ) ?? 'unnamed'
  )
}

/** Arguments come as JSON text or as what it says. */
export function parsed(input: unknown): unknown {
  if (typeof input !== 'string' || !/^[[{]/.test(input)) return input
  try {
    return readJson(input)
  } catch {
    // Plain text that begins like JSON.
    return input
  }
}

function textIn(...candidates: readonly unknown[]): string | undefined {
  return candidates.find((each): each is string => typeof each === 'string' && each !== '')
}
