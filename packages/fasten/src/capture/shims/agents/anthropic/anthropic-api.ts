// SPDX-License-Identifier: Apache-2.0
import { createAnswerText } from '../model-api/answer-text.ts'
import { countAt, listAt, objectAt, textAt } from '../model-api/json.ts'
import type { AnswerReader, Json, ModelApi } from '../model-api/observed-fetch.ts'
import { ServerError } from '../model-api/server-error.ts'
import type { TokenUsage } from '../prices/price-table.ts'
import type { ModelEnd, OpenModel } from '../recorder.ts'

/** The part of the Anthropic API that asks a model. */
export const anthropicApi: ModelApi = {
  provider: 'anthropic',
  operationOf: (path) => (path.endsWith('/messages') ? 'messages' : undefined),
  reader: readMessage,
}

interface Block {
  readonly id: string
  readonly name: string
  json: string
}

/** One message, or the events that build it up. */
function readMessage(open: OpenModel): AnswerReader {
  let known: ModelEnd = {}
  let counts: Json = {}
  const answer = createAnswerText()
  const blocks = new Map<number, Block>()

  function take(message: Json): void {
    counts = { ...counts, ...counted(objectAt(message, 'usage')) }
    known = {
      ...known,
      callRef: textAt(message, 'id') ?? known.callRef,
      model: textAt(message, 'model') ?? known.model,
      finishReason: textAt(message, 'stop_reason') ?? known.finishReason,
    }
  }

  return {
    read(body) {
      const type = textAt(body, 'type')
      const block = objectAt(body, 'content_block')
      const at = countAt(body, 'index') ?? -1
      switch (type) {
        case 'message':
          take(body)
          for (const { type: kind, id, name, input, text } of listAt(body, 'content'))
            if (kind === 'text') answer.add(text)
            else if (kind === 'tool_use' && typeof id === 'string' && typeof name === 'string')
              open.asked(id, name, input)
          return undefined
        case 'message_start':
          take(objectAt(body, 'message') ?? {})
          return undefined
        case 'content_block_start': {
          const [id, name] = [textAt(block, 'id'), textAt(block, 'name')]
          if (textAt(block, 'type') === 'tool_use' && id !== undefined && name !== undefined)
            blocks.set(at, { id, name, json: '' })
          return undefined
        }
        case 'content_block_delta': {
          const begun = blocks.get(at)
          answer.add(objectAt(body, 'delta')?.['text'])
          if (begun !== undefined) begun.json += textAt(objectAt(body, 'delta'), 'partial_json') ?? ''
          return undefined
        }
        case 'content_block_stop': {
          const ended = blocks.get(at)
          if (ended !== undefined) open.asked(ended.id, ended.name, ended.json === '' ? '{}' : ended.json)
          return undefined
        }
        case 'message_delta':
          take({ ...objectAt(body, 'delta'), usage: body['usage'] })
          return undefined
        case 'error':
          return { error: failureIn(objectAt(body, 'error') ?? body) }
        default:
          return undefined
      }
    },
    end: () => ({ ...known, usage: usageOf(counts), output: answer.whole() }),
  }
}

/** Later events count on from the earlier ones; what they leave out or call null stays. */
function counted(usage: Json | undefined): Json {
  return Object.fromEntries(Object.entries(usage ?? {}).filter(([, value]) => value !== null))
}

/** The provider counts what was cached beside the input; we count it as part of it. */
function usageOf(counts: Json): TokenUsage | undefined {
  const [fresh, output] = [countAt(counts, 'input_tokens'), countAt(counts, 'output_tokens')]
  if (fresh === undefined && output === undefined) return undefined
  const cached = countAt(counts, 'cache_read_input_tokens')
  const cacheWrite = countAt(counts, 'cache_creation_input_tokens')
  return {
    input: fresh === undefined ? undefined : fresh + (cached ?? 0) + (cacheWrite ?? 0),
    output,
    cached,
    cacheWrite,
    cacheWriteHour: countAt(objectAt(counts, 'cache_creation'), 'ephemeral_1h_input_tokens'),
  }
}

const failureIn = (error: Json): ServerError =>
  new ServerError(textAt(error, 'type') ?? 'ApiError', textAt(error, 'message') ?? '')
