// SPDX-License-Identifier: Apache-2.0
import { createAnswerText } from '../model-api/answer-text.ts'
import { countAt, listAt, objectAt, textAt } from '../model-api/json.ts'
import type { AnswerReader, Json, ModelApi } from '../model-api/observed-fetch.ts'
import { ServerError } from '../model-api/server-error.ts'
import type { TokenUsage } from '../prices/price-table.ts'
import type { ModelEnd, OpenModel } from '../recorder.ts'

/** The parts of the OpenAI API that ask a model, as any server may speak it. */
export const openaiApi: ModelApi = {
  provider: 'openai',
  operationOf(path) {
    if (path.endsWith('/chat/completions')) return 'chat'
    if (path.endsWith('/responses')) return 'responses'
    if (path.endsWith('/embeddings')) return 'embeddings'
    return path.endsWith('/completions') ? 'completions' : undefined
  },
  reader: (open, operation) => (operation === 'responses' ? readResponses(open) : readCompletions(open)),
}

interface PartialCall {
  id: string | undefined
  name: string
  args: string
}

/** Chat, completions and embeddings, whole or in chunks. */
function readCompletions(open: OpenModel): AnswerReader {
  let known: ModelEnd = {}
  const answer = createAnswerText()
  const calls = new Map<number, PartialCall>()
  const told = new Set<number>()

  function tell(at: number): void {
    const call = calls.get(at)
    if (call?.id === undefined || told.has(at)) return
    told.add(at)
    open.asked(call.id, call.name, call.args)
  }

  return {
    read(body) {
      const error = body['error']
      if (error !== undefined && error !== null) return { error: failureIn(error) }
      const usage = objectAt(body, 'usage')
      known = {
        ...known,
        callRef: textAt(body, 'id') ?? known.callRef,
        model: textAt(body, 'model') ?? known.model,
        usage: usage === undefined ? known.usage : completionUsage(usage),
      }
      for (const choice of listAt(body, 'choices')) {
        const finishReason = textAt(choice, 'finish_reason')
        if ((countAt(choice, 'index') ?? 0) === 0)
          answer.add(
            choice['text'] ?? (objectAt(choice, 'message') ?? objectAt(choice, 'delta'))?.['content'],
          )
        for (const [place, call] of listAt(
          objectAt(choice, 'message') ?? objectAt(choice, 'delta'),
          'tool_calls',
        ).entries())
          collect(calls, countAt(call, 'index') ?? place, call)
        if (finishReason === undefined) continue
        known = { ...known, finishReason }
        for (const at of calls.keys()) tell(at)
      }
      return undefined
    },
    end: () => ({ ...known, output: answer.whole() }),
  }
}

function collect(calls: Map<number, PartialCall>, at: number, part: Json): void {
  const call = calls.get(at) ?? { id: undefined, name: '', args: '' }
  const fn = objectAt(part, 'function') ?? objectAt(part, 'custom')
  call.id ??= textAt(part, 'id')
  call.name += textAt(fn, 'name') ?? ''
  call.args += textAt(fn, 'arguments') ?? textAt(fn, 'input') ?? ''
  calls.set(at, call)
}

/** The responses API: one response, or events of which the last has it. */
function readResponses(open: OpenModel): AnswerReader {
  let known: ModelEnd = {}
  return {
    read(body) {
      const type = textAt(body, 'type')
      if (type === 'error') return { error: failureIn(body) }
      const response = objectAt(body, 'response') ?? (type === undefined ? body : undefined)
      if (response === undefined) return undefined
      const usage = objectAt(response, 'usage')
      const status = textAt(response, 'status')
      known = {
        ...known,
        callRef: textAt(response, 'id') ?? known.callRef,
        model: textAt(response, 'model') ?? known.model,
        usage: usage === undefined ? known.usage : responseUsage(usage),
      }
      if (status === undefined || status === 'in_progress' || status === 'queued') return undefined
      known = { ...known, finishReason: status }
      const answer = createAnswerText()
      for (const item of listAt(response, 'output')) {
        for (const part of listAt(item, 'content')) answer.add(part['text'])
        const id = textAt(item, 'call_id')
        const name = textAt(item, 'name')
        if (id !== undefined && name !== undefined) open.asked(id, name, item['arguments'] ?? item['input'])
      }
      known = { ...known, output: answer.whole() }
      const error = response['error']
      return error === undefined || error === null ? undefined : { error: failureIn(error) }
    },
    end: () => known,
  }
}

function failureIn(given: unknown): ServerError {
  const json = typeof given === 'object' && given !== null ? (given as Json) : {}
  const message = textAt(json, 'message') ?? (typeof given === 'string' ? given : '')
  return new ServerError(textAt(json, 'type') ?? 'ApiError', message, textAt(json, 'code'))
}

function completionUsage(usage: Json): TokenUsage {
  return {
    input: countAt(usage, 'prompt_tokens'),
    // Embeddings have an input only.
    output: countAt(usage, 'completion_tokens'),
    cached: countAt(objectAt(usage, 'prompt_tokens_details'), 'cached_tokens'),
    reasoning: countAt(objectAt(usage, 'completion_tokens_details'), 'reasoning_tokens'),
  }
}

function responseUsage(usage: Json): TokenUsage {
  return {
    input: countAt(usage, 'input_tokens'),
    output: countAt(usage, 'output_tokens'),
    cached: countAt(objectAt(usage, 'input_tokens_details'), 'cached_tokens'),
    reasoning: countAt(objectAt(usage, 'output_tokens_details'), 'reasoning_tokens'),
  }
}
