// SPDX-License-Identifier: Apache-2.0
/** 20,000 messages of as many requests through each client of a broker, instrumented in place: none is handled under the id of another. */
import { randomUUID } from 'node:crypto'
import { after, describe, test, type TestContext } from 'node:test'
import { AckPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect, headers, type NatsConnection } from '@nats-io/transport-node'
import * as platformatic from '@platformatic/kafka'
import amqp from 'amqplib'
import { Redis } from 'ioredis'
import kafkajs, { logLevel } from 'kafkajs'
import { createClient } from 'redis'
import { startDebianServer } from '../carriers/fixtures/debian-server.ts'
import { currentRequestID } from '../context.ts'
import { instrumentAmqp } from './amqp/index.ts'
import { createCrowd, type Crowd } from './fixtures/crowd.ts'
import { mockTopic } from './kafka/fixtures/mock-cluster.ts'
import { handle as handleRecords, instrumentKafka } from './kafka/index.ts'
import { connected } from './mqtt/fixtures/brokers.ts'
import { instrumentMqtt } from './mqtt/index.ts'
import { instrumentNats } from './nats/index.ts'
import { handle as handleEntries, inMessage, instrumentRedis } from './redis/index.ts'

const messages = 20_000
const [rabbit, nats, kcat, redis, mosquitto] = await Promise.all([
  startDebianServer('rabbitmq-server'),
  startDebianServer('nats-server'),
  startDebianServer('kcat'),
  startDebianServer('redis-server'),
  startDebianServer('mosquitto', { settings: ['max_inflight_messages 0', 'max_queued_messages 0'] }),
])
after(async () => {
  for (const { server } of [rabbit, nats, kcat, redis, mosquitto]) await server?.remove()
})

describe(`${messages} messages of as many requests, and none is handled under the id of another`, () => {
  const it = (
    name: string,
    { skip }: { readonly skip: string | false },
    work: (crowd: Crowd, t: TestContext) => Promise<void>,
  ): void => {
    test(name, { skip, timeout: 1_200_000 }, async (t) => {
      const begun = performance.now()
      const crowd = createCrowd(messages)
      await work(crowd, t)
      await crowd.end()
      const seconds = Math.round((performance.now() - begun) / 1000)
      t.diagnostic(`${name}: ${messages} messages of as many requests in the air, none crossed, ${seconds} s`)
    })
  }

  it('AMQP, amqplib with confirms', rabbit, async (crowd, t) => {
    const connection = await amqp.connect(`amqp://127.0.0.1:${rabbit.server?.port}`)
    t.after(() => connection.close())
    const channel = await connection.createConfirmChannel()
    const { queue } = await channel.assertQueue('', { exclusive: true })
    instrumentAmqp(channel)
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
  })

  const natsConnection = async (t: TestContext): Promise<NatsConnection> => {
    const connection = await connect({ servers: `127.0.0.1:${nats.server?.port}` })
    t.after(() => connection.close())
    instrumentNats(connection, { headers })
    return connection
  }

  it('NATS, requests and replies', nats, async (crowd, t) => {
    const [asking, answering] = [await natsConnection(t), await natsConnection(t)]
    answering.subscribe('crowd', {
      callback(_, message) {
        crowd.handle(message.string())
        message.respond(String(currentRequestID()))
      },
    })
    await answering.flush()
    await crowd.send(async (owner) => {
      const reply = await asking.request('crowd', owner, { timeout: 600_000 })
      if (reply.string() !== owner) throw new Error(`${owner} was answered as ${reply.string()}`)
    })
  })

  it('NATS, JetStream with acknowledgements', nats, async (crowd, t) => {
    const connection = await natsConnection(t)
    const manager = await jetstreamManager(connection)
    await manager.streams.add({ name: 'crowd', subjects: ['stream.*'] })
    await manager.consumers.add('crowd', {
      durable_name: 'd',
      ack_policy: AckPolicy.Explicit,
      max_ack_pending: messages,
      // In nanoseconds. What is not acknowledged by then is delivered again, and a crowded machine takes its time.
      ack_wait: 600e9,
    })
    const stream = jetstream(connection, { timeout: 600_000 })
    const consumer = await stream.consumers.get('crowd', 'd')
    const consuming = await consumer.consume({
      callback(message) {
        crowd.handle(message.string())
        message.ack()
      },
    })
    await crowd.send(async (owner) => stream.publish('stream.x', owner))
    await crowd.end()
    await consuming.close()
  })

  const kafka = (): kafkajs.Kafka =>
    new kafkajs.Kafka({
      brokers: [`127.0.0.1:${kcat.server?.port}`],
      logLevel: logLevel.NOTHING,
      retry: { initialRetryTime: 20, maxRetryTime: 200 },
    })

  it('Kafka, kafkajs', kcat, async (crowd, t) => {
    const topic = await mockTopic(kafka())
    const [producer, consumer] = [
      kafka().producer(),
      kafka().consumer({ groupId: `g-${topic}`, maxWaitTimeInMs: 50 }),
    ]
    instrumentKafka(producer)
    instrumentKafka(consumer)
    for (const each of [producer, consumer]) {
      await each.connect()
      t.after(() => each.disconnect())
    }
    await consumer.subscribe({ topic, fromBeginning: true })
    await consumer.run({
      partitionsConsumedConcurrently: 4,
      eachMessage: async ({ message }) => crowd.handle(String(message.value)),
    })
    // Each of its requests takes a lock that is waited for with a time-out: twenty thousand at once do not come through, with or without us.
    const sendOne = limited(500, async (owner: string) =>
      producer.send({ topic, messages: [{ value: owner }] }),
    )
    await crowd.send(sendOne)
    await crowd.end()
  })

  it('Kafka, @platformatic/kafka', kcat, async (crowd, t) => {
    const topic = await mockTopic(kafka())
    const to = { clientId: 'crowd', bootstrapBrokers: [`127.0.0.1:${kcat.server?.port}`] }
    const producer = new platformatic.Producer(to)
    instrumentKafka(producer)
    t.after(() => producer.close())
    await crowd.send(async (owner) =>
      producer.send({
        messages: [{ topic, partition: Number(owner.slice(2)) % 4, value: Buffer.from(owner) }],
      }),
    )
    const consumer = new platformatic.Consumer({ ...to, groupId: `g-${topic}` })
    // Places are given: the mock's answer to the question for the first offsets cannot be read (see `mockTopic`).
    const offsets = [0, 1, 2, 3].map((partition) => ({ topic, partition, offset: 0n }))
    const stream = await consumer.consume({
      topics: [topic],
      autocommit: false,
      maxWaitTime: 50,
      mode: 'manual',
      offsets,
    })
    let left = messages
    await handleRecords(stream, (message) => {
      crowd.handle(message.value.toString())
      if (--left === 0) void stream.close()
    })
    await consumer.close(true)
  })

  const ioredis = (t: TestContext): Redis => {
    const made = new Redis(redis.server?.port ?? 0, '127.0.0.1')
    t.after(() => made.disconnect())
    instrumentRedis(made)
    return made
  }

  it('Redis streams, ioredis', redis, async (crowd, t) => {
    const client = ioredis(t)
    await crowd.send(async (owner) => client.xadd('crowd', '*', 'owner', owner))
    await handleEntries(await client.xread('STREAMS', 'crowd', '0'), ({ fields }) =>
      crowd.handle((fields as readonly string[])[1] ?? ''),
    )
  })

  it('Redis streams, node-redis', redis, async (crowd, t) => {
    const client = createClient({ url: `redis://127.0.0.1:${redis.server?.port}` })
    await client.connect()
    t.after(() => client.destroy())
    instrumentRedis(client)
    const stream = `s-${randomUUID()}`
    await crowd.send(async (owner) => client.xAdd(stream, '*', { owner }))
    await handleEntries(await client.xRead({ key: stream, id: '0' }), ({ fields }) =>
      crowd.handle((fields as { readonly owner?: string }).owner ?? ''),
    )
  })

  it('Redis pub/sub, ioredis', redis, async (crowd, t) => {
    const [sender, subscriber] = [ioredis(t), ioredis(t)]
    await subscriber.subscribe('crowd')
    subscriber.on('message', (_channel, payload) =>
      inMessage(payload, () => crowd.handle((JSON.parse(payload) as { readonly owner: string }).owner)),
    )
    await crowd.send(async (owner) => sender.publish('crowd', JSON.stringify({ owner })))
  })

  for (const [protocolVersion, qos] of [
    [4, 1],
    [5, 2],
  ] as const)
    it(
      `MQTT ${protocolVersion === 4 ? '3.1.1' : '5'} through mosquitto, QoS ${qos}`,
      mosquitto,
      async (crowd, t) => {
        const url = `mqtt://127.0.0.1:${mosquitto.server?.port}`
        const topic = `crowd/${protocolVersion}/${qos}`
        const [sender, receiver] = await Promise.all([
          connected(url, { protocolVersion }),
          connected(url, { protocolVersion }),
        ])
        for (const client of [sender, receiver]) {
          t.after(() => client.endAsync(true))
          instrumentMqtt(client)
        }
        await receiver.subscribeAsync(topic, { qos })
        receiver.on('message', (_topic, payload) =>
          crowd.handle((JSON.parse(payload.toString()) as { readonly owner: string }).owner),
        )
        await crowd.send(async (owner) => sender.publishAsync(topic, JSON.stringify({ owner }), { qos }))
      },
    )
})

/** The same function, of which no more than `most` calls are under way; the others wait their turn, each in its own context. */
function limited<Argument>(
  most: number,
  work: (argument: Argument) => Promise<unknown>,
): (argument: Argument) => Promise<void> {
  let free = most
  const waiting: (() => void)[] = []
  return async (argument) => {
    if (free > 0) free--
    else await new Promise<void>((resolve) => waiting.push(resolve))
    try {
      await work(argument)
    } finally {
      const next = waiting.shift()
      if (next === undefined) free++
      else next()
    }
  }
}
