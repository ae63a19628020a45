// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { AckPolicy, jetstream, jetstreamManager, type JsMsg } from '@nats-io/jetstream'
import * as transport from '@nats-io/transport-node'
import { connect, headers, type NatsConnection } from '@nats-io/transport-node'
import { describeCarrier } from '../../../testing/carrier-contract.ts'
import { startDebianServer } from '../../carriers/fixtures/debian-server.ts'
import { currentRequestID, runWithContext } from '../../context.ts'
import { createCrowd } from '../fixtures/crowd.ts'
import { manyHeaders } from '../fixtures/many-headers.ts'
import { recordingMessages, until } from '../fixtures/messages.ts'
import { startSeverableProxy } from '../fixtures/severable-proxy.ts'
import { natsHarness } from './fixtures/nats-harness.ts'
import { handle, handler, inMessage, instrumentNats, withIds } from './index.ts'

const { server, skip } = await startDebianServer('nats-server')

describe('NATS', { skip, timeout: 300_000 }, () => {
  const open: NatsConnection[] = []
  const connection = async (port = server?.port ?? 0): Promise<NatsConnection> => {
    const made = await connect({
      servers: `127.0.0.1:${port}`,
      reconnectTimeWait: 50,
      maxReconnectAttempts: -1,
    })
    open.push(made)
    return made
  }
  let plain: NatsConnection
  before(async () => {
    plain = await connection()
  })
  after(async () => {
    for (const each of open) await each.close()
    await server?.remove()
  })
  const as = <T>(request_id: string, work: () => T): T => runWithContext({ request_id }, work)

  /** A stream of its own, with the durable consumer `d`. */
  const streamFor = async (
    nc: NatsConnection,
    options: { readonly max_deliver?: number } = {},
  ): Promise<string> => {
    const name = `s${randomUUID().slice(0, 8)}`
    const manager = await jetstreamManager(nc)
    await manager.streams.add({ name, subjects: [`${name}.*`] })
    await manager.consumers.add(name, { durable_name: 'd', ack_policy: AckPolicy.Explicit, ...options })
    return name
  }

  describeCarrier('NATS, through nats-server', async () => natsHarness(plain))

  test('publish, callbacks and queue groups', async () => {
    const nc = await connection()
    const stop = instrumentNats(nc, { headers })
    assert.equal(instrumentNats(nc, { headers }), stop)
    const seen: unknown[] = []
    for (const member of ['a', 'b'])
      nc.subscribe('work', {
        queue: 'workers',
        callback: (_, message) => void seen.push([member, message.string(), currentRequestID()]),
      })
    const theirs = headers()
    theirs.set('Kept', 'yes')
    for (const id of ['r-1', 'r-2', 'r-3']) as(id, () => nc.publish('work', id, { headers: theirs }))
    await nc.flush()
    await until(() => seen.length === 3)
    assert.deepEqual(seen.map((each) => (each as string[]).slice(1)).sort(), [
      ['r-1', 'r-1'],
      ['r-2', 'r-2'],
      ['r-3', 'r-3'],
    ])
    assert.deepEqual(theirs.keys(), ['Kept'], 'headers that the application keeps stay as they are')
    stop()
    const bare = new Promise((resolve) =>
      plain.subscribe('bare', { callback: (_, message) => resolve(message.headers) }),
    )
    await plain.flush()
    as('r-4', () => nc.publish('bare', 'x'))
    assert.equal(await bare, undefined)
    assert.throws(() => instrumentNats({} as never, { headers }), TypeError)
    assert.throws(() => instrumentNats(nc, {} as never), TypeError)
  })

  test('requests, from both sides and either kind of inbox', async () => {
    const nc = await connection()
    const { fasten, rows } = recordingMessages()
    instrumentNats(nc, { headers, fasten, records: true })
    nc.subscribe('who', {
      callback: (_, message) => void message.respond(String(currentRequestID())),
    })
    for (const options of [{ timeout: 60_000 }, { timeout: 60_000, noMux: true }]) {
      const [answer, asking] = await as('r-5', async () => {
        const reply = await nc.request('who', '', options)
        return [reply.string(), currentRequestID()]
      })
      assert.deepEqual([answer, asking], ['r-5', 'r-5'])
    }
    await assert.rejects(as('r-6', async () => nc.request('nobody', '')))
    assert.deepEqual(
      rows.map(({ request_id, method, path, status }) => [request_id, method, path, status]),
      [
        ['r-5', 'DELIVER', 'who', 200],
        ['r-5', 'REQUEST', 'who', 200],
        ['r-5', 'DELIVER', 'who', 200],
        ['r-5', 'REQUEST', 'who', 200],
        ['r-6', 'REQUEST', 'nobody', 503],
      ],
    )
  })

  test('iterated messages: each turn of `handle` is its message’s, and the loop ends as a loop does', async () => {
    const nc = await connection()
    instrumentNats(nc, { headers })
    const { fasten, rows } = recordingMessages()
    const subscription = nc.subscribe('loop')
    const failure = new RangeError('enough')
    const seen: unknown[] = []
    const loop = as('the-loop', async () =>
      handle(
        subscription,
        async (message) => {
          await nc.flush()
          seen.push(currentRequestID())
          if (message.string() === 'stop') throw failure
        },
        { fasten, records: true },
      ),
    )
    for (const id of ['r-1', 'r-2', 'stop']) as(id, () => nc.publish('loop', id))
    await assert.rejects(loop, failure)
    assert.deepEqual(seen, ['r-1', 'r-2', 'stop'])
    assert.deepEqual([subscription.isClosed(), currentRequestID()], [true, null])
    assert.deepEqual(
      rows.map(({ request_id, status, error }) => [request_id, status, error]),
      [
        ['r-1', 200, undefined],
        ['r-2', 200, undefined],
        ['stop', 500, 'RangeError'],
      ],
    )
  })

  test('without changing anything in place', async () => {
    const told = new Promise((resolve) =>
      plain.subscribe('explicit', {
        callback: handler((_, message) =>
          resolve([currentRequestID(), inMessage(message, currentRequestID)]),
        ),
      }),
    )
    await plain.flush()
    as('r-7', () => plain.publish('explicit', 'x', withIds(headers)))
    assert.deepEqual(await told, ['r-7', 'r-7'])
  })

  test('JetStream: consumed and fetched, and each delivery leaves a row that says what became of it', async () => {
    const nc = await connection()
    const { fasten, rows } = recordingMessages()
    instrumentNats(nc, { headers, fasten, records: true })
    const name = await streamFor(nc)
    const js = jetstream(nc)
    const subjects = ['take', 'twice', 'refuse', 'slow', 'sure', 'keep']
    for (const subject of subjects) await as(subject, async () => js.publish(`${name}.${subject}`, 'x'))
    const seen: unknown[] = []
    const settle = async (message: JsMsg): Promise<void> => {
      const subject = message.subject.slice(name.length + 1)
      seen.push([subject, currentRequestID(), message.info.deliveryCount])
      if (subject === 'twice' && message.info.deliveryCount === 1) message.nak()
      else if (subject === 'refuse') message.term('no')
      else if (subject === 'sure') await message.ackAck()
      else if (subject !== 'keep') {
        if (subject === 'slow') message.working()
        message.ack()
      }
    }
    const consumer = await js.consumers.get(name, 'd')
    const messages = await consumer.consume({ callback: (message) => void settle(message) })
    await until(() => seen.length === 7)
    await until(() => rows.filter(({ method }) => method === 'REDELIVER').length === 1)
    messages.stop()
    assert.deepEqual(
      seen.map((each) => (each as unknown[]).slice(0, 2)).sort(),
      [...subjects, 'twice'].sort().map((subject) => [subject, subject]),
    )
    for (const id of ['f-1', 'f-2']) await as(id, async () => js.publish(`${name}.fetched`, id))
    const fetched: unknown[] = []
    await handle(await consumer.fetch({ max_messages: 2, expires: 60_000 }), (message) => {
      fetched.push([message.string(), currentRequestID()])
      message.ack()
    })
    assert.deepEqual(fetched, [
      ['f-1', 'f-1'],
      ['f-2', 'f-2'],
    ])
    await nc.close()
    await until(() => rows.some(({ error }) => error === 'never_settled'))
    const deliveries = rows.filter(({ method }) => method.endsWith('DELIVER'))
    assert.deepEqual(
      deliveries
        .map(({ request_id, method, status, error }) => [request_id, method, status, error ?? ''].join(' '))
        .sort(),
      [
        'f-1 DELIVER 200 ',
        'f-2 DELIVER 200 ',
        'keep DELIVER 500 never_settled',
        'refuse DELIVER 500 terminated',
        'slow DELIVER 200 ',
        'sure DELIVER 200 ',
        'take DELIVER 200 ',
        'twice DELIVER 503 requeued',
        'twice REDELIVER 200 ',
      ],
    )
    assert.deepEqual([...new Set(rows.map(({ path }) => path.split('.')[0]))], [name], 'no housekeeping')
  })

  test('the last delivery that `max_deliver` allows, and who says that it was', async () => {
    const nc = await connection()
    const { fasten, rows } = recordingMessages()
    instrumentNats(nc, { headers, fasten, records: true })
    const name = await streamFor(nc, { max_deliver: 2 })
    const given: unknown[] = []
    plain.subscribe(`$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.${name}.d`, {
      callback: (_, message) => void given.push(message.json<{ readonly deliveries: number }>().deliveries),
    })
    await plain.flush()
    const js = jetstream(nc)
    await as('r-12', async () => js.publish(`${name}.a`, 'x'))
    const consumer = await js.consumers.get(name, 'd')
    const seen: unknown[] = []
    const messages = await consumer.consume({
      callback(message) {
        seen.push([currentRequestID(), message.info.deliveryCount])
        message.nak()
      },
    })
    await until(() => given.length === 1)
    messages.stop()
    await nc.close()
    assert.deepEqual(
      [given, seen],
      [
        [2],
        [
          ['r-12', 1],
          ['r-12', 2],
        ],
      ],
    )
    assert.deepEqual(
      rows
        .filter(({ method }) => method.endsWith('DELIVER'))
        .map(({ request_id, method, status, error }) => [request_id, method, status, error]),
      [
        ['r-12', 'DELIVER', 503, 'requeued'],
        ['r-12', 'REDELIVER', 503, 'requeued'],
      ],
    )
  })

  test('among 200 headers of the application', async () => {
    const nc = await connection()
    instrumentNats(nc, { headers })
    const arrived = new Promise((resolve) =>
      nc.subscribe('many', {
        callback: (_, message) => resolve([currentRequestID(), message.headers]),
      }),
    )
    await nc.flush()
    const theirs = headers()
    for (const [name, value] of Object.entries(manyHeaders)) theirs.set(name, value)
    as('r-13', () => nc.publish('many', 'x', { headers: theirs }))
    const [id, found] = (await arrived) as [string, typeof theirs]
    const expected = Object.entries({ ...manyHeaders, 'x-request-id': 'r-13' })
    assert.deepEqual([id, found.keys().map((name) => [name, found.get(name)])], ['r-13', expected])
  })

  test('a server without headers gets what it got before', async () => {
    // The server itself has no such setting; it is said for it, on the way.
    const proxy = await startSeverableProxy(server?.port ?? 0, (bytes) =>
      Buffer.from(bytes.toString('latin1').replace('"headers":true', '"headers":null'), 'latin1'),
    )
    const nc = await connection(proxy.port)
    instrumentNats(nc, { headers })
    const arrived = new Promise((resolve) =>
      plain.subscribe('old', { callback: (_, message) => resolve([message.string(), message.headers]) }),
    )
    await plain.flush()
    as('r-8', () => nc.publish('old', 'x'))
    assert.deepEqual(await arrived, ['x', undefined])
    await nc.close()
    await proxy.close()
  })

  test('every connection of a module: however many are in the air, each is handled as whose it is', async () => {
    const stop = instrumentNats(transport)
    const nc = await connection()
    assert.equal(instrumentNats(nc, { headers }), stop)
    const crowd = createCrowd(2_000)
    nc.subscribe('crowd', {
      callback(_, message) {
        crowd.handle(message.string())
        message.respond(String(currentRequestID()))
      },
    })
    await crowd.send(async (owner) => {
      const reply = await nc.request('crowd', owner, { timeout: 120_000 })
      assert.equal(reply.string(), owner)
    })
    await crowd.end()
    stop()
    const bare = new Promise((resolve) =>
      plain.subscribe('no-crowd', { callback: (_, message) => resolve(message.headers) }),
    )
    await plain.flush()
    as('r-11', () => nc.publish('no-crowd', 'x'))
    assert.equal(await bare, undefined)
  })

  test('a subscription works on after the server was killed', async () => {
    const nc = await connection()
    instrumentNats(nc, { headers })
    const seen: unknown[] = []
    nc.subscribe('again', { callback: () => void seen.push(currentRequestID()) })
    as('r-9', () => nc.publish('again', 'x'))
    await until(() => seen.length === 1)
    const back = (async () => {
      for await (const { type } of nc.status()) if (type === 'reconnect') return
    })()
    await server?.kill9()
    await server?.start()
    await back
    as('r-10', () => nc.publish('again', 'x'))
    await until(() => seen.length === 2)
    assert.deepEqual(seen, ['r-9', 'r-10'])
  })
})
