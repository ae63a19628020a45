// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { after, describe, test } from 'node:test'
import * as ioredisModule from 'ioredis'
import { Redis } from 'ioredis'
import * as nodeRedis from 'redis'
import { createClient } from 'redis'
import { describeCarrier } from '../../../testing/carrier-contract.ts'
import { startDebianServer } from '../../carriers/fixtures/debian-server.ts'
import { currentRequestID, runWithContext } from '../../context.ts'
import { createCrowd } from '../fixtures/crowd.ts'
import { manyHeaders } from '../fixtures/many-headers.ts'
import { recordingMessages, until } from '../fixtures/messages.ts'
import { channelHarness, streamHarness } from './fixtures/redis-harness.ts'
import {
  entriesOf,
  handle,
  inMessage,
  instrumentRedis,
  redisStreamCarrier,
  withId,
  withIds,
} from './index.ts'

const { server, skip } = await startDebianServer('redis-server')

describe('Redis', { skip, timeout: 300_000 }, () => {
  const open: { disconnect(): unknown }[] = []
  const ioredis = (): Redis => {
    const redis = new Redis(server?.port ?? 0, '127.0.0.1', { lazyConnect: true, retryStrategy: () => 50 })
    // A server that is killed says so to each connection; those of this test are made again by themselves.
    redis.on('error', () => undefined)
    open.push(redis)
    return redis
  }
  const plain = ioredis()
  after(async () => {
    for (const each of open) each.disconnect()
    await server?.remove()
  })
  const as = <T>(request_id: string, work: () => T): T => runWithContext({ request_id }, work)
  const idsIn = async (stream: string): Promise<unknown[]> =>
    entriesOf(await plain.xrange(stream, '-', '+'), stream).map(
      ({ fields }) => redisStreamCarrier.extract(fields).request_id,
    )

  describeCarrier('Redis streams, through redis-server', async () => streamHarness(plain))
  describeCarrier('Redis pub/sub, through redis-server', async () => channelHarness(plain, ioredis()))

  test('ioredis: entries and messages carry the id, in pipelines and transactions too', async () => {
    const redis = ioredis()
    const { fasten, rows } = recordingMessages()
    const stop = instrumentRedis(redis, { fasten, records: true })
    assert.equal(instrumentRedis(redis), stop)
    const stream = `s-${randomUUID()}`
    await as('r-1', async () => redis.xadd(stream, 'MAXLEN', '~', 100, '*', 'a', '1'))
    await as('r-2', async () => redis.xadd(stream, '*', 'a', '1', '_req', 'theirs'))
    await as('r-3', async () => redis.pipeline().xadd(stream, '*', 'a', '1').exec())
    await as('r-4', async () => redis.multi([['xadd', stream, '*', 'a', '1']]).exec())
    const called = await new Promise((resolve) =>
      as('r-5', () => void redis.xadd(stream, '*', 'a', '1', () => resolve('called'))),
    )
    assert.equal(called, 'called')
    await assert.rejects(as('r-6', async () => redis.xadd(stream, 'nonsense', 'a', '1')))
    assert.deepEqual(await idsIn(stream), ['r-1', 'theirs', 'r-3', 'r-4', 'r-5'])
    await as('r-7', async () => redis.publish('c', '{"a":1}'))
    assert.deepEqual(
      rows.map(({ request_id, method, status }) => [request_id, method, status]),
      [
        ['r-1', 'PUBLISH', 200],
        ['r-2', 'PUBLISH', 200],
        ['r-5', 'PUBLISH', 200],
        ['r-6', 'PUBLISH', 500],
        ['r-7', 'PUBLISH', 200],
      ],
    )
    stop()
    await as('r-8', async () => redis.xadd(stream, '*', 'a', '1'))
    assert.equal((await idsIn(stream)).at(-1), undefined)
    assert.throws(() => instrumentRedis({} as never), TypeError)
  })

  test('node-redis: entries and messages carry the id, in transactions too', async () => {
    const redis = createClient({ url: `redis://127.0.0.1:${server?.port}` })
    await redis.connect()
    instrumentRedis(redis)
    const stream = `s-${randomUUID()}`
    const theirs = Object.freeze({ a: '1' })
    await as('r-1', async () => redis.xAdd(stream, '*', theirs))
    await as('r-2', async () => redis.multi().xAdd(stream, '*', theirs).exec())
    assert.deepEqual(await idsIn(stream), ['r-1', 'r-2'])
    const subscriber = redis.duplicate()
    await subscriber.connect()
    const heard = new Promise<string>((resolve) => void subscriber.subscribe('d', resolve))
    await until(async () => (await as('r-3', async () => redis.publish('d', '{"a":1}'))) === 1)
    const payload = await heard
    assert.deepEqual([payload, inMessage(payload, currentRequestID)], ['{"_req":"r-3","a":1}', 'r-3'])
    assert.equal(withId('no json'), 'no json')
    await redis.xGroupCreate(stream, 'g', '0')
    const seen: unknown[] = []
    await handle(await redis.xReadGroup('g', 'me', { key: stream, id: '>' }), ({ stream: from, fields }) => {
      seen.push([from === stream, currentRequestID(), (fields as { a?: string }).a])
    })
    await handle(
      await redis.xAutoClaim(stream, 'g', 'other', 0, '0'),
      ({ isClaimed }) => void seen.push([isClaimed, currentRequestID()]),
      { stream },
    )
    assert.deepEqual(seen, [
      [true, 'r-1', '1'],
      [true, 'r-2', '1'],
      [true, 'r-1'],
      [true, 'r-2'],
    ])
    subscriber.destroy()
    redis.destroy()
  })

  test('among 200 fields of the application', async () => {
    const redis = ioredis()
    instrumentRedis(redis)
    const stream = `s-${randomUUID()}`
    const theirs = Object.entries(manyHeaders).flat()
    await as('r-9', async () => redis.xadd(stream, '*', ...theirs))
    const seen: unknown[] = []
    const read = await plain.xread('STREAMS', stream, '0')
    await handle(read, ({ fields }) => void seen.push([currentRequestID(), fields]))
    assert.deepEqual(seen, [['r-9', [...theirs, '_req', 'r-9']]])
  })

  test('a group: what failed stays pending, and whoever claims it works for the same id', async () => {
    const stream = `s-${randomUUID()}`
    for (const id of ['r-1', 'r-2', 'r-3'])
      await as(id, async () => plain.xadd(stream, '*', ...withIds(['a', id])))
    await plain.xgroup('CREATE', stream, 'g', '0')
    const { fasten, rows } = recordingMessages()
    const ack = ({ stream: from, id }: { stream: string; id: string }) => plain.xack(from, 'g', id)
    const options = { fasten, records: true, ack, stream }
    const failure = new RangeError('no')
    const read = await plain.xreadgroup('GROUP', 'g', 'one', 'STREAMS', stream, '>')
    await assert.rejects(
      handle(
        read,
        () => {
          if (currentRequestID() === 'r-2') throw failure
        },
        options,
      ),
      failure,
    )
    await plain.xdel(stream, entriesOf(read)[2]?.id ?? '')
    await handle(await plain.xautoclaim(stream, 'g', 'two', 0, '0'), () => undefined, options)
    assert.deepEqual(
      rows.map(({ request_id, method, path, status, error }) => [
        request_id,
        method,
        path === stream,
        status,
        error,
      ]),
      [
        ['r-1', 'DELIVER', true, 200, undefined],
        ['r-2', 'DELIVER', true, 500, 'RangeError'],
        ['r-2', 'REDELIVER', true, 200, undefined],
        [rows.at(-1)?.request_id, 'REDELIVER', true, 410, 'deleted'],
      ],
    )
    assert.match(rows.at(-1)?.request_id ?? '', /^[0-9a-f]{12}$/)
    await handle(null, () => assert.fail('there is nothing'))
  })

  test('claimed by hand, trimmed while pending, read as bytes, as Redis 6.2 answers, and one stream of several', async () => {
    const [stream, other] = [`s-${randomUUID()}`, `s-${randomUUID()}`]
    for (const id of ['r-1', 'r-2', 'r-3'])
      await as(id, async () => plain.xadd(stream, '*', ...withIds(['a', id])))
    await as('r-4', async () => plain.xadd(other, '*', ...withIds(['a', 'r-4'])))
    await plain.xgroup('CREATE', stream, 'g', '0')
    const read = await plain.xreadgroup('GROUP', 'g', 'one', 'STREAMS', stream, '>')
    const ids = entriesOf(read).map(({ id }) => id)
    await plain.xtrim(stream, 'MINID', ids[1] ?? '')
    const { fasten, rows } = recordingMessages()
    const handled = async (answer: unknown, redelivered = false): Promise<unknown> => {
      await handle(answer, () => undefined, { fasten, records: true, stream, redelivered })
      return rows.splice(0).map(({ request_id, method, status, path }) => {
        assert.ok(path === stream || path === other, path)
        return `${status === 410 ? 'gone' : request_id} ${method} ${status}`
      })
    }
    const both = ['r-2 REDELIVER 200', 'r-3 REDELIVER 200']
    assert.deepEqual(
      await handled(await plain.xreadgroup('GROUP', 'g', 'one', 'STREAMS', stream, '0'), true),
      ['gone REDELIVER 410', ...both],
    )
    assert.deepEqual(await handled(await plain.xclaim(stream, 'g', 'two', 0, ...ids), true), both)
    const claimed = await plain.callBuffer('XAUTOCLAIM', stream, 'g', 'three', 0, '0')
    assert.deepEqual(await handled(claimed), both)
    const [, entries] = (await plain.xautoclaim(stream, 'g', 'four', 0, '0')) as unknown as [
      string,
      unknown[],
    ]
    assert.deepEqual(await handled(['0-0', [null, ...entries]]), ['gone REDELIVER 410', ...both])
    assert.deepEqual(await handled(['0-0', []]), [])
    const streams = (await plain.xread('STREAMS', stream, other, '0', '0')) ?? []
    assert.deepEqual(
      streams.map((each) => entriesOf(each).length),
      [2, 1],
    )
    assert.deepEqual(await handled(streams.at(1)), ['r-4 DELIVER 200'])
  })

  test('every client of a module, and a callback that is told of a failure leaves nothing unhandled', async () => {
    const { fasten, rows } = recordingMessages()
    const stream = `s-${randomUUID()}`
    const stop = instrumentRedis(ioredisModule, { fasten, records: true })
    const redis = ioredis()
    const same = instrumentRedis(redis)
    await as('r-1', async () => redis.xadd(stream, '*', 'a', '1'))
    await as('r-2', async () => {
      const twin = redis.duplicate()
      twin.on('error', () => undefined)
      open.push(twin)
      await twin.xadd(stream, '*', 'a', '1')
    })
    const told = await new Promise((resolve) =>
      as('r-3', () => void redis.xadd(stream, 'nonsense', 'a', '1', resolve)),
    )
    assert.ok(told instanceof Error)
    stop()
    same()
    await as('r-4', async () => redis.xadd(stream, '*', 'a', '1'))
    const stopNode = instrumentRedis(nodeRedis)
    const node = nodeRedis.default.createClient({ url: `redis://127.0.0.1:${server?.port}` })
    stopNode()
    const again = instrumentRedis(nodeRedis)
    const other = nodeRedis.default.createClient({ url: `redis://127.0.0.1:${server?.port}` })
    await Promise.all([node.connect(), other.connect()])
    await as('r-5', async () => node.xAdd(stream, '*', { a: '1' }))
    await as('r-6', async () => other.xAdd(stream, '*', { a: '1' }))
    again()
    node.destroy()
    other.destroy()
    assert.deepEqual(await idsIn(stream), ['r-1', 'r-2', undefined, undefined, 'r-6'])
    assert.deepEqual(
      rows.map(({ request_id, status }) => [request_id, status]),
      [
        ['r-1', 200],
        ['r-2', 200],
        ['r-3', 500],
      ],
    )
  })

  test('however many are in the air through an instrumented client, each is handled as whose it is', async () => {
    const redis = ioredis()
    const undo = instrumentRedis(redis)
    const stream = `s-${randomUUID()}`
    const crowd = createCrowd(2_000)
    await crowd.send(async (owner) => redis.xadd(stream, '*', 'owner', owner))
    await handle(await redis.xread('STREAMS', stream, '0'), ({ fields }) =>
      crowd.handle((fields as readonly string[])[1] ?? ''),
    )
    await crowd.end()
    undo()
  })

  test('a connection lost while an entry is handled leaves it pending, and whoever claims it works for the same id', async () => {
    const redis = new Redis(server?.port ?? 0, '127.0.0.1', {
      enableOfflineQueue: false,
      retryStrategy: () => 50,
    })
    redis.on('error', () => undefined)
    open.push(redis)
    await until(() => redis.status === 'ready')
    const stream = `s-${randomUUID()}`
    await as('r-1', async () => plain.xadd(stream, '*', ...withIds(['a', '1'])))
    await plain.xgroup('CREATE', stream, 'g', '0')
    const { fasten, rows } = recordingMessages()
    const seen: unknown[] = []
    const options = {
      fasten,
      records: true,
      stream,
      ack: async (entry: { id: string }) => redis.xack(stream, 'g', entry.id),
    }
    const id = await redis.client('ID')
    const read = await redis.xreadgroup('GROUP', 'g', 'one', 'STREAMS', stream, '>')
    await assert.rejects(
      handle(
        read,
        async () => {
          const lost = once(redis, 'close')
          await plain.client('KILL', 'ID', id)
          await lost
          seen.push(currentRequestID())
        },
        options,
      ),
    )
    await until(() => redis.status === 'ready')
    await handle(
      await redis.xautoclaim(stream, 'g', 'two', 0, '0'),
      () => void seen.push(currentRequestID()),
      options,
    )
    assert.deepEqual(seen, ['r-1', 'r-1'])
    assert.deepEqual(
      rows.map(({ request_id, method, status }) => [request_id, method, status]),
      [
        ['r-1', 'DELIVER', 500],
        ['r-1', 'REDELIVER', 200],
      ],
    )
  })

  test('entries are there after the server was killed', async () => {
    const redis = ioredis()
    instrumentRedis(redis)
    const stream = `s-${randomUUID()}`
    await as('r-1', async () => redis.xadd(stream, '*', 'a', '1'))
    await redis.config('SET', 'appendfsync', 'always')
    await as('r-2', async () => redis.xadd(stream, '*', 'a', '1'))
    await server?.kill9()
    const offline = as('r-3', async () => redis.xadd(stream, '*', 'a', '1'))
    await server?.start()
    await offline
    assert.deepEqual(await idsIn(stream), ['r-1', 'r-2', 'r-3'])
  })
})
