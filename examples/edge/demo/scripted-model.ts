// SPDX-License-Identifier: Apache-2.0
import { MockLanguageModelV4 } from 'ai/test'

/** A model that asks for the tank that it was told of, and then says what the tool answered. */
export function scriptedModel(): MockLanguageModelV4 {
  let calls = 0
  const usage = {
    inputTokens: { total: 40, noCache: 40, cacheRead: 0, cacheWrite: 0 },
    outputTokens: { total: 12, text: 12, reasoning: 0 },
  }
  return new MockLanguageModelV4({
    provider: 'script',
    modelId: 'script-1',
    doGenerate: async ({ prompt }) => {
      const last = prompt.at(-1)
      const told = JSON.stringify(last?.content)
      if (last?.role === 'tool')
        return {
          content: [{ type: 'text', text: `It is set to ${/celsius\D+([\d.]+)/.exec(told)?.[1]} °C.` }],
          finishReason: { unified: 'stop', raw: 'stop' },
          usage,
          warnings: [],
        }
      const tank = /tank (\w+)/.exec(told)?.[1] ?? ''
      return {
        content: [
          {
            type: 'tool-call',
            toolCallId: `call-${++calls}`,
            toolName: 'read_tank',
            input: JSON.stringify({ tank }),
          },
        ],
        finishReason: { unified: 'tool-calls', raw: 'tool_calls' },
        usage,
        warnings: [],
      }
    },
  })
}
