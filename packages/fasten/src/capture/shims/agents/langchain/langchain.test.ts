// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import { BaseChatModel } from '@langchain/core/language_models/chat_models'
import { AIMessage, type BaseMessage } from '@langchain/core/messages'
import type { ChatResult } from '@langchain/core/outputs'
import { BaseRetriever } from '@langchain/core/retrievers'
import { RunnableLambda } from '@langchain/core/runnables'
import { tool } from '@langchain/core/tools'
import * as z from 'zod'
import type { AuditRow } from '../../../../core/row.ts'
import { currentContext, runWithContext } from '../../../context.ts'
import { bench } from '../../../fixtures/instance.ts'
import { createAgents } from '../agents.ts'
import { createDigest } from '../digest.ts'
import { createCallbackHandler, instrumentTool } from './index.ts'

/** A model of one's own, as LangChain lets anybody write one: what it says is decided by what it is asked. */
class Scripted extends BaseChatModel {
  readonly say: (messages: readonly BaseMessage[]) => AIMessage
  constructor(say: (messages: readonly BaseMessage[]) => AIMessage) {
    super({})
    this.say = say
  }
  _llmType(): string {
    return 'scripted'
  }
  async _generate(messages: BaseMessage[]): Promise<ChatResult> {
    await new Promise((resolve) => setImmediate(resolve))
    const message = this.say(messages)
    return { generations: [{ text: message.text, message }] }
  }
}

const answer = (content: string, tool_calls: NonNullable<AIMessage['tool_calls']> = []): AIMessage =>
  new AIMessage({
    content,
    tool_calls,
    id: 'resp-1',
    response_metadata: { model_name: 'm-2026', finish_reason: 'stop' },
    usage_metadata: {
      input_tokens: 10,
      output_tokens: 5,
      total_tokens: 15,
      input_token_details: { cache_read: 4 },
      output_token_details: { reasoning: 2 },
    } as never,
  })

function open(t: TestContext) {
  const place = bench(t)
  const fasten = place.start({ strict: true })
  const agents = createAgents({ fasten })
  fasten.register('shop', { ORDER_READ: {} })
  return {
    fasten,
    handler: createCallbackHandler({ agents, agent: 'desk' }),
    async rows(): Promise<readonly AuditRow[]> {
      await fasten.close()
      return place.auditRows()
    },
  }
}

describe('LangChain.js', { timeout: 120_000 }, () => {
  test('models, tools and retrievers of a chain are a tree, and an instrumented tool runs under its row', async (t) => {
    const { fasten, handler, rows } = open(t)
    const lookUp = tool(
      async ({ order }: { order: number }) => {
        fasten.emit({ code: 'ORDER_READ', target: `order:${order}` })
        return { found: order }
      },
      { name: 'look_up', description: 'Reads an order.', schema: z.object({ order: z.number() }) },
    )
    const undo = instrumentTool(lookUp)
    assert.equal(instrumentTool(lookUp), undo)
    class Shelf extends BaseRetriever {
      lc_namespace = ['test']
      override async _getRelevantDocuments(): Promise<[]> {
        return []
      }
    }
    const model = new Scripted(() => answer('', [{ id: 'call_1', name: 'look_up', args: { order: 7 } }]))
    const chain = RunnableLambda.from(async (_: string, config) => {
      await new Shelf().invoke('books', config)
      const asked = await model.invoke('hello', config)
      return lookUp.invoke({ ...asked.tool_calls?.[0], type: 'tool_call' } as never, config)
    })
    const result = await runWithContext({ request_id: 'order-7', actor: 'ada', actor_kind: 'user' }, () =>
      chain.invoke('hello', { callbacks: [handler] }),
    )
    assert.deepEqual(JSON.parse(String((result as { content: unknown }).content)), { found: 7 })
    undo()
    assert.equal(Object.hasOwn(lookUp, '_call'), false)
    const found = await rows()
    const at = new Map(found.map((row, index) => [row.id, index]))
    assert.deepEqual(
      found.map(({ code, actor, target, caused_by, call_ref, request_id }) => [
        code,
        actor,
        target,
        at.get(caused_by ?? ''),
        call_ref,
        request_id,
      ]),
      [
        ['TOOL_CALLED', 'desk', 'Shelf', undefined, undefined, 'order-7'],
        ['MODEL_CALLED', 'desk', 'm-2026', undefined, 'resp-1', 'order-7'],
        ['ORDER_READ', 'ada', 'order:7', 3, undefined, 'order-7'],
        ['TOOL_CALLED', 'desk', 'look_up', 1, 'call_1', 'order-7'],
      ],
    )
    const { input_tokens, output_tokens, cached_tokens, reasoning_tokens } = found[1]?.detail ?? {}
    assert.deepEqual([input_tokens, output_tokens, cached_tokens, reasoning_tokens], [10, 5, 4, 2])
    assert.equal(found[3]?.detail['args_hash'], createDigest()({ order: 7 }))
    assert.equal(found[3]?.on_behalf_of, 'ada')
  })

  test('what fails is told as failed, under one id also outside of any request', async (t) => {
    const { handler, rows } = open(t)
    const broken = tool(
      async () => {
        throw new TypeError('no')
      },
      { name: 'broken', description: 'Breaks.', schema: z.object({}) },
    )
    const model = new Scripted(() => {
      throw new RangeError('too long')
    })
    const chain = RunnableLambda.from(async (_: string, config) => {
      await broken.invoke({}, config).catch(() => {})
      return model.invoke('hello', config)
    })
    await assert.rejects(chain.invoke('hello', { callbacks: [handler] }), RangeError)
    const told = (await rows()).map(({ code, outcome, detail, request_id }) => [
      code,
      outcome,
      detail['error'],
      request_id,
    ])
    const id = told[0]?.[3]
    assert.deepEqual(told, [
      ['TOOL_FAILED', 'failure', 'TypeError', id],
      ['MODEL_CALLED', 'failure', 'RangeError', id],
    ])
  })

  test('a streamed answer is one row, with when it began', async (t) => {
    const { handler, rows } = open(t)
    const model = new Scripted(() => answer('one two'))
    const parts = []
    for await (const part of await model.stream('hello', { callbacks: [handler] })) parts.push(part.text)
    assert.equal(parts.join(''), 'one two')
    assert.deepEqual(
      (await rows()).map(({ code, outcome }) => [code, outcome]),
      [['MODEL_CALLED', 'success']],
    )
  })

  test('calls side by side do not cross', async (t) => {
    const { handler, rows } = open(t)
    let crossed = 0
    const look = tool(
      async ({ id }: { id: string }) => {
        await new Promise((resolve) => setImmediate(resolve))
        if (currentContext()?.request_id !== id) crossed++
        return id
      },
      { name: 'look', description: 'Looks.', schema: z.object({ id: z.string() }) },
    )
    instrumentTool(look)
    const model = new Scripted(([message]) =>
      answer('', [{ id: 'call_1', name: 'look', args: { id: message?.text } }]),
    )
    const chain = RunnableLambda.from(async (id: string, config) => {
      const asked = await model.invoke(id, config)
      return look.invoke({ ...asked.tool_calls?.[0], type: 'tool_call' } as never, config)
    })
    const ids = Array.from({ length: 100 }, (_, index) => `r-${index}`)
    await Promise.all(
      ids.map((request_id) =>
        runWithContext({ request_id }, () => chain.invoke(request_id, { callbacks: [handler] })),
      ),
    )
    assert.equal(crossed, 0)
    const found = await rows()
    for (const request_id of ids) {
      const [asked, called, ...more] = found.filter((row) => row.request_id === request_id)
      assert.deepEqual([asked?.code, called?.code, more.length], ['MODEL_CALLED', 'TOOL_CALLED', 0])
      assert.equal(called?.caused_by, asked?.id)
    }
  })

  test('what is no tool is refused at once', () => {
    assert.throws(() => instrumentTool({}), TypeError)
  })
})
