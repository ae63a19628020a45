// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import Anthropic from '@anthropic-ai/sdk'
import { betaTool } from '@anthropic-ai/sdk/helpers/beta/json-schema'
import type { AuditRow } from '../../../../core/row.ts'
import { bench } from '../../../fixtures/instance.ts'
import { createAgents, type Agents } from '../agents.ts'
import { events, modelServer, whole, type ModelServer, type Turn } from '../fixtures/model-server.ts'
import { instrumentAnthropic } from './instrument-anthropic.ts'

async function desk(
  t: TestContext,
  turns: readonly Turn[],
): Promise<{ client: Anthropic; agents: Agents; server: ModelServer; rows(): Promise<AuditRow[]> }> {
  const place = bench(t)
  const fasten = place.start({ strict: true })
  const agents = createAgents({ fasten })
  const server = await modelServer(t, turns)
  const client = new Anthropic({ apiKey: 'test', baseURL: server.url, maxRetries: 0 })
  instrumentAnthropic(client, { agents })
  return {
    client,
    agents,
    server,
    async rows() {
      await fasten.close()
      return place.auditRows()
    },
  }
}

const usage = {
  input_tokens: 10,
  cache_creation_input_tokens: 30,
  cache_read_input_tokens: 60,
  cache_creation: { ephemeral_5m_input_tokens: 20, ephemeral_1h_input_tokens: 10 },
  output_tokens: 5,
}
const message = (content: readonly object[], stop_reason: string, more: object = {}): object => ({
  id: 'msg_1',
  type: 'message',
  role: 'assistant',
  model: 'claude-x-2026',
  content,
  stop_reason,
  stop_sequence: null,
  usage,
  ...more,
})
const asks = (id: string, city: string): object =>
  message([{ type: 'tool_use', id, name: 'weather', input: { city } }], 'tool_use')
const says = (text: string): object => message([{ type: 'text', text }], 'end_turn', { id: 'msg_2' })
const inEvents = (text: string): readonly object[] => [
  {
    type: 'message_start',
    message: { ...message([], 'x'), stop_reason: null, usage: { ...usage, output_tokens: 1 } },
  },
  {
    type: 'content_block_start',
    index: 0,
    content_block: { type: 'tool_use', id: 'toolu_s', name: 'weather', input: {} },
  },
  {
    type: 'content_block_delta',
    index: 0,
    delta: { type: 'input_json_delta', partial_json: text.slice(0, 5) },
  },
  { type: 'content_block_delta', index: 0, delta: { type: 'input_json_delta', partial_json: text.slice(5) } },
  { type: 'content_block_stop', index: 0 },
  {
    type: 'message_delta',
    delta: { stop_reason: 'tool_use', stop_sequence: null },
    usage: { output_tokens: 12 },
  },
  { type: 'message_stop' },
]
const ask = {
  model: 'claude-x',
  max_tokens: 100,
  messages: [{ role: 'user' as const, content: 'how warm is it?' }],
}

describe('the Anthropic client', () => {
  test('a message is a row; what was cached is part of the input', async (t) => {
    const { client, server, rows } = await desk(t, [whole(says('20'), 200, { 'request-id': 'req_provider' })])
    const { data, request_id } = await client.messages.create(ask).withResponse()
    assert.deepEqual([data.id, request_id], ['msg_2', 'req_provider'])
    const [row] = await rows()
    const { latency_ms, first_output_ms, ...detail } = row?.detail ?? {}
    void [latency_ms, first_output_ms]
    assert.deepEqual(
      [row?.call_ref, detail],
      [
        'msg_2',
        {
          model: 'claude-x-2026',
          model_requested: 'claude-x',
          provider: 'anthropic',
          operation: 'messages',
          finish_reason: 'end_turn',
          input_tokens: 100,
          cached_tokens: 60,
          cache_write_tokens: 30,
          output_tokens: 5,
          cost_unknown: true,
        },
      ],
    )
    assert.equal(server.asked[0]?.headers['x-request-id'], undefined)
    assert.doesNotMatch(JSON.stringify(row), /how warm/)
  })

  test('a stream passes event for event; an error in it, and one instead of it, are failures', async (t) => {
    const { client, agents, rows } = await desk(t, [
      events(inEvents('{"city":"Bonn"}'), { isNamed: true }),
      events(
        [
          inEvents('{}')[0] as object,
          { type: 'error', error: { type: 'overloaded_error', message: 'busy' } },
        ],
        { isNamed: true },
      ),
      whole({ type: 'error', error: { type: 'authentication_error', message: 'who?' } }, 401),
    ])
    await agents.agent('a', async () => {
      const seen: string[] = []
      for await (const event of await client.messages.create({ ...ask, stream: true })) seen.push(event.type)
      assert.deepEqual(
        seen,
        inEvents('').map((event) => (event as { type: string }).type),
      )
      agents.recorder.startTool({ tool: 'weather', callRef: 'toolu_s' }).succeeded('20')
    })
    await assert.rejects(client.messages.stream(ask).finalMessage(), /busy/)
    await assert.rejects(client.messages.create(ask), Anthropic.AuthenticationError)
    const [first, used, second, third] = await rows()
    assert.deepEqual(
      [
        first?.detail['is_streamed'],
        first?.detail['output_tokens'],
        first?.detail['input_tokens'],
        first?.detail['tools_asked'],
        first?.detail['finish_reason'],
      ],
      [true, 12, 100, 1, 'tool_use'],
    )
    assert.equal(used?.caused_by, first?.id)
    assert.deepEqual(
      [second?.outcome, second?.detail['error'], second?.detail['input_tokens']],
      ['failure', 'overloaded_error', 100],
    )
    assert.deepEqual([third?.outcome, third?.detail['error_code']], ['failure', '401'])
  })

  test('the tool runner: each tool is caused by the message that asked for it, inside a run and outside', async (t) => {
    const { client, agents, rows } = await desk(t, [
      whole(asks('toolu_1', 'Oslo')),
      whole(says('20')),
      whole(asks('toolu_2', 'Rome')),
      whole(says('25')),
    ])
    const weather = betaTool({
      name: 'weather',
      description: 'the weather',
      inputSchema: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] } as const,
      run: ({ city }) => (city === 'Rome' ? Promise.reject(new RangeError('too warm')) : `${city}: 20`),
    })
    const within = await agents.agent(
      'assistant',
      { on_behalf_of: 'alice' },
      async () =>
        // A runner does not run before somebody waits for it.
        await client.beta.messages.toolRunner({ ...ask, tools: [weather] }),
    )
    assert.equal((within.content[0] as { text: string }).text, '20')
    const outside = await client.beta.messages.toolRunner({ ...ask, tools: [weather] })
    assert.equal((outside.content[0] as { text: string }).text, '25')
    const all = await rows()
    assert.deepEqual(
      all.map(({ code }) => code),
      ['MODEL_CALLED', 'TOOL_CALLED', 'MODEL_CALLED', 'MODEL_CALLED', 'TOOL_FAILED', 'MODEL_CALLED'],
    )
    assert.deepEqual(
      [all[1]?.caused_by, all[1]?.call_ref, all[1]?.on_behalf_of],
      [all[0]?.id, 'toolu_1', 'alice'],
    )
    assert.deepEqual(
      [all[4]?.caused_by, all[4]?.call_ref, all[4]?.detail['error']],
      [all[3]?.id, 'toolu_2', 'RangeError'],
    )
  })
})
