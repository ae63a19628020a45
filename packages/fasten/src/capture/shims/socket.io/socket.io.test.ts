// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { after, before, describe, test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import * as servers from 'socket.io'
import type { ServerOptions, Socket as ServerSocket } from 'socket.io'
import type * as adapters from 'socket.io-adapter'
import * as clients from 'socket.io-client'
import { describeCarrier } from '../../../testing/carrier-contract.ts'
import { currentContext, currentRequestID, runWithContext } from '../../context.ts'
import { crossings } from './fixtures/crossings.ts'
import { isConnected, nextOf, openPlace, type Place } from './fixtures/places.ts'
import { instrumentSocketIo, ioCarrier, type IoEvent } from './index.ts'

const at = <Result>(request_id: string, work: () => Result): Result => runWithContext({ request_id }, work)

async function open(t: TestContext, options?: Partial<ServerOptions>): Promise<Place> {
  const place = await openPlace(options)
  t.after(() => place.close())
  return place
}

describe('events through a server and a client that know nothing of ids', () => {
  const arrivals = new Map<unknown, (event: IoEvent) => void>()
  let place: Place
  let client: clients.Socket
  let count = 0
  before(async () => {
    place = await openPlace()
    place.server.on('connection', (socket) =>
      socket.onAny((...event: unknown[]) => arrivals.get(event.at(-1))?.(event.slice(0, -1))),
    )
    client = await place.connected()
  })
  after(() => place.close())
  describeCarrier('Socket.IO', async () => ({
    carrier: ioCarrier,
    message: (payload) => ['letter', payload],
    payloadOf: (event) => event.at(-1) as string | Buffer,
    forged: ({ request_id, ...rest }) => [
      'letter',
      { fasten: { 'x-request-id': request_id, ...rest } },
      '{}',
    ],
    transmit: async (event) =>
      new Promise((resolve) => {
        const number = ++count
        arrivals.set(number, resolve)
        client.emit(event[0] as string, ...event.slice(1), number)
      }),
    interleaved: 2_000,
  }))
})

describe('Socket.IO with both ends instrumented', { timeout: 240_000 }, () => {
  const undos: (() => void)[] = []
  before(() => {
    undos.push(instrumentSocketIo(servers), instrumentSocketIo(clients))
  })
  after(() => undos.forEach((undo) => undo()))

  test('each event is heard under the id of its sender, its acknowledgement by the sender', async (t) => {
    const place = await open(t)
    const seen: unknown[] = []
    const see = (...what: unknown[]): void => void seen.push([...what, currentRequestID()])
    const room = place.server.of('/room')
    room.use((socket, next) => {
      see('middleware', socket.handshake.auth)
      setImmediate(next)
    })
    room.on('connection', (socket) => {
      see('connection', currentContext()?.method)
      socket.use(([name, ...values], next) => {
        see('packet', name, values.length)
        next()
      })
      socket.onAny((...event: unknown[]) => see('any', event.length))
      socket.onAnyOutgoing((...event: unknown[]) => see('outgoing', event.length))
      socket.on('bytes', async (bytes: Buffer, done: (...values: unknown[]) => void) => {
        await sleep(1)
        see('event', bytes.length)
        done(bytes, currentRequestID())
      })
      socket.on('disconnect', () => see('disconnect'))
    })
    const client = await at('visit-1', () => place.connected('/room', { auth: { token: 't' } }))
    client.onAnyOutgoing((...event: unknown[]) => see('client outgoing', event.length))
    const bytes = Buffer.from([0, 255])
    const [answer, id] = await new Promise<unknown[]>((resolve) =>
      at('order-7', () =>
        client.emit('bytes', bytes, (...values: unknown[]) => {
          see('acknowledged')
          resolve(values)
        }),
      ),
    )
    assert.deepEqual([answer, id], [bytes, 'order-7'])
    client.close()
    while (!seen.some((each) => (each as unknown[])[0] === 'disconnect')) await sleep(5)
    assert.deepEqual(seen, [
      ['middleware', { token: 't' }, 'visit-1'],
      ['connection', 'socket.io', 'visit-1'],
      ['client outgoing', 2, 'order-7'],
      ['any', 3, 'order-7'],
      ['packet', 'bytes', 2, 'order-7'],
      ['event', 2, 'order-7'],
      ['acknowledged', 'order-7'],
      ['disconnect', 'visit-1'],
    ])
  })

  test('what a server emits is heard under the id it was emitted for, and each acknowledgement by the emitter', async (t) => {
    const { server, connected } = await open(t)
    server.on('connection', async (socket) => socket.join('all'))
    const client = await at('visit-1', () => connected())
    const seen: unknown[] = []
    client.on('news', (...values: unknown[]) => {
      seen.push([values.slice(0, 2), currentRequestID()])
      const done = values.at(-1)
      if (typeof done === 'function') done(currentRequestID())
    })
    const [socket] = [...server.sockets.sockets.values()]
    const bytes = Buffer.from([1])
    const answers: unknown[] = []
    const acknowledged = async (
      id: string,
      emit: (done: (...values: unknown[]) => void) => unknown,
    ): Promise<void> =>
      new Promise((resolve) =>
        at(id, () =>
          emit((...values) => {
            answers.push([values, currentRequestID()])
            resolve()
          }),
        ),
      )
    const isWritable = async (count: number): Promise<void> => {
      while (seen.length < count || socket?.conn.transport.writable !== true) await sleep(5)
    }
    await acknowledged('r-1', (done) => socket?.emit('news', 1, bytes, done))
    await acknowledged('r-2', (done) => socket?.timeout(60_000).emit('news', 2, 'b', done))
    await acknowledged('r-3', (done) => server.to('all').timeout(60_000).emit('news', 3, bytes, done))
    at('r-4', () => server.emit('news', 4, { x: bytes }))
    await isWritable(4)
    at('r-5', () => server.in('all').volatile.emit('news', 5, 'e'))
    await isWritable(5)
    at('r-6', () => socket?.volatile.emit('news', 6, 'f'))
    assert.deepEqual(await at('r-7', () => socket?.emitWithAck('news', 7, 'g')), 'r-7')
    assert.deepEqual(seen, [
      [[1, bytes], 'r-1'],
      [[2, 'b'], 'r-2'],
      [[3, bytes], 'r-3'],
      [[4, { x: bytes }], 'r-4'],
      [[5, 'e'], 'r-5'],
      [[6, 'f'], 'r-6'],
      [[7, 'g'], 'r-7'],
    ])
    assert.deepEqual(answers, [
      [['r-1'], 'r-1'],
      [[null, 'r-2'], 'r-2'],
      [[null, ['r-3']], 'r-3'],
    ])
  })

  test('events of the client that wait for a connection, or are sent again, keep the id they were emitted under', async (t) => {
    const { server, connect } = await open(t)
    const seen: unknown[] = []
    server.on('connection', (socket) => {
      socket.on('order', (n: number, done?: (...values: unknown[]) => void) => {
        seen.push([n, currentRequestID()])
        done?.(n)
      })
    })
    const client = connect('/', { autoConnect: false })
    at('r-1', () => client.emit('order', 1))
    at('r-2', () => client.emit('order', 2, () => seen.push(['acknowledged', currentRequestID()])))
    at('r-3', () => client.volatile.emit('order', 3))
    at('visit-1', () => client.connect())
    await isConnected(client)
    while (seen.length < 3) await sleep(5)
    const retrying = connect('/', { autoConnect: false, retries: 3, ackTimeout: 60_000 })
    at('r-4', () => retrying.emit('order', 4))
    at('r-5', () => retrying.emit('order', 5, () => seen.push(['settled', currentRequestID()])))
    at('visit-2', () => retrying.connect())
    while (seen.length < 6) await sleep(5)
    const expected = [
      [1, 'r-1'],
      [2, 'r-2'],
      ['acknowledged', 'r-2'],
      [4, 'r-4'],
      [5, 'r-5'],
      ['settled', 'r-5'],
    ]
    assert.deepEqual(seen, expected)
  })

  test('what a client missed while its connection was down comes under the ids it was emitted under', async (t) => {
    const { server, connected } = await open(t, { connectionStateRecovery: {} })
    const sockets: ServerSocket[] = []
    server.on('connection', (socket) => void sockets.push(socket))
    const client = await connected()
    const seen: unknown[] = []
    client.on('news', (n: number) => seen.push([n, currentRequestID()]))
    at('r-1', () => server.emit('news', 1))
    while (seen.length < 1) await sleep(5)
    const isDown = nextOf(sockets[0] as ServerSocket, 'disconnect')
    client.io.engine.close()
    await isDown
    at('r-2', () => server.emit('news', 2))
    at('r-3', () => server.emit('news', 3))
    while (seen.length < 3) await sleep(5)
    at('r-4', () => server.emit('news', 4))
    while (seen.length < 4) await sleep(5)
    assert.equal(client.recovered, true)
    const expected = [1, 2, 3, 4].map((n) => [n, `r-${n}`])
    assert.deepEqual(seen, expected)
  })

  test('one broadcast reaches clients that know of ids and such that do not', async (t) => {
    const { server, connected, url } = await open(t)
    const knows = await connected()
    // What is loaded in the other way is another copy, which nobody instrumented.
    const others = createRequire(import.meta.url)('socket.io-client') as typeof clients
    assert.notEqual(others.Socket, clients.Socket)
    const plain = others.io(url, { forceNew: true, transports: ['websocket'] })
    t.after(() => plain.close())
    await isConnected(plain)
    const heard = ['a', 'b'].flatMap((name) => [nextOf(knows, name), nextOf(plain, name)])
    const ids: unknown[] = []
    knows.on('a', () => ids.push(currentRequestID()))
    at('r-1', () => server.emit('a', 1))
    at('r-1', () => server.emit('b', Buffer.from([1])))
    const bytes = [Buffer.from([1])]
    assert.deepEqual(await Promise.all(heard), [[1], [1], bytes, bytes])
    assert.deepEqual(ids, ['r-1'])
  })

  test('a broadcast that an adapter brings from another server is heard under its id', async (t) => {
    const { ClusterAdapter } = createRequire(createRequire(import.meta.url).resolve('socket.io'))(
      'socket.io-adapter',
    ) as typeof adapters
    /** As those for Redis or processes: what they publish is a text to all others. */
    class Wire extends ClusterAdapter {
      static readonly all = new Set<Wire>()
      public constructor(namespace: servers.Namespace) {
        super(namespace)
        Wire.all.add(this)
      }
      override async serverCount(): Promise<number> {
        return Wire.all.size
      }
      /** It forgets a question only when its time is over, whoever answered; that timer would keep this file alive for the minute. */
      override broadcastWithAck(...given: Parameters<adapters.ClusterAdapter['broadcastWithAck']>): void {
        const set = globalThis.setTimeout
        const mocked = t.mock.method(globalThis, 'setTimeout', (...timer: Parameters<typeof set>) =>
          set(...timer).unref(),
        )
        super.broadcastWithAck(...given)
        mocked.mock.restore()
      }
      protected override async doPublish(message: object): Promise<string> {
        const text = JSON.stringify(message)
        for (const one of Wire.all) if (one !== this) one.onMessage(JSON.parse(text) as never, '1')
        return '1'
      }
      protected override async doPublishResponse(to: string, response: object): Promise<void> {
        const text = JSON.stringify(response)
        for (const one of Wire.all) if (one.uid === to) one.onResponse(JSON.parse(text) as never)
      }
    }
    const [here, there] = [await open(t, { adapter: Wire }), await open(t, { adapter: Wire })]
    const others = createRequire(import.meta.url)('socket.io-client') as typeof clients
    const plain = others.io(there.url, { forceNew: true, transports: ['websocket'] })
    t.after(() => plain.close())
    await isConnected(plain)
    const [one, other] = [await there.connected(), await there.connected()]
    const seen: unknown[] = []
    for (const client of [one, other])
      client.on('news', (...values: unknown[]) => seen.push([values.slice(0, 1), currentRequestID()]))
    other.on('ask', (done: (answer: unknown) => void) => done(currentRequestID()))
    for (const client of [one, plain]) client.on('ask', (done: (answer: unknown) => void) => done('-'))
    const heard = nextOf(plain, 'news')
    // Nobody is connected to this server.
    at('r-1', () => here.server.emit('news', 7))
    assert.deepEqual(await heard, [7])
    while (seen.length < 2) await sleep(5)
    assert.deepEqual(seen, [
      [[7], 'r-1'],
      [[7], 'r-1'],
    ])
    const answers = await at('r-2', () => here.server.timeout(60_000).emitWithAck('ask'))
    assert.deepEqual((answers as unknown[]).sort(), ['-', '-', 'r-2'])
  })

  test('hostile ids are replaced, and what only looks like a note is the application’s', async (t) => {
    const { server, connected } = await open(t)
    const seen: unknown[] = []
    server.on('connection', (socket) => {
      socket.on('x', (...values: unknown[]) => {
        const done = values.pop() as () => void
        seen.push([values, currentRequestID(), currentContext()?.inbound_request_id])
        done()
      })
    })
    const client = await at('visit-1', () => connected())
    const note = { fasten: { 'x-request-id': 'scheduler-a-0123456789ab' } }
    await at('r-1', () => client.emitWithAck('x', note, 1))
    const [[values, id, inbound]] = seen as [[unknown[], string, string]]
    assert.match(id, /^[0-9a-f]{12}$/)
    assert.deepEqual([values, inbound], [[1], 'scheduler-a-0123456789ab'])
    const like = [{ fasten: { a: 1 }, b: 2 }, { fasten: 7 }, null, [], 'fasten']
    for (const value of like) await at('r-2', () => client.emitWithAck('x', value))
    const expected = like.map((value) => [[value], 'r-2', undefined])
    assert.deepEqual(seen.slice(1), expected)
  })

  test('1,000 interleaved events and answers, and none sees the id of another', async () => {
    assert.equal(await crossings(1_000), 0)
  })

  test('a second call changes nothing; taken out, connections that are there go on without ids', async (t) => {
    assert.deepEqual([instrumentSocketIo(servers), instrumentSocketIo(clients)], undos)
    const { server, connected } = await open(t)
    server.on('connection', (socket) =>
      socket.on('x', (...values: unknown[]) => (values.pop() as (...all: unknown[]) => void)(...values)),
    )
    const client = await connected()
    const [undoServers, undoClients] = undos.splice(0)
    undoServers?.()
    assert.deepEqual(await at('r-1', () => client.emitWithAck('x', 7)), 7)
    undos.push(instrumentSocketIo(servers))
    undoClients?.()
    const heard = nextOf(client, 'y')
    at('r-1', () => server.emit('y', 8))
    assert.deepEqual(await heard, [8])
    undos.push(instrumentSocketIo(clients))
    assert.notEqual(undos[0], undoServers)
  })
})

describe('Socket.IO with one end instrumented', { timeout: 120_000 }, () => {
  const exchange = async (t: TestContext): Promise<unknown> => {
    const { server, connected } = await open(t)
    const auths: unknown[] = []
    server.on('connection', (socket) => {
      auths.push(socket.handshake.auth)
      socket.on('x', (...values: unknown[]) => {
        const done = values.pop() as (...all: unknown[]) => void
        at('ours', () => socket.emit('y', 1))
        at('ours', () => server.emit('y', 2))
        done(values, currentRequestID())
      })
    })
    const client = await at('visit-1', () => connected('/', { extraHeaders: { 'x-request-id': 'visit-1' } }))
    const news: unknown[] = []
    client.on('y', (...values: unknown[]) => news.push(...values))
    const [values, id] = await new Promise<unknown[]>((resolve) =>
      at('r-1', () => client.emit('x', 'text', (...all: unknown[]) => resolve(all))),
    )
    return { auths, values, id, news }
  }

  test('a server hears clients that know of nothing under the id of their handshake', async (t) => {
    t.after(instrumentSocketIo(servers))
    assert.deepEqual(await exchange(t), { auths: [{}], values: ['text'], id: 'visit-1', news: [1, 2] })
  })

  test('a client says that it knows of ids, and sends none to a server that does not answer that', async (t) => {
    t.after(instrumentSocketIo(clients))
    assert.deepEqual(await exchange(t), {
      auths: [{ fasten: { 'x-request-id': 'visit-1' } }],
      values: ['text'],
      id: null,
      news: [1, 2],
    })
  })

  test('a client that does not negotiate says nothing', async (t) => {
    t.after(instrumentSocketIo(clients, { negotiates: false }))
    t.after(instrumentSocketIo(servers))
    assert.deepEqual(await exchange(t), { auths: [{}], values: ['text'], id: 'visit-1', news: [1, 2] })
  })

  test('options and modules that are none are refused', () => {
    assert.throws(() => instrumentSocketIo({} as never), TypeError)
    assert.throws(() => instrumentSocketIo(servers, { negotiates: 1 as never }), TypeError)
  })
})
