// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { after, before, describe, test, type TestContext } from 'node:test'
import type { MqttClient } from 'mqtt'
import { createRecorder, type RecordedAccess } from '../../../testing/http-shim-contract.ts'
import { currentContext, currentRequestID as id, runWithContext } from '../../context.ts'
import { connected, listen, startAedes, turn, until, type TestBroker } from './fixtures/brokers.ts'
import { handler, publish } from './index.ts'

describe('publish and handler', { timeout: 60_000 }, () => {
  let broker: TestBroker
  before(async () => {
    broker = await startAedes()
  })
  after(() => broker.close())
  async function plain(t: TestContext): Promise<MqttClient> {
    const client = await connected(broker.url)
    t.after(() => client.endAsync(true))
    return client
  }

  test('the id of the request reaches the handler, which is told the message, its id and its topic', async (t) => {
    const client = await plain(t)
    const heard: unknown[] = []
    listen(
      client,
      handler('plant/+/set', async (message, { request_id, topic, payload, packet }) => {
        await turn()
        heard.push([message, request_id, topic, String(payload), packet?.qos, id(), currentContext()?.method])
      }),
    )
    await client.subscribeAsync('plant/#', { qos: 1 })
    await runWithContext({ request_id: 'r-1' }, () =>
      publish(client, 'plant/1/set', { celsius: 21 }, { qos: 1 }),
    )
    await runWithContext({ request_id: 'r-2' }, () => publish(client, 'plant/1/get', { celsius: 21 }))
    await until(() => heard.length === 1)
    assert.deepEqual(heard, [
      [{ _req: 'r-1', celsius: 21 }, 'r-1', 'plant/1/set', '{"_req":"r-1","celsius":21}', 1, 'r-1', 'mqtt'],
    ])
  })

  test('a payload is handed over as what it is', () => {
    const seen: unknown[] = []
    const listener = handler('a', (message) => {
      seen.push(message)
      return 'returned'
    })
    const bytes = Buffer.from([0xff, 0x7b, 0x7d])
    const payloads = [
      Buffer.from(''),
      Buffer.from('[1]'),
      Buffer.from('"x"'),
      Buffer.from('no json'),
      bytes,
      '7',
      '',
    ]
    for (const payload of payloads) assert.equal(listener('a', payload), 'returned')
    assert.deepEqual(seen, [{}, [1], 'x', Buffer.from('no json'), bytes, 7, {}])
    assert.equal(listener('b', bytes), undefined)
  })

  test('what the handler throws or rejects with comes through, and a row says so', async () => {
    const rows: RecordedAccess[] = []
    const options = { records: true, fasten: createRecorder({ currentContext }, rows) }
    const fail = (): never => {
      throw new RangeError('no')
    }
    assert.throws(() => handler('a', fail, options)('a', '{"_req":"r-1"}'), RangeError)
    await assert.rejects(
      async () => handler('a', async () => fail(), options)('a', '{"_req":"r-2"}'),
      RangeError,
    )
    assert.equal(await handler('a', async () => 7, options)('a', '{"_req":"r-3"}'), 7)
    await until(() => rows.length === 3)
    assert.deepEqual(
      rows.map(({ method, path, route, status, error, context }) => [
        method,
        path,
        route,
        status,
        error,
        context?.request_id,
      ]),
      [
        ['DELIVER', 'a', 'a', 500, 'RangeError', 'r-1'],
        ['DELIVER', 'a', 'a', 500, 'RangeError', 'r-2'],
        ['DELIVER', 'a', 'a', 200, undefined, 'r-3'],
      ],
    )
  })

  test('publish takes text, bytes and whatever has JSON, and rejects as the library does', async (t) => {
    const client = await plain(t)
    const heard: string[] = []
    client.on('message', (_topic, payload) => heard.push(payload.toString('latin1')))
    await client.subscribeAsync('taken')
    await runWithContext({ request_id: 'r-1' }, async () => {
      for (const message of [
        'text',
        Buffer.from([0xff, 0]),
        '{"n":1.0}',
        { _req: 'theirs' },
        [1],
        7,
        null,
        new Date(0),
      ])
        await publish(client, 'taken', message)
    })
    await until(() => heard.length === 8)
    assert.deepEqual(heard, [
      'text',
      '\xff\0',
      '{"_req":"r-1","n":1.0}',
      '{"_req":"theirs"}',
      '[1]',
      '7',
      'null',
      '"1970-01-01T00:00:00.000Z"',
    ])
    for (const message of [undefined, () => 7, 7n])
      await assert.rejects(publish(client, 'taken', message), TypeError)
    client.disconnecting = true
    await assert.rejects(publish(client, 'taken', {}), { message: 'client disconnecting' })
    client.disconnecting = false
  })

  test('wrong arguments are refused by name', () => {
    assert.throws(() => handler('a/#/b', () => 7), { name: 'TypeError', message: /^topic filter: / })
    assert.throws(() => handler('a', undefined as never), { name: 'TypeError', message: /^handler: / })
    assert.throws(() => handler('a', () => 7, { records: 7 as never }), {
      name: 'TypeError',
      message: /^records: /,
    })
  })
})
