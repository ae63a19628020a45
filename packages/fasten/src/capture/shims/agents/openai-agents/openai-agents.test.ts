// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test, type TestContext } from 'node:test'
import * as sdk from '@openai/agents'
import OpenAI from 'openai'
import * as z from 'zod'
import type { AuditRow } from '../../../../core/row.ts'
import { currentContext, runWithContext } from '../../../context.ts'
import { bench } from '../../../fixtures/instance.ts'
import { createAgents } from '../agents.ts'
import { createDigest } from '../digest.ts'
import { instrumentOpenAI } from '../openai/instrument-openai.ts'
import { instrumentOpenAIAgents } from './openai-agents.ts'

type Item = Readonly<Record<string, unknown>>
const calling = (call_id: string, name: string, args: object): Item => ({
  type: 'function_call',
  id: `fc_${call_id}`,
  call_id,
  name,
  arguments: JSON.stringify(args),
  status: 'completed',
})
const saying = (text: string): Item => ({
  type: 'message',
  id: 'msg_1',
  role: 'assistant',
  status: 'completed',
  content: [{ type: 'output_text', text, annotations: [] }],
})

/** Speaks the Responses API: what it says next is decided by what was said so far. */
type Script = (input: readonly Item[], instructions: string) => readonly Item[] | 'refuse'

describe('the OpenAI Agents SDK', { timeout: 120_000 }, () => {
  let script: Script = () => []
  let answers = 0
  const server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (part: string) => (body += part))
    request.on('end', () => {
      const { input, instructions, model, stream } = JSON.parse(body) as {
        stream?: boolean
        input: Item[]
        instructions: string
        model: string
      }
      const output = script(input, instructions)
      response.setHeader('content-type', 'application/json')
      if (output === 'refuse') return response.writeHead(400).end('{"error":{"message":"no","code":"bad"}}')
      const usage = {
        input_tokens: 10,
        output_tokens: 5,
        total_tokens: 15,
        input_tokens_details: { cached_tokens: 4 },
      }
      const id = `resp_${++answers}`
      const answer = { id, object: 'response', status: 'completed', model: `${model}-2026`, output, usage }
      if (stream !== true) return response.end(JSON.stringify(answer))
      response.setHeader('content-type', 'text/event-stream')
      const event = { type: 'response.completed', sequence_number: 0, response: answer }
      return response.end(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`)
    })
  })
  let runner: sdk.Runner
  let client: OpenAI
  before(async () => {
    sdk.setTraceProcessors([])
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const baseURL = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`
    client = new OpenAI({ baseURL, apiKey: 'none', maxRetries: 0 })
    runner = new sdk.Runner({
      modelProvider: new sdk.OpenAIProvider({ openAIClient: client as never }),
      model: 'm',
    })
  })
  after(() => {
    server.closeAllConnections()
    server.close()
  })

  function open(t: TestContext) {
    const place = bench(t)
    const fasten = place.start({ strict: true })
    const agents = createAgents({ fasten })
    fasten.register('shop', { ORDER_READ: {} })
    // Whatever the SDK knew of earlier tests, one processor at a time hears of its spans.
    sdk.setTraceProcessors([])
    t.after(instrumentOpenAIAgents(sdk, { agents }))
    return {
      fasten,
      agents,
      async rows(): Promise<readonly AuditRow[]> {
        await fasten.close()
        return place.auditRows()
      },
    }
  }

  const isFirst = (input: readonly Item[]): boolean =>
    !input.some(({ type }) => type === 'function_call_output')

  test("an agent, its tool, the one it hands over to and that one's tool are a tree under one id", async (t) => {
    const { fasten, rows } = open(t)
    const lookUp = sdk.tool({
      name: 'look_up',
      description: 'Reads an order.',
      parameters: z.object({ order: z.number() }),
      execute: ({ order }) => {
        fasten.emit({ code: 'ORDER_READ', target: `order:${order}` })
        return `order ${order}`
      },
    })
    const finder = new sdk.Agent({ name: 'finder', instructions: 'finder', tools: [lookUp] })
    const desk = sdk.Agent.create({ name: 'desk', instructions: 'desk', tools: [lookUp], handoffs: [finder] })
    script = (input, instructions) => {
      if (instructions === 'desk')
        return isFirst(input)
          ? [calling('call_1', 'look_up', { order: 7 })]
          : [calling('call_2', 'transfer_to_finder', {})]
      return input.some(({ call_id }) => call_id === 'call_3')
        ? [saying('done')]
        : [calling('call_3', 'look_up', { order: 8 })]
    }
    const result = await runWithContext(
      { request_id: 'order-7', actor: 'ada', actor_kind: 'user' },
      async () => {
        const running = await runner.run(desk, 'hello')
        assert.equal(currentContext()?.request_id, 'order-7')
        return running
      },
    )
    assert.equal(result.finalOutput, 'done')
    const found = await rows()
    assert.deepEqual(new Set(found.map(({ request_id }) => request_id)), new Set(['order-7']))
    const at = new Map(found.map((row, index) => [row.id, index]))
    assert.deepEqual(
      found.map(({ code, actor, target, caused_by, call_ref }) => [
        code,
        actor,
        target,
        caused_by === undefined ? undefined : at.get(caused_by),
        call_ref?.replace(/^resp_\d+$/, 'resp'),
      ]),
      [
        ['MODEL_CALLED', 'desk', 'm-2026', undefined, 'resp'],
        ['ORDER_READ', 'ada', 'order:7', 2, undefined],
        ['TOOL_CALLED', 'desk', 'look_up', 0, 'call_1'],
        ['MODEL_CALLED', 'desk', 'm-2026', undefined, 'resp'],
        ['AGENT_DELEGATED', 'desk', 'finder', undefined, undefined],
        ['MODEL_CALLED', 'finder', 'm-2026', 4, 'resp'],
        ['ORDER_READ', 'ada', 'order:8', 7, undefined],
        ['TOOL_CALLED', 'finder', 'look_up', 5, 'call_3'],
        ['MODEL_CALLED', 'finder', 'm-2026', 4, 'resp'],
      ],
    )
    const [asked, , called] = found
    const { input_tokens, output_tokens, cached_tokens, model_requested } = asked?.detail ?? {}
    assert.deepEqual([input_tokens, output_tokens, cached_tokens, model_requested], [10, 5, 4, undefined])
    assert.equal(called?.detail['args_hash'], createDigest()({ order: 7 }))
    assert.equal(called?.on_behalf_of, 'ada')
  })

  test('a streamed run leaves the same rows; those of the client below it have the same ids and counts', async (t) => {
    const { agents, rows } = open(t)
    t.after(instrumentOpenAI(client, { agents }))
    const lookUp = sdk.tool({
      name: 'look_up',
      description: 'Reads an order.',
      parameters: z.object({ order: z.number() }),
      execute: ({ order }) => `order ${order}`,
    })
    const desk = new sdk.Agent({ name: 'desk', instructions: 'desk', tools: [lookUp] })
    script = (input) => (isFirst(input) ? [calling('call_1', 'look_up', { order: 7 })] : [saying('done')])
    await runWithContext({ request_id: 'order-8' }, async () => {
      const running = await runner.run(desk, 'hello', { stream: true })
      for await (const part of running) void part
      await running.completed
    })
    const found = await rows()
    assert.deepEqual(new Set(found.map(({ request_id }) => request_id)), new Set(['order-8']))
    const models = found.filter(({ code }) => code === 'MODEL_CALLED')
    const seen = Map.groupBy(models, ({ call_ref }) => call_ref)
    assert.deepEqual([models.length, seen.size], [4, 2])
    for (const { detail } of models)
      assert.deepEqual([detail['input_tokens'], detail['output_tokens']], [10, 5])
    const tool = found.find(({ code }) => code === 'TOOL_CALLED')
    const cause = models.find(({ id }) => id === tool?.caused_by)
    assert.deepEqual([tool?.actor, tool?.call_ref, cause?.call_ref], ['desk', 'call_1', models[0]?.call_ref])
  })

  test('what fails is told as failed, also what the SDK makes an answer of', async (t) => {
    const { rows } = open(t)
    const broken = sdk.tool({
      name: 'broken',
      description: 'Breaks.',
      parameters: z.object({}),
      execute: () => {
        throw new TypeError('no')
      },
    })
    const agent = new sdk.Agent({ name: 'desk', instructions: 'desk', tools: [broken] })
    script = (input) => (isFirst(input) ? [calling('call_1', 'broken', {})] : 'refuse')
    await assert.rejects(runner.run(agent, 'hello'))
    const told = (await rows()).map(({ code, outcome, request_id }) => [code, outcome, request_id])
    const [first] = told
    assert.match(String(first?.[2]), /^[0-9a-f]{12}$/)
    assert.deepEqual(told, [
      ['MODEL_CALLED', 'success', first?.[2]],
      ['TOOL_FAILED', 'failure', first?.[2]],
      ['MODEL_CALLED', 'failure', first?.[2]],
    ])
  })

  test('a tool that needs approval: requested, granted by somebody, and the call names the grant', async (t) => {
    const { rows } = open(t)
    const pay = sdk.tool({
      name: 'pay',
      description: 'Pays.',
      parameters: z.object({ euros: z.number() }),
      needsApproval: true,
      execute: ({ euros }) => `paid ${euros}`,
    })
    const agent = new sdk.Agent({ name: 'desk', instructions: 'desk', tools: [pay] })
    script = (input) =>
      isFirst(input)
        ? [calling('call_1', 'pay', { euros: 5 }), calling('call_2', 'pay', { euros: 5_000 })]
        : [saying('done')]
    const context = { request_id: 'order-7' }
    const result = await runWithContext(context, () => runner.run(agent, 'hello'))
    const [small, large] = result.interruptions
    await runWithContext({ request_id: 'decision-1', actor: 'ada', actor_kind: 'user' }, async () => {
      result.state.approve(small as sdk.RunToolApprovalItem)
      result.state.reject(large as sdk.RunToolApprovalItem, { message: 'too much' })
    })
    const going = await runWithContext(context, () => runner.run(agent, result.state))
    assert.equal(going.finalOutput, 'done')
    const found = await rows()
    const at = new Map(found.map((row, index) => [row.id, index]))
    const told = found.map((row) => [
      row.code,
      row.actor,
      row.call_ref,
      at.get(row.caused_by ?? ''),
      row.request_id,
    ])
    assert.deepEqual(told, [
      ['MODEL_CALLED', 'desk', told[0]?.[2], undefined, 'order-7'],
      ['APPROVAL_REQUESTED', 'desk', 'call_1', 0, 'order-7'],
      ['APPROVAL_REQUESTED', 'desk', 'call_2', 0, 'order-7'],
      ['APPROVAL_GRANTED', 'ada', 'call_1', 1, 'decision-1'],
      ['APPROVAL_DENIED', 'ada', 'call_2', 2, 'decision-1'],
      ['TOOL_CALLED', 'desk', 'call_1', 0, 'order-7'],
      ['MODEL_CALLED', 'desk', told[6]?.[2], undefined, 'order-7'],
    ])
    assert.equal(found[5]?.detail['approved_by'], found[3]?.id)
    assert.equal(found[4]?.reason, 'too much')
  })

  test('runs side by side do not cross', async (t) => {
    const { rows } = open(t)
    let crossed = 0
    const look = sdk.tool({
      name: 'look',
      description: 'Looks.',
      parameters: z.object({ run: z.string() }),
      execute: async ({ run }) => {
        await new Promise((resolve) => setImmediate(resolve))
        if (currentContext()?.request_id !== run) crossed++
        return run
      },
    })
    const agent = new sdk.Agent({ name: 'desk', instructions: 'desk', tools: [look] })
    script = (input) =>
      isFirst(input)
        ? [calling('call_1', 'look', { run: (input[0] as { content: string }).content })]
        : [saying('done')]
    const ids = Array.from({ length: 50 }, (_, index) => `r-${index}`)
    await Promise.all(
      ids.map((request_id) => runWithContext({ request_id }, () => runner.run(agent, request_id))),
    )
    assert.equal(crossed, 0)
    const found = await rows()
    for (const request_id of ids) {
      const own = found.filter((row) => row.request_id === request_id)
      const [asked, called] = own
      assert.deepEqual(
        own.map(({ code }) => code),
        ['MODEL_CALLED', 'TOOL_CALLED', 'MODEL_CALLED'],
      )
      assert.equal(called?.caused_by, asked?.id)
    }
  })

  test('a guardrail is told with what it found, and undone the SDK is as before', async (t) => {
    const asBefore = [sdk.Runner.prototype, sdk.Agent.prototype, sdk.RunContext.prototype].map(
      Object.getOwnPropertyNames,
    )
    const { run } = sdk.Runner.prototype
    const { rows } = open(t)
    const undo = instrumentOpenAIAgents(sdk)
    const guardrail = {
      name: 'polite',
      execute: async () => ({ tripwireTriggered: true, outputInfo: {} }),
    }
    const agent = new sdk.Agent({ name: 'desk', instructions: 'desk', inputGuardrails: [guardrail] })
    script = () => [saying('done')]
    await assert.rejects(runner.run(agent, 'hello'), sdk.InputGuardrailTripwireTriggered)
    undo()
    await assert.rejects(runner.run(agent, 'hello'), sdk.InputGuardrailTripwireTriggered)
    const guarded = (await rows()).filter(({ target }) => target === 'guardrail:polite')
    assert.deepEqual(
      guarded.map(({ code, detail }) => [code, detail['result_hash']]),
      [['TOOL_CALLED', createDigest()({ triggered: true })]],
    )
    assert.equal(sdk.Runner.prototype.run, run)
    assert.deepEqual(
      [sdk.Runner.prototype, sdk.Agent.prototype, sdk.RunContext.prototype].map(Object.getOwnPropertyNames),
      asBefore,
    )
    assert.throws(() => instrumentOpenAIAgents({} as never), TypeError)
  })
})
