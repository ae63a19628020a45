// SPDX-License-Identifier: Apache-2.0
import type { Agents } from '../agents.ts'
import { defaultAgents } from '../default-agents.ts'
import { givenUp, observedStream } from '../observed-stream.ts'
import { createAnswerText } from '../model-api/answer-text.ts'
import type { TokenUsage } from '../prices/price-table.ts'
import type { ModelCall, ModelEnd, OpenModel } from '../recorder.ts'

export interface AiSdkOptions {
  /** Default: those of the process. */
  readonly agents?: Agents
  /** What a row keeps of prompt and answer. Default `none`. */
  readonly policies?: ModelCall['policies']
}

interface Model {
  readonly provider: string
  readonly modelId: string
}

/** Fits `LanguageModelMiddleware` of the AI SDK 7. */
export interface AiSdkMiddleware {
  readonly specificationVersion: 'v4'
  wrapGenerate<Result>(call: {
    readonly doGenerate: () => PromiseLike<Result>
    readonly params: object
    readonly model: Model
  }): Promise<Result>
  wrapStream<Result extends { readonly stream: ReadableStream }>(call: {
    readonly doStream: () => PromiseLike<Result>
    readonly params: object
    readonly model: Model
  }): Promise<Result>
}

/**
 * A row for each call of a model: `wrapLanguageModel({ model, middleware: modelMiddleware() })`. The SDK calls once for each step of a tool loop and for each
 * retry. An answer that is streamed gets its row when its last part has passed, when it fails, or when nobody listens any more: a failure then, with what is
 * known. Changes nothing of what goes in or comes out.
 */
export function modelMiddleware({ agents, policies }: AiSdkOptions = {}): AiSdkMiddleware {
  const begin = ({ provider, modelId }: Model, params: object, isStreamed: boolean): OpenModel =>
    (agents ?? defaultAgents()).recorder.startModel({
      model: modelId,
      provider: providerOf(provider),
      operation: 'chat',
      ...(isStreamed ? { isStreamed } : {}),
      ...(policies === undefined ? {} : { policies }),
      ...(policies?.input === undefined ? {} : { input: (params as { prompt?: unknown }).prompt }),
    })
  return {
    specificationVersion: 'v4',
    async wrapGenerate({ doGenerate, params, model }) {
      const open = begin(model, params, false)
      try {
        const result = await open.within(doGenerate)
        tell(open, result as GenerateResult)
        return result
      } catch (error) {
        open.failed(error)
        throw error
      }
    },
    async wrapStream({ doStream, params, model }) {
      const open = begin(model, params, true)
      try {
        const result = await open.within(doStream)
        return { ...result, stream: observed(open, result.stream as ReadableStream<StreamPart>) }
      } catch (error) {
        open.failed(error)
        throw error
      }
    },
  }
}

/** `openai.chat` is the provider `openai` and one of its ways of being asked. */
const providerOf = (name: string): string => name.split('.')[0] ?? name

interface Counts {
  readonly inputTokens?: {
    readonly total?: number
    readonly cacheRead?: number
    readonly cacheWrite?: number
  }
  readonly outputTokens?: { readonly total?: number; readonly reasoning?: number }
}

interface Facts {
  readonly finishReason?: { readonly unified?: string }
  readonly usage?: Counts
}

interface Metadata {
  readonly id?: string
  readonly modelId?: string
}

interface ToolCallPart {
  readonly type: 'tool-call'
  readonly toolCallId: string
  readonly toolName: string
  readonly input: string
}

interface GenerateResult extends Facts {
  readonly content?: readonly (ToolCallPart | { readonly type: 'text'; readonly text: string })[]
  readonly response?: Metadata
}

type StreamPart =
  | ToolCallPart
  | (Facts & { readonly type: 'finish' })
  | (Metadata & { readonly type: 'response-metadata' })
  | { readonly type: 'error'; readonly error: unknown }
  | { readonly type: 'stream-start' | 'raw' }
  | { readonly type: 'text-delta'; readonly delta: string }

function tell(open: OpenModel, { content = [], response = {}, ...facts }: GenerateResult): void {
  const answer = createAnswerText()
  for (const part of content)
    if (part.type === 'tool-call') ask(open, part)
    else if (part.type === 'text') answer.add(part.text)
  open.succeeded({
    ...endOf(facts),
    callRef: response.id,
    model: response.modelId,
    output: answer.whole(),
  })
}

const ask = (open: OpenModel, { toolCallId, toolName, input }: ToolCallPart): void =>
  open.asked(toolCallId, toolName, input)

function observed(open: OpenModel, source: ReadableStream<StreamPart>): ReadableStream<StreamPart> {
  let known: ModelEnd = {}
  const answer = createAnswerText()
  let failure: { readonly error: unknown } | undefined
  return observedStream(source, {
    chunk(part) {
      if (part.type === 'stream-start' || part.type === 'raw') return
      if (part.type === 'response-metadata') {
        known = { ...known, callRef: part.id, model: part.modelId }
        return
      }
      open.firstOutput()
      if (part.type === 'tool-call') ask(open, part)
      else if (part.type === 'text-delta') answer.add(part.delta)
      else if (part.type === 'finish') known = { ...known, ...endOf(part) }
      else if (part.type === 'error') failure ??= { error: part.error }
    },
    ended() {
      if (failure === undefined) open.succeeded({ ...known, output: answer.whole() })
      else open.failed(failure.error, { ...known, output: answer.whole() })
    },
    failed: (error) => open.failed(error, { ...known, output: answer.whole() }),
    cancelled() {
      if (failure !== undefined) open.failed(failure.error, { ...known, output: answer.whole() })
      else if (known.finishReason !== undefined) open.succeeded({ ...known, output: answer.whole() })
      else open.failed(givenUp(), { ...known, output: answer.whole(), isAborted: true })
    },
  })
}

function endOf({ finishReason, usage }: Facts): ModelEnd {
  return { finishReason: finishReason?.unified, usage: usage === undefined ? undefined : usageOf(usage) }
}

/** Undefined where the provider did not count. */
function usageOf({ inputTokens = {}, outputTokens = {} }: Counts): TokenUsage | undefined {
  if (inputTokens.total === undefined && outputTokens.total === undefined) return undefined
  return {
    input: inputTokens.total,
    output: outputTokens.total,
    cached: inputTokens.cacheRead,
    cacheWrite: inputTokens.cacheWrite,
    reasoning: outputTokens.reasoning,
  }
}
