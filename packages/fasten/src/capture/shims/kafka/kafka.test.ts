// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import { after, before, describe, test } from 'node:test'
import * as platformatic from '@platformatic/kafka'
import kafkajs, {
  logLevel,
  type Consumer,
  type EachMessagePayload,
  type Kafka,
  type KafkaMessage as Received,
  type Message,
  type Producer,
} from 'kafkajs'
import { describeCarrier } from '../../../testing/carrier-contract.ts'
import { startDebianServer } from '../../carriers/fixtures/debian-server.ts'
import { currentRequestID, runWithContext } from '../../context.ts'
import { manyHeaders } from '../fixtures/many-headers.ts'
import { recordingMessages, until } from '../fixtures/messages.ts'
import { openKafka } from './fixtures/kafka-harness.ts'
import {
  createKafkaCarrier,
  eachInBatch,
  handle,
  handler,
  inMessage,
  instrumentKafka,
  kafkaCarrier,
  withIds,
} from './index.ts'

const { server, skip } = await startDebianServer('kcat')

describe('Kafka', { skip, timeout: 300_000 }, () => {
  const brokers = [`127.0.0.1:${server?.port}`]
  const client = (): Kafka =>
    new kafkajs.Kafka({
      brokers,
      logLevel: logLevel.NOTHING,
      retry: { initialRetryTime: 20, maxRetryTime: 200 },
    })
  const open: { disconnect(): Promise<void> }[] = []
  let shared: Awaited<ReturnType<typeof openKafka>>
  before(async () => {
    shared = await openKafka(client())
  })
  after(async () => {
    await Promise.all([shared.close(), ...open.map((each) => each.disconnect())])
    await server?.remove()
  })
  const as = <T>(request_id: string, work: () => T): T => runWithContext({ request_id }, work)
  const producerOf = async (kafka: Kafka, options = {}): Promise<Producer> => {
    const producer = kafka.producer(options)
    open.push(producer)
    await producer.connect()
    return producer
  }
  const consumerOf = async (kafka: Kafka, topic: string): Promise<Consumer> => {
    const consumer = kafka.consumer({ groupId: `g-${randomUUID()}`, maxWaitTimeInMs: 50 })
    open.push(consumer)
    await consumer.connect()
    await consumer.subscribe({ topic, fromBeginning: true })
    return consumer
  }
  /** What a client that knows nothing of us finds in the topic. */
  const read = async (topic: string, count: number): Promise<Received[]> => {
    const consumer = await consumerOf(client(), topic)
    const found: Received[] = []
    await consumer.run({ eachMessage: async ({ message }) => void found.push(message) })
    await until(() => found.length >= count)
    return found
  }
  const idOf = (message: Received): string | undefined => kafkaCarrier.extract(message).request_id

  describeCarrier('Kafka, through the mock cluster of kcat', async () => shared.harness())

  test('kafkajs: send, sendBatch and transactions carry the id, tombstones and keys untouched', async () => {
    const kafka = client()
    const stop = instrumentKafka(kafka)
    assert.equal(instrumentKafka(kafka), stop)
    const topic = `t-${randomUUID()}`
    const { fasten, rows } = recordingMessages()
    const producer = await producerOf(kafka)
    const transacting = await producerOf(kafka, { transactionalId: topic, maxInFlightRequests: 1 })
    const recorded = await producerOf(client())
    instrumentKafka(recorded, { fasten, records: true })
    const theirs = Object.freeze({ key: 'k', value: null, headers: { kept: 'yes' } })
    await as('r-1', async () => producer.send({ topic, messages: [theirs] }))
    await as('r-2', async () =>
      recorded.sendBatch({ topicMessages: [{ topic, messages: [{ value: 'a' }, { value: 'b' }] }] }),
    )
    await as('r-3', async () => {
      const transaction = await transacting.transaction()
      await transaction.send({ topic, messages: [{ value: 'c' }] })
      await transaction.commit()
    })
    const failure = await as('r-4', async () =>
      recorded.send({ topic, messages: [{}] as never }).catch((reason: unknown) => reason),
    )
    assert.ok(failure instanceof Error)
    stop()
    await as('r-5', async () => producer.send({ topic, messages: [{ value: 'd' }] }))
    const found = await read(topic, 5)
    assert.deepEqual(
      found.map((message) => [idOf(message), message.key?.toString(), message.value?.toString()]).sort(),
      [
        [undefined, undefined, 'd'],
        ['r-1', 'k', undefined],
        ['r-2', undefined, 'a'],
        ['r-2', undefined, 'b'],
        ['r-3', undefined, 'c'],
      ],
    )
    assert.deepEqual(theirs.headers, { kept: 'yes' })
    assert.deepEqual(
      rows.map(({ request_id, method, path, status }) => [request_id, method, path === topic, status]),
      [
        ['r-2', 'PUBLISH', true, 200],
        ['r-2', 'PUBLISH', true, 200],
        ['r-4', 'PUBLISH', true, 500],
      ],
    )
    assert.throws(() => instrumentKafka({} as never), TypeError)
  })

  test('kafkajs: among 200 headers of the application', async () => {
    const kafka = client()
    instrumentKafka(kafka)
    const topic = `t-${randomUUID()}`
    const producer = await producerOf(kafka)
    await as('r-6', async () =>
      producer.send({ topic, messages: [{ value: 'x', headers: { ...manyHeaders } }] }),
    )
    const consumer = await consumerOf(kafka, topic)
    const seen: [unknown, Received][] = []
    await consumer.run({
      eachMessage: async ({ message }) => void seen.push([currentRequestID(), message]),
    })
    await until(() => seen.length === 1)
    assert.deepEqual(
      seen.map(([id, { headers = {} }]) => [
        id,
        Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)])),
      ]),
      [['r-6', { ...manyHeaders, 'x-request-id': 'r-6' }]],
    )
  })

  test('kafkajs: eachMessage works for its record, and one that failed is seen to come again', async () => {
    const topic = `t-${randomUUID()}`
    const producer = await producerOf(client())
    for (const id of ['r-1', 'r-2'])
      await as(id, async () =>
        producer.send({ topic, messages: [withIds<Message>({ value: id, partition: 0 })] }),
      )
    const { fasten, rows } = recordingMessages()
    const consumer = await consumerOf(client(), topic)
    instrumentKafka(consumer, { fasten, records: true })
    const seen: unknown[] = []
    await consumer.run({
      eachMessage: async ({ message }) => {
        await new Promise((resolve) => setImmediate(resolve))
        seen.push(currentRequestID())
        if (message.value?.toString() === 'r-1' && seen.length === 1) throw new Error('not yet')
      },
    })
    await until(() => rows.length === 3)
    assert.deepEqual(seen, ['r-1', 'r-1', 'r-2'])
    assert.deepEqual(
      rows.map(({ request_id, method, status, error }) => [request_id, method, status, error]),
      [
        ['r-1', 'DELIVER', 500, 'Error'],
        ['r-1', 'REDELIVER', 200, undefined],
        ['r-2', 'DELIVER', 200, undefined],
      ],
    )
  })

  test('kafkajs: a batch is taken record by record, and what failed is taken up again', async () => {
    const topic = `t-${randomUUID()}`
    const producer = await producerOf(client())
    for (const id of ['r-1', 'r-2', 'r-3'])
      await as(id, async () =>
        producer.send({ topic, messages: [withIds<Message>({ value: id, partition: 0 })] }),
      )
    const consumer = await consumerOf(client(), topic)
    const seen: unknown[] = []
    await consumer.run({
      eachBatch: async (payload) =>
        eachInBatch(payload, (message) => {
          seen.push([message.value?.toString(), currentRequestID()])
          if (seen.length === 2) throw new Error('not yet')
        }),
    })
    await until(() => seen.length === 4)
    assert.deepEqual(
      seen,
      ['r-1', 'r-2', 'r-2', 'r-3'].map((id) => [id, id]),
    )
  })

  test('kafkajs: without changing anything in place', async () => {
    const eachMessage = handler(async ({ message }: Pick<EachMessagePayload, 'message'>) => [
      currentRequestID(),
      inMessage({ ...message, headers: { 'x-request-id': 'other' } }, currentRequestID),
    ])
    const message = as('r-6', () => withIds<Message>({ value: 'x' }))
    assert.deepEqual(await eachMessage({ message: message as Received }), ['r-6', 'other'])
  })

  test('@platformatic/kafka produces with the id, in bytes, in text and through a stream', async () => {
    const topic = `t-${randomUUID()}`
    const stop = instrumentKafka(platformatic)
    const { stringSerializers } = platformatic
    const settings = { clientId: 'test', bootstrapBrokers: brokers, retries: 50, retryDelay: 50 }
    const bytes = new platformatic.Producer(settings)
    const text = new platformatic.Producer({ ...settings, serializers: stringSerializers })
    const theirs = { topic, key: 'k', value: 'text', headers: { kept: 'yes' } }
    // The topic comes into being when it is first asked for.
    await (await producerOf(client())).send({ topic, messages: [{ value: 'first', partition: 0 }] })
    await as('r-1', async () =>
      bytes.send({ messages: [{ topic, value: Buffer.from('bytes'), partition: 0 }] }),
    )
    await as('r-2', async () => text.send({ messages: [theirs] }))
    const called = await new Promise((resolve) =>
      as('r-3', () =>
        text.send({ messages: [{ topic, key: 'k', value: 'called' }] }, () => resolve(currentRequestID())),
      ),
    )
    assert.equal(called, 'r-3')
    const stream = text.asStream({ batchSize: 2 })
    for (const id of ['r-4', 'r-5']) as(id, () => stream.write({ topic, key: 'k', value: `streamed ${id}` }))
    await stream.close()
    await Promise.all([bytes.close(), text.close()])
    stop()
    const found = await read(topic, 6)
    assert.deepEqual(found.map((message) => `${message.value?.toString()}: ${idOf(message)}`).sort(), [
      'bytes: r-1',
      'called: r-3',
      'first: undefined',
      'streamed r-4: r-4',
      'streamed r-5: r-5',
      'text: r-2',
    ])
    assert.deepEqual(theirs.headers, { kept: 'yes' })
  })

  // Through the real consumer: kafka-groups.test.ts. Here: headers as its deserializers may make them, and a stream that gives a record twice.
  test('records as @platformatic/kafka consumes them, in either form of headers', async () => {
    const inBytes = as('r-1', () =>
      createKafkaCarrier().inject({ headers: new Map() }, { request_id: 'r-1' }),
    )
    const inText = createKafkaCarrier('text').inject({ headers: new Map() }, { request_id: 'r-2' })
    const stream: AsyncIterable<{
      topic: string
      partition: number
      offset: bigint
      value: Buffer
      headers: never
    }> = Readable.from(
      [inBytes, inText, inText].map(({ headers }, index) => ({
        topic: 't',
        partition: 0,
        offset: BigInt(Math.min(index, 1)),
        value: Buffer.from('x'),
        headers: headers as never,
      })),
    )
    const { fasten, rows } = recordingMessages()
    const seen: unknown[] = []
    await handle(stream, async () => void seen.push(currentRequestID()), { fasten, records: true })
    assert.deepEqual(seen, ['r-1', 'r-2', 'r-2'])
    assert.deepEqual(
      rows.map(({ request_id, method, path, status, bytes_in }) => [
        request_id,
        method,
        path,
        status,
        bytes_in,
      ]),
      [
        ['r-1', 'DELIVER', 't', 200, 1],
        ['r-2', 'DELIVER', 't', 200, 1],
        ['r-2', 'REDELIVER', 't', 200, 1],
      ],
    )
  })
})
