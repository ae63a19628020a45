// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import OpenAI from 'openai'
import type { AuditRow } from '../../../../core/row.ts'
import { runWithContext } from '../../../context.ts'
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
  type ModelServer,
  type Turn,
} from '../fixtures/model-server.ts'
import type { ClientOptions } from '../model-api/instrument-client.ts'
import { instrumentOpenAI } from './instrument-openai.ts'

interface Desk {
  readonly client: OpenAI
  readonly agents: Agents
  readonly server: ModelServer
  readonly undo: () => void
  rows(): Promise<AuditRow[]>
}

async function desk(t: TestContext, turns: readonly Turn[], options: ClientOptions = {}): Promise<Desk> {
  const place = bench(t)
  const fasten = place.start({ strict: true })
  const agents = createAgents({ fasten })
  const server = await modelServer(t, turns)
  const client = new OpenAI({ apiKey: 'sk-test', baseURL: `${server.url}/v1`, maxRetries: 1 })
  const undo = instrumentOpenAI(client, { agents, ...options })
  return {
    client,
    agents,
    server,
    undo,
    async rows() {
      await fasten.close()
      return place.auditRows()
    },
  }
}

const messages = [{ role: 'user', content: 'how warm is it in Oslo?' }] as const
const chat = { model: 'gpt-x', messages: [...messages] }

describe('the OpenAI client', () => {
  test('a chat completion is a row with its usage; the promise stays the client’s own', async (t) => {
    const { client, server, rows } = await desk(t, [
      whole(said('20'), 200, { 'x-request-id': 'req_provider' }),
      whole(said('20')),
      whole(said('20')),
    ])
    const asked = runWithContext({ request_id: 'req-7', actor: 'alice', actor_kind: 'user' }, () =>
      client.chat.completions.create(chat).withResponse(),
    )
    const { data, response, request_id } = await asked
    assert.equal(data.choices[0]?.message.content, '20')
    assert.equal(request_id, 'req_provider')
    assert.equal(response.url, `${server.url}/v1/chat/completions`)
    const raw = await client.chat.completions.create(chat).asResponse()
    assert.equal(await raw.text(), JSON.stringify(said('20')), 'byte for byte')
    assert.equal(
      (await client.withOptions({ timeout: 5000 }).chat.completions.create(chat)).id,
      'chatcmpl-said',
    )

    const [row, ...others] = await rows()
    assert.equal(others.length, 2)
    assert.deepEqual(
      [row?.request_id, row?.actor, row?.on_behalf_of, row?.call_ref, row?.target],
      ['req-7', 'agent', 'alice', 'chatcmpl-said', 'gpt-x-2026'],
    )
    const { latency_ms, first_output_ms, ...detail } = row?.detail ?? {}
    assert.deepEqual([typeof latency_ms, typeof first_output_ms], ['number', 'number'])
    assert.deepEqual(detail, {
      model: 'gpt-x-2026',
      model_requested: 'gpt-x',
      provider: 'openai',
      operation: 'chat',
      finish_reason: 'stop',
      input_tokens: 10,
      output_tokens: 5,
      cost_unknown: true,
    })
    const ours = server.asked.flatMap(({ headers }) =>
      Object.keys(headers).filter((name) => /request-id|traceparent|baggage|caused/.test(name)),
    )
    assert.deepEqual(ours, [], 'a third party is not told our ids')
    assert.doesNotMatch(JSON.stringify([row, others]), /how warm/, 'what was said is not recorded')
  })

  test('what was answered is kept as its digest when a policy asks, the same of a stream as of a whole answer', async (t) => {
    const { client, agents, rows } = await desk(
      t,
      [whole(said('20 degrees')), events(saidInChunks(['20 ', 'degrees']))],
      { policies: { output: 'hash' } },
    )
    await client.chat.completions.create(chat)
    for await (const part of await client.chat.completions.create({ ...chat, stream: true })) void part
    const digests = (await rows()).map(({ detail }) => detail['output_hash'])
    assert.deepEqual(digests, [agents.recorder.digest('20 degrees'), agents.recorder.digest('20 degrees')])
  })

  test('a stream passes as it is; its usage is known when the application asked for it, and unknown else', async (t) => {
    const usage = { prompt_tokens: 9, completion_tokens: 2, total_tokens: 11 }
    const { client, rows } = await desk(t, [
      events(saidInChunks(['a', 'b'], usage)),
      events(saidInChunks(['c'])),
    ])
    const heard: string[] = []
    for (const include_usage of [true, false])
      for await (const part of await client.chat.completions.create({
        ...chat,
        stream: true,
        stream_options: { include_usage },
      }))
        heard.push(part.choices[0]?.delta.content ?? '-')
    assert.deepEqual(heard, ['a', 'b', '-', '-', 'c', '-'])
    const [known, unknown] = await rows()
    assert.deepEqual(
      [known?.detail['input_tokens'], known?.detail['is_streamed'], known?.detail['finish_reason']],
      [9, true, 'stop'],
    )
    assert.deepEqual([unknown?.outcome, unknown?.detail['usage_unknown']], ['success', true])
  })

  test('a stream that the caller leaves, and one that the server cuts, are failures with what is known', async (t) => {
    const { client, rows } = await desk(t, [
      events(saidInChunks(['word']).slice(0, 1), { isOpen: true }),
      events(saidInChunks(['half']).slice(0, 1), { isCut: true }),
    ])
    for await (const part of await client.chat.completions.create({ ...chat, stream: true }))
      if (part.choices[0]?.delta.content !== undefined) break
    await assert.rejects(async () => {
      for await (const part of await client.chat.completions.create({ ...chat, stream: true })) void part
    })
    const [left, cut] = await rows()
    assert.deepEqual(
      [left?.outcome, left?.call_ref, left?.detail['is_aborted'], left?.detail['error']],
      ['failure', 'chatcmpl-stream', true, 'AbortError'],
    )
    assert.deepEqual(
      [cut?.outcome, cut?.call_ref, cut?.detail['usage_unknown']],
      ['failure', 'chatcmpl-stream', true],
    )
  })

  test('each try is a row: the first refused, the second answered', async (t) => {
    const { client, rows } = await desk(t, [
      whole({ error: { message: 'slow down', type: 'requests' } }, 429, {
        'retry-after-ms': '1',
        'x-request-id': 'req_1',
      }),
      whole(said('20')),
    ])
    await client.chat.completions.create(chat)
    const [refused, answered] = await rows()
    assert.deepEqual(
      [refused?.outcome, refused?.detail['error_code'], refused?.call_ref, refused?.detail['attempt']],
      ['failure', '429', 'req_1', undefined],
    )
    assert.deepEqual([answered?.outcome, answered?.detail['attempt']], ['success', 2])
  })

  test('runTools: the tools are caused by the completion that asked, also with the same name twice', async (t) => {
    const { client, agents, rows } = await desk(t, [
      whole(asks(['call-1', 'weather', { city: 'Oslo' }], ['call-2', 'weather', { city: 'Rome' }])),
      events(asksInChunks('call-3', 'weather', ['{"city":', '"Bonn"}'])),
    ])
    const run = client.chat.completions.runTools(
      {
        ...chat,
        tools: [
          {
            type: 'function',
            function: {
              name: 'weather',
              description: 'the weather',
              parameters: { type: 'object', properties: { city: { type: 'string' } } },
              parse: JSON.parse,
              function: async ({ city }: { city: string }) => `${city}: 20`,
            },
          },
        ],
      },
      { maxChatCompletions: 1 },
    )
    await run.done().catch(() => {})
    const stream = agents.agent('streamer', () => client.chat.completions.stream({ ...chat, stream: true }))
    assert.equal((await stream.finalChatCompletion()).choices[0]?.message.tool_calls?.[0]?.id, 'call-3')
    const all = await rows()
    const [model] = all
    assert.deepEqual(
      all
        .filter(({ code }) => code === 'TOOL_CALLED')
        .map(({ call_ref, caused_by, request_id, detail }) => [
          call_ref,
          caused_by,
          request_id,
          detail['args_hash'],
        ])
        .sort(),
      [
        ['call-1', model?.id, model?.request_id, agents.recorder.digest({ city: 'Oslo' })],
        ['call-2', model?.id, model?.request_id, agents.recorder.digest({ city: 'Rome' })],
      ],
    )
    assert.deepEqual([all.at(-1)?.actor, all.at(-1)?.detail['tools_asked']], ['streamer', 1])
  })

  test('responses, whole and streamed, and embeddings', async (t) => {
    const response = {
      id: 'resp_1',
      object: 'response',
      model: 'gpt-x-2026',
      status: 'completed',
      output: [
        {
          type: 'function_call',
          id: 'fc_1',
          call_id: 'call-r',
          name: 'weather',
          arguments: '{}',
          status: 'completed',
        },
      ],
      usage: {
        input_tokens: 50,
        output_tokens: 6,
        total_tokens: 56,
        input_tokens_details: { cached_tokens: 40 },
        output_tokens_details: { reasoning_tokens: 4 },
      },
    }
    const failed = {
      ...response,
      id: 'resp_2',
      status: 'failed',
      output: [],
      error: { code: 'server_error', message: 'no' },
    }
    const { client, agents, rows } = await desk(t, [
      whole(response),
      events(
        [
          { type: 'response.created', response: { ...response, status: 'in_progress', usage: null } },
          { type: 'response.failed', response: failed },
        ],
        { isNamed: true },
      ),
      whole({
        object: 'list',
        model: 'embed-1',
        data: [{ object: 'embedding', index: 0, embedding: 'AACAPw==' }],
        usage: { prompt_tokens: 4, total_tokens: 4 },
      }),
    ])
    await agents.agent('reader', async () => {
      await client.responses.create({ model: 'gpt-x', input: 'hello' })
      agents.recorder.startTool({ tool: 'weather', callRef: 'call-r' }).succeeded('20')
    })
    for await (const event of await client.responses.create({ model: 'gpt-x', input: 'x', stream: true }))
      void event
    await client.embeddings.create({ model: 'embed', input: 'x' })
    const [first, used, second, third] = await rows()
    assert.deepEqual(
      ['operation', 'input_tokens', 'cached_tokens', 'output_tokens', 'reasoning_tokens', 'tools_asked'].map(
        (name) => first?.detail[name],
      ),
      ['responses', 50, 40, 6, 4, 1],
    )
    assert.equal(used?.caused_by, first?.id)
    assert.deepEqual(
      [second?.outcome, second?.call_ref, second?.detail['error_code'], second?.detail['input_tokens']],
      ['failure', 'resp_2', 'server_error', 50],
    )
    assert.deepEqual(
      [
        third?.detail['operation'],
        third?.detail['input_tokens'],
        third?.detail['output_tokens'],
        third?.target,
      ],
      ['embeddings', 4, undefined, 'embed-1'],
    )
  })

  test('doing it twice is doing it once, of the class as of a client; undone, it is as it was', async (t) => {
    const { client, agents, server, undo, rows } = await desk(t, [
      whole(said('1')),
      whole(said('2')),
      whole(said('3')),
    ])
    const undoClass = instrumentOpenAI(OpenAI, { agents })
    t.after(undoClass)
    assert.equal(instrumentOpenAI(OpenAI, { agents }), undoClass)
    assert.equal(instrumentOpenAI(client, { agents }), undo)
    const other = new OpenAI({ apiKey: 'sk-test', baseURL: `${server.url}/v1` })
    instrumentOpenAI(other, { agents })
    await client.chat.completions.create(chat)
    await other.chat.completions.create(chat)
    undo()
    undoClass()
    await client.chat.completions.create(chat)
    assert.equal((await rows()).length, 2)
    assert.equal(Object.hasOwn(OpenAI.prototype, 'fetch'), false)
    assert.throws(() => instrumentOpenAI({}), /no client/)
  })
})
