// SPDX-License-Identifier: Apache-2.0
/** The carriers' contract with 20,000 messages in the air, through the brokers where that takes more than a few seconds. */
import { after, describe, test } from 'node:test'
import amqp from 'amqplib'
import { Redis } from 'ioredis'
import kafkajs, { logLevel } from 'kafkajs'
import { connect } from '@nats-io/transport-node'
import { describeCarrier } from '../../../testing/carrier-contract.ts'
import { startDebianServer } from '../../carriers/fixtures/debian-server.ts'
import { openKafka } from '../kafka/fixtures/kafka-harness.ts'
import { natsHarness } from '../nats/fixtures/nats-harness.ts'
import { channelHarness, streamHarness } from '../redis/fixtures/redis-harness.ts'
import { amqpHarness } from './fixtures/amqp-harness.ts'
import { recovers } from './fixtures/recovers.ts'

const interleaved = 20_000
const [rabbit, nats, kcat, redis] = await Promise.all([
  startDebianServer('rabbitmq-server'),
  startDebianServer('nats-server'),
  startDebianServer('kcat'),
  startDebianServer('redis-server'),
])
const closing: (() => unknown)[] = []
after(async () => {
  for (const close of closing) await close()
  for (const { server } of [rabbit, nats, kcat, redis]) await server?.remove()
})

describe('AMQP', { skip: rabbit.skip }, () => {
  test('a consumer works on after the server was killed, and what it had not settled comes again', async () => {
    await recovers(rabbit.server?.port ?? 0, async () => {
      await rabbit.server?.kill9()
      await rabbit.server?.start()
    })
  })

  describeCarrier(`AMQP, ${interleaved} at once`, async () => {
    const connection = await amqp.connect(`amqp://127.0.0.1:${rabbit.server?.port}`)
    const harness = await amqpHarness(await connection.createChannel(), interleaved)
    return { ...harness, close: () => connection.close() }
  })
})

describe('NATS', { skip: nats.skip }, () => {
  describeCarrier(`NATS, ${interleaved} at once`, async () => {
    const connection = await connect({ servers: `127.0.0.1:${nats.server?.port}` })
    return { ...natsHarness(connection, interleaved), close: () => connection.close() }
  })
})

describe('Kafka', { skip: kcat.skip }, () => {
  let shared: ReturnType<typeof openKafka> | undefined
  describeCarrier(`Kafka, ${interleaved} at once`, async () => {
    const brokers = [`127.0.0.1:${kcat.server?.port}`]
    if (shared === undefined) {
      shared = openKafka(new kafkajs.Kafka({ brokers, logLevel: logLevel.NOTHING }))
      closing.push(async () => (await shared)?.close())
    }
    return (await shared).harness(interleaved)
  })
})

describe('Redis', { skip: redis.skip }, () => {
  const open = (): Redis => new Redis(redis.server?.port ?? 0, '127.0.0.1')
  describeCarrier(`Redis streams, ${interleaved} at once`, async () => {
    const client = open()
    return { ...streamHarness(client, interleaved), close: async () => client.disconnect() }
  })
  describeCarrier(`Redis pub/sub, ${interleaved} at once`, async () => {
    const [client, subscriber] = [open(), open()]
    const harness = await channelHarness(client, subscriber, interleaved)
    return {
      ...harness,
      close: async () => {
        client.disconnect()
        subscriber.disconnect()
      },
    }
  })
})
