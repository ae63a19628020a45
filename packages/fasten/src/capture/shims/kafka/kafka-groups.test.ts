// SPDX-License-Identifier: Apache-2.0
/** Groups that are made anew while handlers run, and connections that are lost: what comes again, and what the rows say of it. */
import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { after, describe, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import * as platformatic from '@platformatic/kafka'
import kafkajs, { logLevel, type Consumer, type Kafka, type KafkaConfig, type Message } from 'kafkajs'
import { startDebianServer } from '../../carriers/fixtures/debian-server.ts'
import type { MessageRecorder } from '../../carriers/message-row.ts'
import { currentRequestID, runWithContext } from '../../context.ts'
import { recordingMessages, until } from '../fixtures/messages.ts'
import { startSeverableProxy } from '../fixtures/severable-proxy.ts'
import { mockBrokerPorts, mockTopic } from './fixtures/mock-cluster.ts'
import { eachInBatch, handle, instrumentKafka, withIds } from './index.ts'

const { server, skip } = await startDebianServer('kcat')

// Each test waits seconds for the broker to make up its groups, and does nothing else meanwhile.
describe('Kafka groups', { skip, timeout: 600_000, concurrency: true }, () => {
  const brokers = [`127.0.0.1:${server?.port}`]
  const closing: (() => Promise<unknown>)[] = []
  after(async () => {
    await Promise.all(closing.map((close) => close()))
    await server?.remove()
  })

  const client = (more: Partial<KafkaConfig> = {}): Kafka =>
    new kafkajs.Kafka({
      brokers,
      logLevel: logLevel.NOTHING,
      retry: { initialRetryTime: 20, maxRetryTime: 200 },
      ...more,
    })

  /** In a group whose members are known by the topic. The mock hands out partitions anew a second before a session would end, and forgets whoever waits for longer than one. */
  const consumerOf = async (kafka: Kafka, topic: string): Promise<Consumer> => {
    const consumer = kafka.consumer({
      groupId: `g-${topic}`,
      maxWaitTimeInMs: 50,
      sessionTimeout: 5_000,
      rebalanceTimeout: 5_000,
      heartbeatInterval: 100,
    })
    closing.push(() => consumer.disconnect())
    await consumer.connect()
    await consumer.subscribe({ topic, fromBeginning: true })
    return consumer
  }

  /** One record in each partition, with the id that is its value. */
  const produce = async (topic: string, ids: readonly string[]): Promise<void> => {
    const producer = client().producer()
    await producer.connect()
    instrumentKafka(producer)
    for (const [partition, id] of ids.entries())
      await runWithContext({ request_id: id }, async () =>
        producer.send({ topic, messages: [{ value: id, partition }] }),
      )
    await producer.disconnect()
  }

  test('a second consumer joins and leaves while handlers run: what comes again keeps its id, and the row of whoever had it says so', async () => {
    const topic = await mockTopic(client())
    const first = ['r-0', 'r-1', 'r-2', 'r-3']
    await produce(topic, first)
    const turns: string[] = []
    const expected: string[] = []
    const { fasten, rows } = recordingMessages()
    let holds = true
    /** A member of the group that is run again when it crashed: the mock refuses one that says a moment late that it is there. */
    const member = async (name: string): Promise<Consumer> => {
      const consumer = await consumerOf(client(), topic)
      instrumentKafka(consumer, { fasten: nameRows(name, fasten), records: true })
      const had = new Set<string>()
      const run = async (): Promise<void> =>
        consumer.run({
          partitionsConsumedConcurrently: 4,
          async eachMessage({ message, heartbeat }) {
            const id = String(message.value)
            const isHeld = holds && name === 'one'
            const verb = had.has(id) ? 'REDELIVER' : 'DELIVER'
            had.add(id)
            turns.push(`${name} ${id}`)
            try {
              if (isHeld) await untilRefused(heartbeat)
              expected.push(`${name} ${id} ${verb} 200`)
            } catch (error) {
              expected.push(`${name} ${id} ${verb} 500`)
              throw error
            } finally {
              assert.equal(currentRequestID(), id)
            }
          },
        })
      consumer.on('consumer.crash', ({ payload }) => {
        if (!payload.restart) void run()
      })
      await run()
      return consumer
    }
    const wasHandled = (ids: readonly string[]): boolean =>
      ids.every((id) => expected.some((each) => each.includes(` ${id} `) && each.endsWith(' 200')))

    await member('one')
    await until(() => turns.length === 4)
    const joining = member('two')
    await until(() => expected.length === 4)
    holds = false
    const two = await joining
    await until(() => wasHandled(first))
    assert.ok(
      expected.some((each) => each.startsWith('one') && each.includes('REDELIVER')),
      'some of them came to the same consumer again',
    )

    holds = true
    const second = ['r-4', 'r-5', 'r-6', 'r-7']
    const before = turns.length
    await produce(topic, second)
    await until(() => turns.slice(before).some((each) => each.startsWith('one')))
    await two.disconnect()
    holds = false
    await until(() => wasHandled(second))
    await until(() => rows.length === expected.length)
    assert.deepEqual(rows.map(told).sort(), [...expected].sort())
  })

  test('a connection lost inside a handler: one that goes on is done, one that fails is seen to come again', async () => {
    const proxies = new Map<number, Awaited<ReturnType<typeof startSeverableProxy>>>()
    for (const port of mockBrokerPorts(server?.log() ?? ''))
      proxies.set(port, await startSeverableProxy(port))
    const sockets = new Set<Socket>()
    const kafka = client({
      socketFactory({ port, onConnect }) {
        const socket = connect(proxies.get(port)?.port ?? 0, '127.0.0.1', onConnect)
        sockets.add(socket)
        socket.once('close', () => sockets.delete(socket))
        return socket
      },
    })
    const cut = async (): Promise<void> => {
      const open = [...sockets]
      // More than once: one that has just called may not have been let in yet.
      await until(() => {
        for (const proxy of proxies.values()) proxy.sever()
        return open.every((socket) => socket.closed)
      })
    }
    const topic = await mockTopic(client())
    await produce(topic, ['goes-on', 'fails'])
    const { fasten, rows } = recordingMessages()
    const consumer = await consumerOf(kafka, topic)
    instrumentKafka(consumer, { fasten, records: true })
    const seen: unknown[] = []
    await consumer.run({
      async eachMessage({ message }) {
        const id = String(message.value)
        seen.push(id)
        if (seen.filter((each) => each === id).length === 1) {
          await cut()
          assert.equal(currentRequestID(), id)
          if (id === 'fails') throw Object.assign(new Error('cut off'), { code: 'ECONNRESET' })
        }
      },
    })
    await until(() => rows.length === 3)
    // It consumes on, under the ids of what comes later.
    await produce(topic, ['later'])
    await until(() => rows.length === 4)
    const goesOn = rows.filter(({ request_id }) => request_id === 'goes-on')
    assert.deepEqual(
      goesOn.map(({ method, status }) => [method, status]),
      [['DELIVER', 200]],
    )
    assert.deepEqual(
      rows
        .filter(({ request_id }) => request_id !== 'goes-on')
        .map(({ request_id, method, status, error }) => [request_id, method, status, error]),
      [
        ['fails', 'DELIVER', 500, 'ECONNRESET'],
        ['fails', 'REDELIVER', 200, undefined],
        ['later', 'DELIVER', 200, undefined],
      ],
    )
    await consumer.disconnect()
    await Promise.all([...proxies.values()].map((proxy) => proxy.close()))
  })

  test('a batch of which a part was resolved comes again from there, and its rows say so', async () => {
    const topic = await mockTopic(client())
    const producer = client().producer()
    await producer.connect()
    const ids = ['b-0', 'b-1', 'b-2', 'b-3']
    const messages = ids.map((id) =>
      runWithContext({ request_id: id }, () => withIds<Message>({ value: id, partition: 0 })),
    )
    await producer.send({ topic, messages })
    await producer.disconnect()
    const { fasten, rows } = recordingMessages()
    const consumer = await consumerOf(client(), topic)
    instrumentKafka(consumer)
    let failures = 0
    await consumer.run({
      eachBatchAutoResolve: false,
      eachBatch: async (payload) =>
        eachInBatch(
          payload,
          async (message) => {
            await payload.heartbeat()
            if (String(message.value) === 'b-2' && failures++ === 0) throw new Error('not yet')
          },
          { fasten, records: true },
        ),
    })
    await until(() => rows.length === 5)
    assert.deepEqual(
      rows.map(({ request_id, method, status }) => [request_id, method, status]),
      [
        ['b-0', 'DELIVER', 200],
        ['b-1', 'DELIVER', 200],
        ['b-2', 'DELIVER', 500],
        ['b-2', 'REDELIVER', 200],
        ['b-3', 'DELIVER', 200],
      ],
    )
  })

  test('@platformatic/kafka consumes what either client produced, and what it did not commit comes again', async () => {
    const topic = await mockTopic(client())
    await produce(topic, ['k-0', 'k-1'])
    const producer = new platformatic.Producer({ clientId: 'p', bootstrapBrokers: brokers })
    const stop = instrumentKafka(producer)
    for (const [partition, request_id] of [
      [2, 'p-2'],
      [3, 'p-3'],
    ] as const)
      await runWithContext({ request_id }, async () =>
        producer.send({ messages: [{ topic, partition, value: Buffer.from(request_id) }] }),
      )
    stop()
    await producer.close()
    const open = (): platformatic.Consumer =>
      new platformatic.Consumer({
        clientId: 'c',
        groupId: `g-${topic}`,
        bootstrapBrokers: brokers,
        retries: 50,
        retryDelay: 50,
        sessionTimeout: 5_000,
        rebalanceTimeout: 5_000,
        heartbeatInterval: 500,
      })
    const { fasten, rows } = recordingMessages()
    const offsets = [0, 1, 2, 3].map((partition) => ({ topic, partition, offset: 0n }))
    /** Takes `count` records, commits each or says that it is to come again, and goes. */
    const consume = async (count: number, from: object, isCommitted: (id: string) => boolean) => {
      const consumer = open()
      const stream = await consumer.consume({ topics: [topic], autocommit: false, maxWaitTime: 50, ...from })
      let seen = 0
      await handle(
        stream,
        async (message) => {
          const id = message.value.toString()
          const { partition, offset } = message
          await new Promise((resolve) => setImmediate(resolve))
          assert.equal(currentRequestID(), id)
          if (isCommitted(id)) await message.commit()
          else await consumer.commit({ offsets: [{ topic, partition, offset, leaderEpoch: -1 }] })
          if (++seen === count) void stream.close()
        },
        { fasten, records: true },
      )
      await consumer.close(true)
      return rows.splice(0).map(({ request_id, method, status, bytes_in, path }) => {
        assert.equal(path, topic)
        return [request_id, method, status, bytes_in].join(' ')
      })
    }
    // Explicit places: the mock's answer to the question for the first offsets cannot be read (see `mockTopic`).
    const first = await consume(4, { mode: 'manual', offsets }, (id) => id !== 'p-3')
    assert.deepEqual(first.sort(), [
      'k-0 DELIVER 200 3',
      'k-1 DELIVER 200 3',
      'p-2 DELIVER 200 3',
      'p-3 DELIVER 200 3',
    ])
    assert.deepEqual(await consume(1, { mode: 'committed' }, () => true), ['p-3 DELIVER 200 3'])
  })
})

/** Works on until the group is made anew, which a handler is told as it is told here: by a heartbeat in the middle of the work. */
async function untilRefused(heartbeat: () => Promise<void>): Promise<never> {
  for (;;) {
    await heartbeat()
    await pause(20)
  }
}

/** Rows that have the consumer's name for their path. */
function nameRows(name: string, fasten: MessageRecorder): MessageRecorder {
  return { recordApi: (input) => fasten.recordApi({ ...input, path: name }) }
}

const told = ({ request_id, method, status, path }: Rows[number]): string =>
  [path, request_id, method, status].join(' ')

type Rows = ReturnType<typeof recordingMessages>['rows']
