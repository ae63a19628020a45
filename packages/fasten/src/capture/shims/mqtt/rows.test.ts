// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { after, before, describe, test, type TestContext } from 'node:test'
import type { IClientOptions, IPublishPacket, MqttClient } from 'mqtt'
import { createRecorder, type RecordedAccess } from '../../../testing/http-shim-contract.ts'
import { currentContext, runWithContext } from '../../context.ts'
import { connected, listen, startAedes, turn, until, type TestBroker } from './fixtures/brokers.ts'
import { handler } from './handler.ts'
import { instrumentMqtt } from './instrument.ts'
import type { MqttOptions } from './options.ts'
import { publish } from './publish.ts'

describe('message rows of MQTT', { timeout: 60_000 }, () => {
  let broker: TestBroker
  before(async () => {
    broker = await startAedes()
  })
  after(() => broker.close())

  async function recorded(
    t: TestContext,
    options: MqttOptions = {},
    settings: IClientOptions = {},
  ): Promise<{ client: MqttClient; rows: RecordedAccess[] }> {
    const rows: RecordedAccess[] = []
    const client = await connected(broker.url, settings)
    t.after(() => client.endAsync(true))
    instrumentMqtt(client, { fasten: createRecorder({ currentContext }, rows), records: true, ...options })
    return { client, rows }
  }
  const within = <Result>(request_id: string, work: () => Result): Result =>
    runWithContext({ request_id }, work)
  const told = (rows: readonly RecordedAccess[]): unknown[] =>
    rows
      .map(({ method, path, status, error, context }) => [method, path, status, error, context?.request_id])
      .toSorted(
        (a, b) => String(a[1]).localeCompare(String(b[1])) || String(a[0]).localeCompare(String(b[0])),
      )

  test('none is left unless asked for', async (t) => {
    const { client, rows } = await recorded(t, { records: false })
    const heard = new Promise((resolve) => client.once('message', resolve))
    await client.subscribeAsync('quiet')
    await client.publishAsync('quiet', '{}', { qos: 1 })
    await heard
    assert.deepEqual(rows, [])
  })

  test('one for each message sent and one for each that came, of every QoS, under its id', async (t) => {
    const { client, rows } = await recorded(t)
    listen(client, async () => turn())
    await client.subscribeAsync('rows/#', { qos: 2 })
    within('r-0', () => client.publish('rows/0', '{"a":1}'))
    within('r-1', () => client.publish('rows/1', 'ä', { qos: 1 }))
    await within('r-2', () => client.publishAsync('rows/2?x', '', { qos: 2 }))
    await until(() => rows.length === 6)
    // What is no JSON carries no id over MQTT 3.1.1, so its delivery has one of its own.
    const [one = '', two = ''] = ['rows/1', 'rows/2%3Fx'].map(
      (name) => rows.find(({ method, path }) => method === 'DELIVER' && path === name)?.context?.request_id,
    )
    assert.deepEqual(told(rows), [
      ['DELIVER', 'rows/0', 200, undefined, 'r-0'],
      ['PUBLISH', 'rows/0', 200, undefined, 'r-0'],
      ['DELIVER', 'rows/1', 200, undefined, one],
      ['PUBLISH', 'rows/1', 200, undefined, 'r-1'],
      ['DELIVER', 'rows/2%3Fx', 200, undefined, two],
      ['PUBLISH', 'rows/2%3Fx', 200, undefined, 'r-2'],
    ])
    const bytes = rows.map(({ path, bytes_in, bytes_out }) => [path, bytes_in ?? bytes_out])
    assert.deepEqual(new Set(bytes.map(String)), new Set(['rows/0,20', 'rows/1,2', 'rows/2%3Fx,0']))
  })

  test('a publish that no request asked for has a row under the id that the message carries', async (t) => {
    const { client, rows } = await recorded(t)
    const received = new Promise<string>((resolve) =>
      client.once('message', (_topic, payload) => resolve(String(payload))),
    )
    await client.subscribeAsync('alone')
    await publish(client, 'alone', { a: 1 })
    const { _req } = JSON.parse(await received) as { _req: string }
    await until(() => rows.length === 2)
    assert.deepEqual(
      rows.map(({ context }) => context?.request_id),
      [_req, _req],
    )
  })

  test('a listener that fails, now or later, makes it 500 with the class of the error', async (t) => {
    const { client, rows } = await recorded(t)
    const packet = (request_id: string): IPublishPacket => ({
      cmd: 'publish',
      topic: 't',
      payload: `{"_req":"${request_id}"}`,
      qos: 0,
      dup: false,
      retain: false,
    })
    const emit = (request_id: string): boolean => {
      const given = packet(request_id)
      return client.emit('message', 't', Buffer.from(given.payload), given)
    }
    const fail = (): void => {
      throw new RangeError('now')
    }
    client.on('message', fail)
    assert.throws(() => emit('r-1'), RangeError)
    client.off('message', fail)
    listen(client, async () => turn())
    let reject: (error: Error) => void = () => undefined
    const shared = new Promise((_resolve, refuse) => (reject = refuse))
    shared.catch(() => undefined)
    // This one is the application's own promise, and it takes care of it: nobody may stand in for it.
    listen(client, () => shared)
    assert.equal(emit('r-2'), true)
    await until(() => rows.length === 2)
    reject(new TypeError('handled elsewhere'))
    assert.deepEqual(
      rows.map(({ status, error, context }) => [status, error, context?.request_id]),
      [
        [500, 'RangeError', 'r-1'],
        [200, undefined, 'r-2'],
      ],
    )
  })

  test('it waits for handlers and for handleMessage, and names the filter of a handler', async (t) => {
    const { client, rows } = await recorded(t)
    const steps: string[] = []
    let finish: () => void = () => undefined
    listen(
      client,
      handler('wait/+/set', async () => new Promise<void>((resolve) => (finish = resolve))),
    )
    client.handleMessage = (_packet, callback) =>
      void setImmediate(() => {
        steps.push(`handled with ${rows.length} rows`)
        callback()
        setImmediate(() => {
          steps.push(`finishing with ${rows.length} rows`)
          finish()
        })
      })
    await client.subscribeAsync('wait/#')
    const sender = await connected(broker.url)
    t.after(() => sender.endAsync(true))
    sender.publish('wait/1/set', '{"_req":"r-1"}')
    await until(() => rows.length === 1)
    assert.deepEqual(steps, ['handled with 0 rows', 'finishing with 0 rows'])
    assert.deepEqual([rows[0]?.route, rows[0]?.status], ['wait/+/set', 200])
    client.handleMessage = (_packet, callback) => callback(new SyntaxError('not acknowledged'))
    sender.publish('wait/2', '{}')
    await until(() => rows.length === 2)
    assert.deepEqual([rows[1]?.path, rows[1]?.status, rows[1]?.error], ['wait/2', 500, 'SyntaxError'])
  })

  test('what could not be sent says why', async (t) => {
    const offline = await recorded(t, {}, { queueQoSZero: false, reconnectPeriod: 60_000 })
    offline.client.stream.destroy()
    await until(() => !offline.client.connected)
    within('r-1', () => offline.client.publish('lost/1', '{}'))
    await assert.rejects(within('r-2', () => offline.client.publishAsync('lost/2', '{}')))
    const ending = await recorded(t)
    ending.client.on('error', () => undefined)
    ending.client.disconnecting = true
    within('r-3', () => ending.client.publish('lost/3', '{}'))
    await assert.rejects(within('r-4', () => ending.client.publishAsync('lost/4', '{}')))
    ending.client.disconnecting = false
    assert.deepEqual(told([...offline.rows, ...ending.rows]), [
      ['PUBLISH', 'lost/1', 503, 'NotConnected', 'r-1'],
      ['PUBLISH', 'lost/2', 503, 'NotConnected', 'r-2'],
      ['PUBLISH', 'lost/3', 503, 'Disconnecting', 'r-3'],
      ['PUBLISH', 'lost/4', 503, 'Disconnecting', 'r-4'],
    ])
  })

  test('topics that are skipped leave none and keep their ids', async (t) => {
    const { client, rows } = await recorded(t, { skip: ['noise/#', '+/heartbeat'] })
    const heard: unknown[] = []
    client.on('message', (topic) => heard.push([topic, currentContext()?.request_id]))
    await client.subscribeAsync('#')
    for (const topic of ['noise/1', 'a/heartbeat', 'kept']) within('r-1', () => client.publish(topic, '{}'))
    await until(() => heard.length === 3 && rows.length === 2)
    assert.deepEqual(told(rows), [
      ['DELIVER', 'kept', 200, undefined, 'r-1'],
      ['PUBLISH', 'kept', 200, undefined, 'r-1'],
    ])
    assert.ok(heard.every((each) => String(each).endsWith(',r-1')))
  })

  test('a retained message keeps the id of whoever published it, or gets one of its own by choice', async (t) => {
    const sender = await recorded(t)
    await within('r-1', () => sender.client.publishAsync('kept/1', '{"a":1}', { retain: true, qos: 1 }))
    for (const keepsRetainedIds of [true, false]) {
      const { client, rows } = await recorded(t, { keepsRetainedIds })
      await client.subscribeAsync('kept/#')
      await until(() => rows.length === 1)
      const { method, context } = rows[0] ?? {}
      assert.equal(method, 'RETAINED')
      if (keepsRetainedIds)
        assert.deepEqual([context?.request_id, context?.inbound_request_id], ['r-1', undefined])
      else {
        assert.match(context?.request_id ?? '', /^[0-9a-f]{12}$/)
        assert.equal(context?.inbound_request_id, 'r-1')
      }
    }
  })
})
