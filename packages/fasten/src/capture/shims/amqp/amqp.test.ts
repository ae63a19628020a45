// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { after, before, describe, test } from 'node:test'
import amqp, { type Channel, type ChannelModel, type ConsumeMessage, type GetMessage } from 'amqplib'
import callbacks from 'amqplib/callback_api'
import { describeCarrier } from '../../../testing/carrier-contract.ts'
import { startDebianServer } from '../../carriers/fixtures/debian-server.ts'
import { currentContext, currentRequestID, runWithContext } from '../../context.ts'
import { createCrowd } from '../fixtures/crowd.ts'
import { manyHeaders } from '../fixtures/many-headers.ts'
import { recordingMessages, until } from '../fixtures/messages.ts'
import { startSeverableProxy } from '../fixtures/severable-proxy.ts'
import { amqpHarness } from './fixtures/amqp-harness.ts'
import { recovers } from './fixtures/recovers.ts'
import { amqpCarrier, deliveryOf, handler, inMessage, instrumentAmqp, withIds } from './index.ts'

const { server, skip } = await startDebianServer('rabbitmq-server')
const address = (): string => `amqp://127.0.0.1:${server?.port}`

describe('AMQP', { skip, timeout: 900_000 }, () => {
  let connection: ChannelModel
  before(async () => {
    connection = await amqp.connect(address())
  })
  after(async () => {
    try {
      await connection.close()
    } finally {
      await server?.remove()
    }
  })

  /** A queue of its own on a channel of its own. */
  async function open(options: amqp.Options.AssertQueue = {}): Promise<{ channel: Channel; queue: string }> {
    const channel = await connection.createChannel()
    const { queue } = await channel.assertQueue(`q-${randomUUID()}`, { durable: false, ...options })
    return { channel, queue }
  }

  describeCarrier('AMQP, through RabbitMQ', async () => amqpHarness(await connection.createChannel()))

  test('a published message carries the id, and its handler works for it', async () => {
    const { channel, queue } = await open()
    const undo = instrumentAmqp(channel)
    const message = await runWithContext({ request_id: 'order-7' }, async () => {
      const seen = heard(channel, queue)
      assert.equal(channel.sendToQueue(queue, Buffer.from('{"a":1}'), { messageId: 'm-1' }), true)
      return seen
    })
    assert.deepEqual(
      [message.request_id, message.message.content.toString(), message.message.properties.messageId],
      ['order-7', '{"a":1}', 'm-1'],
    )
    undo()
    await channel.close()
  })

  test('the module, a connection and a channel are instrumented once and can be let go', async () => {
    const stop = instrumentAmqp(amqp)
    assert.equal(instrumentAmqp(amqp), stop)
    const { connect } = amqp
    const model = await amqp.connect(address())
    const channel = await model.createConfirmChannel()
    const { queue } = await channel.assertQueue('', { exclusive: true })
    const send = async (): Promise<string | undefined> => {
      await runWithContext({ request_id: 'order-8' }, async () => {
        channel.sendToQueue(queue, Buffer.from('x'))
        await channel.waitForConfirms()
      })
      const message = await channel.get(queue, { noAck: true })
      return message === false ? undefined : amqpCarrier.extract(message.properties).request_id
    }
    assert.equal(await send(), 'order-8')
    stop()
    assert.notEqual(amqp.connect, connect)
    assert.equal(await send(), undefined, 'what it had reached lets go as well')
    const again = instrumentAmqp(model)
    assert.equal(await send(), undefined, 'a connection reaches the channels it makes from now on')
    instrumentAmqp(channel)
    assert.equal(await send(), 'order-8')
    again()
    await model.close()
    assert.throws(() => instrumentAmqp({} as never), TypeError)
  })

  test('the callback API, and whom its callbacks work for', async () => {
    const stop = instrumentAmqp(callbacks)
    const model = await new Promise<callbacks.Connection>((resolve, reject) =>
      callbacks.connect(address(), (error: Error | null, made) =>
        error === null ? resolve(made) : reject(error),
      ),
    )
    const seen = await new Promise<unknown>((resolve, reject) => {
      model.createConfirmChannel((failure: Error | null, channel) => {
        if (failure !== null) return reject(failure)
        channel.assertQueue('', { exclusive: true }, (refusal: Error | null, { queue }) => {
          if (refusal !== null) return reject(refusal)
          runWithContext({ request_id: 'order-9' }, () => {
            channel.sendToQueue(queue, Buffer.from('x'), {}, (nacked) => {
              const confirmed = [nacked, currentRequestID()]
              runWithContext({ request_id: 'reader' }, () =>
                channel.get(queue, { noAck: true }, (_, message) => {
                  const id = inMessage(message as GetMessage, currentRequestID)
                  resolve([confirmed, currentRequestID(), id])
                }),
              )
            })
          })
        })
      })
    })
    assert.deepEqual(seen, [[null, 'order-9'], 'reader', 'order-9'])
    stop()
    await new Promise<void>((resolve) => model.close(() => resolve()))
  })

  test('without changing anything in place', async () => {
    const { channel, queue } = await open()
    const options = { persistent: true }
    runWithContext({ request_id: 'order-10' }, () =>
      channel.sendToQueue(queue, Buffer.from('x'), withIds(options)),
    )
    assert.deepEqual(options, { persistent: true })
    const id = await new Promise((resolve) => {
      const handle = handler((message: ConsumeMessage | null) => {
        if (message !== null) channel.ack(message)
        resolve(currentRequestID())
      })
      void channel.consume(queue, handle)
    })
    assert.equal(id, 'order-10')
    await channel.close()
  })

  test('each delivery leaves a row that says what became of it', async () => {
    const { channel: admin, queue: graveyard } = await open()
    const { channel, queue } = await open({ deadLetterExchange: '', deadLetterRoutingKey: graveyard })
    const { fasten, rows } = recordingMessages()
    instrumentAmqp(channel, { fasten, records: true })
    const failure = new RangeError('too far')
    let deliveries = 0
    const failures = once(channel, 'handler-error')
    await channel.consume(queue, (message) => {
      if (message === null) return
      const turn = ++deliveries
      const said = message.content.toString()
      if (said === 'requeue' && !message.fields.redelivered) channel.nack(message)
      else if (said === 'refuse') channel.reject(message, false)
      else if (said === 'keep') return
      else channel.ack(message)
      if (said === 'throw') throw failure
      assert.ok(turn > 0)
    })
    for (const said of ['take', 'requeue', 'refuse', 'throw', 'keep'])
      runWithContext({ request_id: said }, () => channel.sendToQueue(queue, Buffer.from(said)))
    assert.deepEqual(await failures, [failure, 'delivery'])
    await until(() => deliveries === 6)
    const dead = await fetched(admin, graveyard)
    assert.deepEqual(deliveryOf(dead).deaths, [{ queue, reason: 'rejected', count: 1 }])
    instrumentAmqp(admin, { fasten, records: true })
    admin.nack(dead)
    const again = await fetched(admin, graveyard)
    admin.ack(again)
    await channel.close()
    const told = rows
      .filter(({ method }) => method !== 'PUBLISH')
      .map(({ request_id, method, status, bytes_in, error }) => ({
        request_id,
        method,
        status,
        bytes_in,
        ...(error === undefined ? {} : { error }),
      }))
    assert.deepEqual(
      told.sort((one, other) => String(one.request_id).localeCompare(String(other.request_id))),
      [
        { request_id: 'keep', method: 'DELIVER', status: 500, bytes_in: 4, error: 'never_settled' },
        { request_id: 'refuse', method: 'DELIVER', status: 500, bytes_in: 6, error: 'rejected' },
        { request_id: 'refuse', method: 'REDELIVER', status: 200, bytes_in: 6 },
        { request_id: 'requeue', method: 'DELIVER', status: 503, bytes_in: 7, error: 'requeued' },
        { request_id: 'requeue', method: 'REDELIVER', status: 200, bytes_in: 7 },
        { request_id: 'take', method: 'DELIVER', status: 200, bytes_in: 4 },
        { request_id: 'throw', method: 'DELIVER', status: 200, bytes_in: 5 },
      ],
    )
    assert.equal(rows.filter(({ method, path }) => method === 'PUBLISH' && path === queue).length, 5)
    await admin.close()
  })

  test('a quorum queue counts, gives up after its limit, and each row says which it was', async () => {
    const { channel: admin, queue: graveyard } = await open()
    const { channel, queue } = await open({
      durable: true,
      deadLetterExchange: '',
      deadLetterRoutingKey: graveyard,
      arguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': 2 },
    })
    const { fasten, rows } = recordingMessages()
    for (const each of [channel, admin]) instrumentAmqp(each, { fasten, records: true })
    const seen: unknown[] = []
    await channel.consume(queue, (message) => {
      if (message === null) return
      const { redelivered, returns, deaths } = deliveryOf(message)
      seen.push([currentRequestID(), redelivered, returns, deaths])
      channel.nack(message)
    })
    runWithContext({ request_id: 'r-20' }, () => channel.sendToQueue(queue, Buffer.from('x')))
    const dead = await heard(admin, graveyard)
    assert.equal(dead.request_id, 'r-20')
    assert.deepEqual(deliveryOf(dead.message), {
      redelivered: false,
      returns: undefined,
      deaths: [{ queue, reason: 'delivery_limit', count: 1 }],
    })
    admin.ack(dead.message)
    assert.deepEqual(seen, [
      ['r-20', false, undefined, []],
      ['r-20', true, 1, []],
      ['r-20', true, 2, []],
    ])
    assert.deepEqual(
      rows.map(({ request_id, method, path, status, error }) =>
        [request_id, method, path === queue ? 'queue' : 'graveyard', status, error ?? ''].join(' '),
      ),
      [
        'r-20 PUBLISH queue 200 ',
        'r-20 DELIVER queue 503 requeued',
        'r-20 REDELIVER queue 503 requeued',
        'r-20 REDELIVER queue 503 requeued',
        'r-20 DEAD_LETTER graveyard 200 ',
      ],
    )
    await channel.deleteQueue(queue)
    for (const each of [channel, admin]) await each.close()
  })

  test('among 200 headers of the application', async () => {
    const { channel, queue } = await open()
    instrumentAmqp(channel)
    const seen = heard(channel, queue)
    runWithContext({ request_id: 'r-21' }, () =>
      channel.sendToQueue(queue, Buffer.from('x'), { headers: manyHeaders }),
    )
    const { request_id, message } = await seen
    assert.deepEqual(
      [request_id, message.properties.headers],
      ['r-21', { ...manyHeaders, 'x-request-id': 'r-21' }],
    )
    await channel.close()
  })

  test('what a handler throws or rejects with goes where it went before', async () => {
    const { channel, queue } = await open()
    instrumentAmqp(channel)
    const failure = new Error('no')
    const told = once(channel, 'handler-error')
    await channel.consume(queue, () => {
      throw failure
    })
    channel.sendToQueue(queue, Buffer.from('x'))
    assert.equal((await told)[0], failure)
    await channel.close()
  })

  test('a channel that the broker closes leaves its deliveries as never settled', async () => {
    const { channel, queue } = await open()
    const { fasten, rows } = recordingMessages()
    instrumentAmqp(channel, { fasten, records: true })
    channel.on('error', () => undefined)
    const closed = new Promise<void>((resolve) => channel.on('close', resolve))
    const seen = heard(channel, queue)
    runWithContext({ request_id: 'r-1' }, () => channel.sendToQueue(queue, Buffer.from('x')))
    const { message } = await seen
    channel.ack({ ...message, fields: { ...message.fields, deliveryTag: 77 } })
    await closed
    assert.deepEqual(
      rows.map(({ method, status, error }) => [method, status, error]),
      [
        ['PUBLISH', 200, undefined],
        ['DELIVER', 500, 'never_settled'],
      ],
    )
  })

  test('a consumer works on after its connection was cut, and what it had not settled comes again', async () => {
    const proxy = await startSeverableProxy(server?.port ?? 0)
    try {
      await recovers(proxy.port, async () => proxy.sever())
    } finally {
      await proxy.close()
    }
  })

  // That the server itself is killed and started again takes RabbitMQ a second boot: brokers.torture.ts does it.

  test('however many are in the air through an instrumented channel, each is handled as whose it is', async () => {
    const channel = await connection.createConfirmChannel()
    const { queue } = await channel.assertQueue('', { exclusive: true })
    instrumentAmqp(channel)
    const crowd = createCrowd(2_000)
    await channel.consume(queue, (message) => {
      if (message === null) return
      crowd.handle(message.content.toString())
      channel.ack(message)
    })
    await crowd.send(
      async (owner) =>
        new Promise<void>((resolve, reject) => {
          channel.sendToQueue(queue, Buffer.from(owner), {}, (refusal: unknown) =>
            refusal === null ? resolve() : reject(refusal),
          )
        }),
    )
    await crowd.end()
    await channel.close()
  })
})

/** The next message of the queue, and whom its handler works for. */
async function heard(
  channel: Channel,
  queue: string,
): Promise<{ message: ConsumeMessage; request_id: string | undefined }> {
  return new Promise((resolve, reject) => {
    channel
      .consume(queue, (message) => {
        if (message !== null) resolve({ message, request_id: currentContext()?.request_id })
      })
      .catch(reject)
  })
}

async function fetched(channel: Channel, queue: string): Promise<GetMessage> {
  let found: GetMessage | false = false
  await until(async () => (found = await channel.get(queue)) !== false)
  return found as unknown as GetMessage
}
