// SPDX-License-Identifier: Apache-2.0
/* oxlint-disable prefer-add-event-listener -- transports of MCP can be listened to in no other way */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { InMemoryTransport } from '@modelcontextprotocol/client'
import { currentContext, runWithContext } from '../../../context.ts'
import type { McpMessage } from './message.ts'
import { tapTransport, type CallWatch } from './tap.ts'

const optionsOf = (watch: CallWatch, isOn = (): boolean => true) => ({
  watch,
  known: () => ({}),
  trustsSentinels: false,
  isOn,
})
const current = (): string | undefined => currentContext()?.request_id

/** Both ends of a connection with a tap on each, and without an SDK on top. */
function openPair(
  work: (message: McpMessage, tell: (progress: number) => Promise<void>) => Promise<unknown>,
) {
  const [client, server] = InMemoryTransport.createLinkedPair()
  tapTransport(client, optionsOf({}))
  tapTransport(server, optionsOf({ arrived: () => undefined }))
  server.onmessage = (message: McpMessage) => {
    if (message.method !== 'tools/call') return
    const { _meta: meta } = message.params as { readonly _meta: { readonly progressToken?: unknown } }
    const { progressToken } = meta
    const tell = (progress: number): Promise<void> =>
      server.send({
        jsonrpc: '2.0',
        method: 'notifications/progress',
        params: { progressToken, progress },
      } as never)
    void work(message, tell).then((result) =>
      server.send({ jsonrpc: '2.0', id: message.id, result } as never),
    )
  }
  const waiting = new Map<unknown, (result: unknown) => void>()
  const progress = new Map<unknown, () => void>()
  client.onmessage = (message: McpMessage) => {
    if (message.method === 'notifications/progress')
      progress.get((message.params as { readonly progressToken: unknown }).progressToken)?.()
    else waiting.get(message.id)?.(message.result)
  }
  const call = (id: number, onprogress: () => void): Promise<unknown> =>
    new Promise((resolve) => {
      waiting.set(id, resolve)
      progress.set(id, onprogress)
      const params = { name: 'x', arguments: { id }, _meta: { progressToken: id } }
      void client.send({ jsonrpc: '2.0', id, method: 'tools/call', params } as never)
    })
  return { client, server, call }
}

describe('a tap on a transport', () => {
  test(
    '20,000 calls in the air, their progress and their answers: no two cross',
    { timeout: 120_000 },
    async () => {
      let crossed = 0
      const expect = (id: unknown): void => void (current() === `r-${String(id)}` || crossed++)
      const { call, client } = openPair(async (message, tell) => {
        const { id } = message
        expect(id)
        await sleep((id as number) % 3)
        await tell(1)
        expect(id)
        await new Promise((resolve) => setImmediate(resolve))
        expect(id)
        return { id, seen: current() }
      })
      let reports = 0
      const one = async (id: number): Promise<void> => {
        const result = await runWithContext({ request_id: `r-${id}` }, () =>
          call(id, () => {
            reports++
            expect(id)
          }),
        )
        assert.deepEqual(result, { id, seen: `r-${id}` })
      }
      await Promise.all(Array.from({ length: 20_000 }, (_, id) => one(id)))
      assert.deepEqual([crossed, reports], [0, 20_000])
      await client.close()
    },
  )

  test('progress and an answer are heard where the request was sent, wherever they come from', async () => {
    const heard: unknown[] = []
    const [client, server] = InMemoryTransport.createLinkedPair()
    tapTransport(client, optionsOf({}))
    client.onmessage = (message: McpMessage) => heard.push([message.method ?? 'answer', current()])
    server.onmessage = () => {}
    const params = { name: 'x', _meta: { progressToken: 'token' } }
    const sender = { request_id: 'sender' }
    await runWithContext(sender, () =>
      client.send({ jsonrpc: '2.0', id: 'text', method: 'tools/call', params } as never),
    )
    const report = {
      jsonrpc: '2.0',
      method: 'notifications/progress',
      params: { progressToken: 'token', progress: 1 },
    }
    const answer = { jsonrpc: '2.0', id: 'text', result: {} }
    await runWithContext({ request_id: 'elsewhere' }, async () => {
      for (const message of [report, answer, answer]) await server.send(message as never)
    })
    assert.deepEqual(heard, [
      ['notifications/progress', 'sender'],
      ['answer', 'sender'],
      ['answer', 'elsewhere'],
    ])
  })

  test('who listened before is not asked twice', () => {
    const [client] = InMemoryTransport.createLinkedPair()
    const heard: string[] = []
    client.onmessage = () => heard.push(`first ${current()}`)
    tapTransport(client, optionsOf({}))
    const first = client.onmessage as (message: unknown) => void
    client.onmessage = (message: unknown) => {
      first(message)
      heard.push(`second ${current()}`)
    }
    const params = { _meta: { 'fasten/request_id': 'r-1' } }
    ;(client.onmessage as (message: unknown) => void)({ jsonrpc: '2.0', method: 'x', params })
    assert.deepEqual(heard, ['first r-1', 'second r-1'])
  })

  test('a batch carries the ids in each of its messages, and what cannot be sent is told as such', async () => {
    const sent: unknown[] = []
    const ends: string[] = []
    const watch: CallWatch = {
      leaving: () => ({
        within: (work) => work(),
        answered: (_, pass) => pass(),
        ended: (how) => ends.push(how),
      }),
    }
    const transport = {
      send(this: unknown, message: unknown) {
        assert.equal(this, transport)
        sent.push(message)
        return Promise.reject(new Error('no'))
      },
    }
    tapTransport(transport, optionsOf(watch))
    const message = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'x' } }
    const sending = runWithContext({ request_id: 'r-1' }, () =>
      transport.send([message, { jsonrpc: '2.0', id: 2, result: {} }]),
    )
    await assert.rejects(sending, /no/)
    assert.deepEqual(sent, [
      [
        { ...message, params: { name: 'x', _meta: { 'fasten/request_id': 'r-1' } } },
        { jsonrpc: '2.0', id: 2, result: {} },
      ],
    ])
    await assert.rejects(
      runWithContext({ request_id: 'r-1' }, () => transport.send({ ...message, id: 3 })),
      /no/,
    )
    assert.deepEqual(ends, ['unsent', 'unsent'])
  })

  test('two requests under one number are two calls', async () => {
    const ends: string[] = []
    const watch: CallWatch = {
      arrived: () => ({
        within: (work) => work(),
        answered: (_, pass) => (ends.push('answered'), pass()),
        ended: (how) => ends.push(how),
      }),
    }
    const [client, server] = InMemoryTransport.createLinkedPair()
    tapTransport(server, optionsOf(watch))
    server.onmessage = () => {}
    for (const _ of [1, 2])
      await client.send({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: {} } as never)
    await server.send({ jsonrpc: '2.0', id: 1, result: {} } as never)
    await server.send({ jsonrpc: '2.0', id: 1, result: {} } as never)
    assert.deepEqual(ends, ['superseded', 'answered'])
  })
})
