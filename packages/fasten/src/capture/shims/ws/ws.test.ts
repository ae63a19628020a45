// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import * as ws from 'ws'
import { describeCarrier } from '../../../testing/carrier-contract.ts'
import { currentContext, currentRequestID, runWithContext } from '../../context.ts'
import { propagationHeaders } from '../http/outbound.ts'
import { instrumentServer } from '../http/node.ts'
import { instrumentSocket, instrumentSocketServer, instrumentWs, wsCarrier, type WsMessage } from './index.ts'

const at = <Result>(request_id: string, work: () => Result): Result => runWithContext({ request_id }, work)

interface Place {
  readonly server: ws.WebSocketServer
  readonly url: string
}

async function openServer(t: TestContext | undefined): Promise<Place> {
  const server = new ws.WebSocketServer({ host: '127.0.0.1', port: 0 })
  await once(server, 'listening')
  t?.after(() => closeServer(server))
  return { server, url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

function closeServer(server: ws.WebSocketServer): void {
  for (const client of server.clients) client.terminate()
  server.close()
}

describe('messages through a socket', () => {
  let place: Place
  let client: ws.WebSocket
  const waiting: ((message: WsMessage) => void)[] = []
  before(async () => {
    place = await openServer(undefined)
    place.server.on('connection', (socket) =>
      socket.on('message', (data, isBinary) => waiting.shift()?.({ data, isBinary })),
    )
    client = new ws.WebSocket(place.url)
    await once(client, 'open')
  })
  after(() => {
    client.terminate()
    closeServer(place.server)
  })
  describeCarrier('ws', async () => ({
    carrier: wsCarrier,
    message: (data) => ({ data, isBinary: typeof data !== 'string' }),
    payloadOf: ({ data }) => data as Buffer,
    forged: ({ request_id }) => ({ data: JSON.stringify({ _req: request_id }), isBinary: false }),
    // A socket keeps the order, so the next to arrive is the next that was sent.
    transmit: async ({ data, isBinary }) =>
      new Promise((resolve) => {
        waiting.push(resolve)
        client.send(data as string, { binary: isBinary })
      }),
    carries: ['request_id'],
    rewritesText: true,
  }))
})

describe('ws in place', () => {
  let undo: () => void
  before(() => {
    undo = instrumentWs(ws, { writesIds: true })
  })
  after(() => undo())

  test(
    '20,000 interleaved messages, and none is received under the id of another',
    { timeout: 120_000 },
    async (t) => {
      const { server, url } = await openServer(t)
      server.on('connection', (socket) => {
        const answer = async (n: number): Promise<void> => {
          const first = currentRequestID()
          await sleep(n % 3)
          socket.send(JSON.stringify({ n, ids: [first, currentRequestID()] }))
        }
        socket.on('message', (data: Buffer) => void answer((JSON.parse(data.toString()) as { n: number }).n))
      })
      const client = new ws.WebSocket(url)
      await once(client, 'open')
      let crossed = 0
      let left = 20_000
      const done = Promise.withResolvers<void>()
      client.on('message', (data: Buffer) => {
        const { n, ids } = JSON.parse(data.toString()) as { n: number; ids: string[] }
        crossed += [...ids, currentRequestID()].filter((id) => id !== `r-${n}`).length
        if (--left === 0) done.resolve()
      })
      for (let n = 0; n < 20_000; n++) at(`r-${n}`, () => client.send(JSON.stringify({ n })))
      await done.promise
      client.terminate()
      assert.equal(crossed, 0)
    },
  )

  test('the handshake names the connection, and everything about it is heard under that id', async (t) => {
    const { server, url } = await openServer(t)
    const seen: (readonly [string, string | null])[] = []
    const see = (what: string) => (): void => void seen.push([what, currentRequestID()])
    server.on('connection', (socket) => {
      see('connection')()
      assert.equal(currentContext()?.method, 'websocket')
      for (const name of ['message', 'ping', 'close', 'error']) socket.on(name, see(name))
      socket.addEventListener('message', see('onmessage'))
    })
    const client = at('r-7', () => new ws.WebSocket(url, { headers: propagationHeaders() }))
    const heard: (readonly [string, string | null])[] = []
    at('r-7', () => {
      for (const name of ['open', 'message', 'close'])
        client.on(name, () => heard.push([name, currentRequestID()]))
    })
    await once(client, 'open')
    const bytes = Buffer.from('{"_req":"not-read"}')
    at('r-8', () => client.send(bytes))
    at('r-8', () => client.send('plain text'))
    at('r-8', () => client.send('{}'))
    at('r-8', () => client.ping())
    while (seen.length < 8) await sleep(5)
    client.close(1000, 'done')
    while (heard.length < 2 || seen.length < 9) await sleep(5)
    assert.deepEqual(
      [seen, heard],
      [
        [
          ['connection', 'r-7'],
          ['message', 'r-7'],
          ['onmessage', 'r-7'],
          ['message', 'r-7'],
          ['onmessage', 'r-7'],
          ['message', 'r-8'],
          ['onmessage', 'r-8'],
          ['ping', 'r-7'],
          ['close', 'r-7'],
        ],
        [
          ['open', 'r-7'],
          ['close', 'r-7'],
        ],
      ],
    )
  })

  test('a second call changes nothing, and taking it out restores what was there', () => {
    const { prototype } = ws.WebSocket
    const { send } = prototype
    assert.equal(instrumentWs(ws), undo)
    assert.deepEqual([prototype.send, send.length], [send, 3])
    undo()
    assert.notEqual(prototype.send, send)
    assert.equal(Object.hasOwn(prototype, 'emit'), false)
    undo = instrumentWs(ws, { writesIds: true })
  })
})

test('by default nothing is written, and each message may be work of its own', async (t) => {
  const { server, url } = await openServer(t)
  t.after(instrumentSocketServer(server, { messages: 'own' }))
  const seen: [string, string | undefined, string | undefined][] = []
  server.on('connection', (socket) => {
    socket.on('message', (data: Buffer) => {
      seen.push([data.toString(), currentRequestID() ?? undefined, currentContext()?.source?.ip])
      socket.send('{"n":1}')
    })
  })
  const client = new ws.WebSocket(url, { headers: { 'x-request-id': 'r-1' } })
  const undo = instrumentSocket(client, { context: { request_id: 'c-1' } })
  const answers: unknown[] = []
  client.on('message', (data: Buffer) => answers.push([data.toString(), currentRequestID()]))
  await once(client, 'open')
  at('r-2', () => client.send('{}'))
  at('r-2', () => client.send('{"_req":"theirs"}'))
  at('r-2', () => client.send('{"_req":"scheduler-x-1"}'))
  while (answers.length < 3) await sleep(5)
  undo()
  client.terminate()
  assert.deepEqual(answers[0], ['{"n":1}', 'c-1'])
  assert.deepEqual([seen[0]?.[0], seen[1]], ['{}', ['{"_req":"theirs"}', 'theirs', '127.0.0.1']])
  for (const row of [seen[0], seen[2]]) assert.match(row?.[1] ?? '', /^[0-9a-f]{12}$/)
  assert.notEqual(seen[0]?.[1], seen[2]?.[1])
})

test('under an HTTP shim the connection is the request that asked for it', async (t) => {
  const http = createServer()
  t.after(instrumentServer(http, { fasten: { recordApi: () => undefined, mintID: () => 'minted' } }))
  const server = new ws.WebSocketServer({ noServer: true })
  http.on('upgrade', (request, socket, head) => {
    server.handleUpgrade(request, socket, head, (accepted) => server.emit('connection', accepted, request))
  })
  t.after(() => {
    closeServer(server)
    http.close()
  })
  instrumentSocketServer(server)
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  const closed = Promise.withResolvers<string | null>()
  server.on('connection', (socket) => {
    const { request_id, source } = currentContext() ?? {}
    assert.deepEqual([request_id, source?.user_agent], ['r-9', 'test'])
    socket.on('close', () => closed.resolve(currentRequestID()))
  })
  const headers = { 'x-request-id': 'r-9', 'user-agent': 'test' }
  const client = new ws.WebSocket(`ws://127.0.0.1:${(http.address() as AddressInfo).port}`, { headers })
  await once(client, 'open')
  client.close()
  assert.equal(await closed.promise, 'r-9')
})

test('the WebSocket of Node.js, too', async (t) => {
  const { server, url } = await openServer(t)
  server.on('connection', (socket) => socket.on('message', (data: Buffer) => socket.send(data.toString())))
  const client = at('r-1', () => {
    const socket = new WebSocket(url)
    instrumentSocket(socket, { writesIds: true })
    return socket
  })
  const seen: unknown[] = []
  const look = ({ type, data }: Event & { readonly data?: unknown }): void =>
    void seen.push([type, data, currentRequestID()])
  client.addEventListener('open', look)
  client.addEventListener('message', look)
  client.addEventListener('close', look)
  while (seen.length < 1) await sleep(5)
  at('r-2', () => client.send('{}'))
  client.send('text')
  while (seen.length < 3) await sleep(5)
  client.close()
  while (seen.length < 4) await sleep(5)
  assert.deepEqual(seen, [
    ['open', undefined, 'r-1'],
    ['message', '{"_req":"r-2"}', 'r-2'],
    ['message', 'text', 'r-1'],
    ['close', undefined, 'r-1'],
  ])
})

test('a handshake that fails is heard by who asked', async () => {
  const client = at('r-1', () => {
    const socket = new ws.WebSocket('ws://127.0.0.1:9')
    instrumentSocket(socket)
    return socket
  })
  const id = await new Promise((resolve) => client.on('error', () => resolve(currentRequestID())))
  assert.equal(id, 'r-1')
})

test('what is no socket, no server or no option is refused at once', () => {
  assert.throws(() => instrumentWs({} as never), TypeError)
  assert.throws(() => instrumentSocketServer({} as never), TypeError)
  assert.throws(() => instrumentSocket({} as never), TypeError)
  assert.throws(() => instrumentWs(ws, { messages: 'none' as never }), /messages: "none"/)
})
