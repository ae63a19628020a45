// SPDX-License-Identifier: Apache-2.0
import type { TokenUsage } from '../prices/price-table.ts'

/** A span of the SDK's own tracing, as far as it is looked at. */
export interface SpanLike {
  readonly spanId: string
  readonly traceId: string
  readonly parentId: string | null
  readonly spanData: { readonly type: string; readonly [member: string]: unknown }
  readonly error: { readonly message: string; readonly data?: object } | null
}

/** What the SDK says went wrong in a span; it may have made an answer of it. */
class AgentsSdkError extends Error {
  override readonly name = 'AgentsSdkError'
}

export function failureInSpan({ error }: SpanLike): Error | undefined {
  return error === null ? undefined : new AgentsSdkError(error.message)
}

/** Tokens, as the Responses API or the Chat Completions API counts them; undefined where it did not say. */
export function usageIn(usage: unknown): TokenUsage | undefined {
  const input = numberIn(usage, 'input_tokens') ?? numberIn(usage, 'prompt_tokens')
  const output = numberIn(usage, 'output_tokens') ?? numberIn(usage, 'completion_tokens')
  if (input === undefined || output === undefined) return undefined
  const cached =
    numberIn(usage, 'input_tokens_details', 'cached_tokens') ??
    numberIn(usage, 'prompt_tokens_details', 'cached_tokens')
  const reasoning =
    numberIn(usage, 'output_tokens_details', 'reasoning_tokens') ??
    numberIn(usage, 'completion_tokens_details', 'reasoning_tokens')
  return {
    input,
    output,
    ...(cached === undefined ? {} : { cached }),
    ...(reasoning === undefined ? {} : { reasoning }),
  }
}

/** Tool calls that an answer of either API asks for. */
export function toolCallsIn(
  response: unknown,
): readonly { readonly id: string; readonly name: string; readonly args: unknown }[] {
  const output = listIn(response, 'output')
  const messages = listIn(response, 'choices').map((choice) => memberOf(choice, 'message'))
  const calls = [
    ...output
      .filter((item) => memberOf(item, 'type') === 'function_call')
      .map(
        (item) => [memberOf(item, 'call_id'), memberOf(item, 'name'), memberOf(item, 'arguments')] as const,
      ),
    ...messages
      .flatMap((message) => listIn(message, 'tool_calls'))
      .map((call) => {
        const asked = memberOf(call, 'function')
        return [memberOf(call, 'id'), memberOf(asked, 'name'), memberOf(asked, 'arguments')] as const
      }),
  ]
  return calls.flatMap(([id, name, args]) =>
    typeof id === 'string' && typeof name === 'string' ? [{ id, name, args }] : [],
  )
}

export function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined
}

function listIn(value: unknown, name: string): readonly unknown[] {
  const list = memberOf(value, name)
  return Array.isArray(list) ? list : []
}

function numberIn(value: unknown, ...path: readonly string[]): number | undefined {
  const found = path.reduce(memberOf, value)
  return typeof found === 'number' ? found : undefined
}
