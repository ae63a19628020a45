// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import {
  generateText,
  isStepCount,
  streamText,
  tool,
  wrapLanguageModel,
  type LanguageModel,
  type LanguageModelMiddleware,
  type ModelMessage,
  type ToolSet,
} from 'ai'
import { MockLanguageModelV4, simulateReadableStream } from 'ai/test'
import { z } from 'zod'
import type { AuditRow } from '../../../../core/row.ts'
import { bench } from '../../../fixtures/instance.ts'
import { createAgents, type Agents } from '../agents.ts'
import {
  asks,
  asksInChunks,
  events,
  modelServer,
  said,
  saidInChunks,
  whole,
  type Turn,
} from '../fixtures/model-server.ts'
import { recordApprovals } from './approvals.ts'
import { instrumentTools } from './instrument-tools.ts'
import { modelMiddleware } from './model-middleware.ts'

interface Desk {
  readonly agents: Agents
  wrapped(model: Parameters<typeof wrapLanguageModel>[0]['model']): LanguageModel
  rows(): Promise<AuditRow[]>
}

function desk(t: TestContext): Desk {
  const place = bench(t)
  const fasten = place.start({ strict: true })
  const agents = createAgents({ fasten })
  const middleware: LanguageModelMiddleware = modelMiddleware({ agents })
  return {
    agents,
    wrapped: (model) => wrapLanguageModel({ model, middleware }),
    async rows() {
      await fasten.close()
      return place.auditRows()
    },
  }
}

async function compatible(
  t: TestContext,
  turns: readonly Turn[],
): Promise<Parameters<typeof wrapLanguageModel>[0]['model']> {
  const { url } = await modelServer(t, turns)
  return createOpenAICompatible({ name: 'local', baseURL: url, includeUsage: true }).chatModel('gpt-x')
}

const weather = tool({
  description: 'the weather',
  inputSchema: z.object({ city: z.string() }),
  execute: async ({ city }) => ({ city, degrees: 20 }),
})

/** What matters of a row, without what differs from run to run. */
const gist = ({ code, target, outcome, call_ref, detail }: AuditRow): object => {
  const { latency_ms, first_output_ms, args_hash, result_hash, error_hash, ...rest } = detail
  void [latency_ms, first_output_ms, args_hash, result_hash, error_hash]
  return { code, target, outcome, ...(call_ref === undefined ? {} : { call_ref }), ...rest }
}

describe('the AI SDK', () => {
  test('a loop of generateText leaves a row for each step and each tool, linked by the call id', async (t) => {
    const { agents, wrapped, rows } = desk(t)
    const model = wrapped(
      await compatible(t, [
        whole(asks(['call-a', 'weather', { city: 'Oslo' }], ['call-b', 'weather', { city: 'Rome' }])),
        whole(said('20 degrees')),
      ]),
    )
    const tools: ToolSet = instrumentTools({ weather }, { agents, risk: 'low' })
    const { text } = await agents.agent('assistant', { on_behalf_of: 'alice' }, () =>
      generateText({ model, tools, prompt: 'how warm is it?', stopWhen: isStepCount(3) }),
    )
    assert.equal(text, '20 degrees')
    const all = await rows()
    const [first, ...rest] = all
    assert.deepEqual(gist(first as AuditRow), {
      code: 'MODEL_CALLED',
      target: 'gpt-x-2026',
      outcome: 'success',
      call_ref: 'chatcmpl-asks',
      model: 'gpt-x-2026',
      model_requested: 'gpt-x',
      provider: 'local',
      operation: 'chat',
      finish_reason: 'tool-calls',
      tools_asked: 2,
      input_tokens: 20,
      output_tokens: 8,
      cached_tokens: 12,
      reasoning_tokens: 3,
      cost_unknown: true,
    })
    const called = rest.filter(({ code }) => code === 'TOOL_CALLED')
    assert.deepEqual(
      called
        .map(({ call_ref, caused_by, actor, on_behalf_of }) => [call_ref, caused_by, actor, on_behalf_of])
        .sort(),
      [
        ['call-a', first?.id, 'assistant', 'alice'],
        ['call-b', first?.id, 'assistant', 'alice'],
      ],
    )
    assert.equal(new Set(all.map(({ request_id }) => request_id)).size, 1)
    assert.equal(all.length, 4)
  })

  test('streamText: usage at the end, tools caused by the step that asked, text untouched', async (t) => {
    const { agents, wrapped, rows } = desk(t)
    const model = wrapped(
      await compatible(t, [
        events(asksInChunks('call-s', 'weather', ['{"ci', 'ty":"Bonn"}'])),
        events(
          saidInChunks(['it is ', 'warm'], { prompt_tokens: 30, completion_tokens: 2, total_tokens: 32 }),
        ),
      ]),
    )
    // Nothing is around this one: neither an agent nor a request.
    const { textStream } = streamText({
      model,
      tools: instrumentTools({ weather }, { agents }),
      prompt: 'warm?',
      stopWhen: isStepCount(3),
    })
    let text = ''
    for await (const part of textStream) text += part
    assert.equal(text, 'it is warm')
    const all = await rows()
    const models = all.filter(({ code }) => code === 'MODEL_CALLED')
    assert.deepEqual(
      models.map((row) => [row.detail['input_tokens'], row.detail['is_streamed'], row.detail['tools_asked']]),
      [
        [7, true, 1],
        [30, true, undefined],
      ],
    )
    const called = all.find(({ code }) => code === 'TOOL_CALLED')
    assert.deepEqual(
      [called?.call_ref, called?.caused_by, called?.request_id],
      ['call-s', models[0]?.id, models[0]?.request_id],
    )
  })

  test('a stream that breaks, one that is given up, and one that tells of an error are failures with what is known', async (t) => {
    const { wrapped, rows } = desk(t)
    const broken = wrapped(await compatible(t, [events(saidInChunks(['half']).slice(0, 1), { isCut: true })]))
    const parts = streamText({ model: broken, prompt: 'x', maxRetries: 0, onError: () => {} }).fullStream
    await assert.rejects(async () => {
      for await (const part of parts) void part
    }, /Failed to process successful response/)
    const endless = new MockLanguageModelV4({
      provider: 'mock.chat',
      modelId: 'slow',
      doStream: async () => ({
        stream: simulateReadableStream({
          chunks: [
            { type: 'stream-start', warnings: [] },
            { type: 'response-metadata', id: 'resp-9', modelId: 'slow-1' },
            { type: 'text-start', id: '1' },
            { type: 'text-delta', id: '1', delta: 'a' },
            ...Array.from({ length: 50 }, () => ({ type: 'text-delta' as const, id: '1', delta: 'b' })),
          ],
          chunkDelayInMs: 5,
        }),
      }),
    })
    const stopping = new AbortController()
    for await (const part of streamText({
      model: wrapped(endless),
      prompt: 'x',
      abortSignal: stopping.signal,
      onError: () => {},
    }).fullStream)
      if (part.type === 'text-delta') stopping.abort()
    const telling = new MockLanguageModelV4({
      modelId: 'telling',
      doStream: async () => ({
        stream: simulateReadableStream({
          chunks: [
            { type: 'error', error: Object.assign(new RangeError('too long'), { code: 'context_length' }) },
          ],
        }),
      }),
    })
    for await (const part of streamText({ model: wrapped(telling), prompt: 'x', onError: () => {} })
      .fullStream)
      void part

    const all = await rows()
    assert.deepEqual(
      all.map(({ code, outcome }) => [code, outcome]),
      [
        ['MODEL_CALLED', 'failure'],
        ['MODEL_CALLED', 'failure'],
        ['MODEL_CALLED', 'failure'],
      ],
    )
    const [cut, aborted, told] = all as [AuditRow, AuditRow, AuditRow]
    assert.deepEqual(
      [cut.target, cut.detail['usage_unknown'], cut.call_ref],
      ['gpt-x-2026', true, 'chatcmpl-stream'],
    )
    assert.deepEqual(
      [aborted.target, aborted.call_ref, aborted.detail['error']],
      ['slow-1', 'resp-9', 'AbortError'],
    )
    assert.deepEqual([told.detail['error'], told.detail['error_code']], ['RangeError', 'context_length'])
  })

  test('each retry is a call of its own; the error reaches the caller as it was', async (t) => {
    const { wrapped, rows } = desk(t)
    const model = wrapped(await compatible(t, [whole({ error: { message: 'busy' } }, 400)]))
    await assert.rejects(generateText({ model, prompt: 'x', maxRetries: 0 }), /busy/)
    const [row] = await rows()
    assert.deepEqual(
      [row?.outcome, row?.detail['error'], row?.detail['error_code']],
      ['failure', 'AI_APICallError', '400'],
    )
  })

  test('a tool that fails leaves a row TOOL_FAILED, and the model hears of it', async (t) => {
    const { agents, wrapped, rows } = desk(t)
    const model = wrapped(await compatible(t, [whole(asks(['call-f', 'breaks', {}])), whole(said('sorry'))]))
    const breaks = tool({
      inputSchema: z.object({ city: z.string().optional() }),
      execute: async (): Promise<string> => Promise.reject(new TypeError('no such city: Atlantis')),
    })
    const { text } = await generateText({
      model,
      tools: instrumentTools({ breaks }, { agents }),
      prompt: 'x',
      stopWhen: isStepCount(3),
    })
    assert.equal(text, 'sorry')
    const failed = (await rows()).find(({ code }) => code === 'TOOL_FAILED')
    assert.deepEqual(
      [
        failed?.outcome,
        failed?.severity,
        failed?.detail['error'],
        JSON.stringify(failed).includes('Atlantis'),
      ],
      ['failure', 'warn', 'TypeError', false],
    )
  })

  test('a tool that needs approval: requested, granted by a person, used', async (t) => {
    const { agents, wrapped, rows } = desk(t)
    const model = wrapped(
      await compatible(t, [whole(asks(['call-p', 'pay', { amount: 5 }])), whole(said('paid'))]),
    )
    const pay = tool({
      inputSchema: z.object({ amount: z.number() }),
      needsApproval: true,
      execute: async () => 'done',
    })
    const tools = instrumentTools({ pay }, { agents }) as ToolSet
    const messages: ModelMessage[] = [{ role: 'user', content: 'pay it' }]
    const asked = await generateText({ model, tools, messages })
    messages.push(...asked.response.messages)
    const request = asked.content.find((part) => part.type === 'tool-approval-request')
    messages.push({
      role: 'tool',
      content: [
        {
          type: 'tool-approval-response',
          approvalId: (request as { approvalId: string }).approvalId,
          approved: true,
          reason: 'it is due',
        },
      ],
    })
    assert.equal(recordApprovals(messages, { by: 'bob', agents }), 1)
    const { text } = await generateText({ model, tools, messages, stopWhen: isStepCount(3) })
    assert.equal(text, 'paid')
    const all = await rows()
    const find = (code: string): AuditRow => all.find((row) => row.code === code) as AuditRow
    const [requested, granted, called] = [
      find('APPROVAL_REQUESTED'),
      find('APPROVAL_GRANTED'),
      find('TOOL_CALLED'),
    ]
    assert.deepEqual([requested.call_ref, requested.target], ['call-p', 'pay'])
    assert.deepEqual(
      [granted.actor, granted.actor_kind, granted.reason, granted.caused_by],
      ['bob', 'user', 'it is due', requested.id],
    )
    assert.deepEqual([called.call_ref, called.detail['approved_by']], ['call-p', granted.id])
  })
})
