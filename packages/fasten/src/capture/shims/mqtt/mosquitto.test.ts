// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test, type TestContext } from 'node:test'
import { type IClientOptions, type IPublishPacket, type MqttClient } from 'mqtt'
import { createRecorder, type RecordedAccess } from '../../../testing/http-shim-contract.ts'
import { startDebianServer } from '../../carriers/fixtures/debian-server.ts'
import { currentContext, currentRequestID as id, runWithContext, type RequestContext } from '../../context.ts'
import { manyHeaders } from '../fixtures/many-headers.ts'
import { connected, until } from './fixtures/brokers.ts'
import { carryWill, handler, instrumentMqtt, type MqttOptions } from './index.ts'

const folder = mkdtempSync(join(tmpdir(), 'fasten-acl-'))
writeFileSync(join(folder, 'acl'), 'topic readwrite open/#\n')
const { server, skip } = await startDebianServer('mosquitto', {
  settings: [`acl_file ${join(folder, 'acl')}`],
})
after(async () => {
  await server?.remove()
  rmSync(folder, { recursive: true })
})

describe('MQTT 5 with mosquitto', { skip, timeout: 60_000 }, () => {
  const url = `mqtt://127.0.0.1:${server?.port ?? 0}`
  async function client(t: TestContext, settings: IClientOptions = {}): Promise<MqttClient> {
    const made = await connected(url, { protocolVersion: 5, ...settings })
    t.after(() => made.endAsync(true))
    return made
  }
  async function recorded(
    t: TestContext,
    options: MqttOptions = {},
    settings: IClientOptions = {},
  ): Promise<{ client: MqttClient; rows: RecordedAccess[] }> {
    const made = await client(t, settings)
    const rows: RecordedAccess[] = []
    instrumentMqtt(made, { fasten: createRecorder({ currentContext }, rows), records: true, ...options })
    return { client: made, rows }
  }
  /** Packets and contexts of what comes to a client. */
  function heardBy(
    receiver: MqttClient,
  ): { payload: Buffer; packet: IPublishPacket; context: RequestContext | undefined }[] {
    const heard: ReturnType<typeof heardBy> = []
    receiver.on('message', (_topic, payload, packet) =>
      heard.push({ payload, packet, context: currentContext() }),
    )
    return heard
  }
  const within = <Result>(request_id: string, work: () => Result): Result =>
    runWithContext({ request_id }, work)

  test('among 200 properties of the application', async (t) => {
    const { client: both } = await recorded(t)
    const heard = heardBy(both)
    await both.subscribeAsync('open/many')
    within('r-30', () =>
      both.publish('open/many', Buffer.from([0]), {
        qos: 1,
        properties: { userProperties: { ...manyHeaders } },
      }),
    )
    await until(() => heard.length === 1)
    assert.deepEqual(
      heard.map(({ packet, context }) => [context?.request_id, { ...packet.properties?.userProperties }]),
      [['r-30', { ...manyHeaders, 'x-request-id': 'r-30' }]],
    )
  })

  test('bytes keep their bytes, and their ids travel beside them', async (t) => {
    const { client: both } = await recorded(t)
    const heard = heardBy(both)
    await both.subscribeAsync('open/bytes')
    const bytes = Buffer.from(Uint8Array.from({ length: 256 }, (_, index) => index))
    const properties = Object.freeze({
      contentType: 'application/octet-stream',
      userProperties: Object.freeze({ own: ['a', 'b'], other: 'c' }),
    })
    const context = {
      request_id: 'r-1',
      trace_id: 'a'.repeat(32),
      span_id: 'b'.repeat(16),
      trace_flags: 1,
      tracestate: 'v=1',
      baggage: 'k=v',
      caused_by: 'evt-01ARZ3NDEKTSV4RRFFQ69G5FAV',
    }
    runWithContext(context, () => both.publish('open/bytes', bytes, { qos: 1, properties }))
    await until(() => heard.length === 1)
    const [{ payload, packet, context: arrived } = assert.fail()] = heard
    assert.deepEqual(payload, bytes)
    assert.equal(packet.properties?.contentType, 'application/octet-stream')
    assert.deepEqual(
      { ...packet.properties?.userProperties },
      {
        own: ['a', 'b'],
        other: 'c',
        'x-request-id': 'r-1',
        traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`,
        tracestate: 'v=1',
        baggage: 'k=v',
        'x-caused-by': 'evt-01ARZ3NDEKTSV4RRFFQ69G5FAV',
      },
    )
    const { span_id: parent_span_id, ...same } = context
    assert.deepEqual({ ...arrived, span_id: '' }, { ...same, span_id: '', parent_span_id, method: 'mqtt' })
  })

  test('JSON objects say their id in both places, and the same one, whoever put it where', async (t) => {
    const { client: both } = await recorded(t)
    const heard = heardBy(both)
    await both.subscribeAsync('open/both')
    const send = (payload: string, userProperties?: Record<string, string>): void => {
      within('r-1', () =>
        both.publish(
          'open/both',
          payload,
          userProperties === undefined ? {} : { properties: { userProperties } },
        ),
      )
    }
    send('{"a":1}')
    send('{"_req":"theirs"}')
    send('{"a":1}', { 'x-request-id': 'theirs' })
    send('{"_req":"no id"}')
    await until(() => heard.length === 4)
    assert.deepEqual(
      heard.map(({ payload, packet, context }) => [
        payload.toString(),
        packet.properties?.userProperties?.['x-request-id'],
        context?.request_id,
      ]),
      [
        ['{"_req":"r-1","a":1}', 'r-1', 'r-1'],
        ['{"_req":"theirs"}', 'theirs', 'theirs'],
        ['{"_req":"theirs","a":1}', 'theirs', 'theirs'],
        ['{"_req":"no id"}', undefined, heard[3]?.context?.request_id],
      ],
    )
    assert.equal(heard[3]?.context?.inbound_request_id, 'no id')
  })

  test('an id given twice is none, and is kept as it was sent', async (t) => {
    const sender = await client(t)
    const { client: receiver } = await recorded(t)
    const heard = heardBy(receiver)
    await receiver.subscribeAsync('open/twice')
    const userProperties = {
      'x-request-id': ['one', 'two'],
      baggage: ['a=1', 'b=2'],
      __proto__: { polluted: 'yes' },
    }
    sender.publish('open/twice', 'x', { properties: { userProperties } as object })
    await until(() => heard.length === 1)
    const { request_id, inbound_request_id, baggage } = heard[0]?.context ?? {}
    assert.match(request_id ?? '', /^[0-9a-f]{12}$/)
    assert.deepEqual([inbound_request_id, baggage], ['one, two', 'a=1, b=2'])
  })

  test('a message that comes again after a lost connection has the same id, and a row of its own', async (t) => {
    const sender = await recorded(t)
    const { client: receiver, rows } = await recorded(
      t,
      {},
      { clientId: 'again', clean: false, properties: { sessionExpiryInterval: 60 } },
    )
    const heard = heardBy(receiver)
    await receiver.subscribeAsync('open/again', { qos: 1 })
    let isHeld = true
    receiver.handleMessage = (_packet, callback) => {
      if (isHeld) receiver.stream.destroy()
      else callback()
    }
    within('r-1', () => sender.client.publish('open/again', '{"a":1}', { qos: 1 }))
    await until(() => heard.length === 1)
    isHeld = false
    await until(() => rows.length === 2)
    assert.deepEqual(
      heard.map(({ packet, context }) => [packet.dup, context?.request_id]),
      [
        [false, 'r-1'],
        [true, 'r-1'],
      ],
    )
    assert.deepEqual(
      rows.map(({ method, status, context }) => [method, status, context?.request_id]),
      [
        ['DELIVER', 499, 'r-1'],
        ['REDELIVER', 200, 'r-1'],
      ],
    )
  })

  test('what the broker refuses says so, to the caller and in the row', async (t) => {
    const { client: sender, rows } = await recorded(t)
    const refused = within('r-1', () => sender.publishAsync('closed', '{}', { qos: 1 }))
    await assert.rejects(refused, { code: 135 })
    within('r-2', () => sender.publish('closed', '{}', { qos: 2 }))
    await until(() => rows.length === 2)
    assert.deepEqual(
      rows.map(({ path, status, error, context }) => [path, status, error, context?.request_id]),
      [
        ['closed', 403, 'NotAuthorized', 'r-1'],
        ['closed', 403, 'NotAuthorized', 'r-2'],
      ],
    )
  })

  test('a will carries the ids it was given', async (t) => {
    const { client: receiver } = await recorded(t)
    const heard = heardBy(receiver)
    await receiver.subscribeAsync('open/will')
    const settings = {
      protocolVersion: 5 as const,
      will: {
        topic: 'open/will',
        payload: Buffer.from([1, 2]),
        qos: 1 as const,
        retain: false,
        properties: { userProperties: { own: 'x' } },
      },
    }
    const dying = await within('r-1', () => connected(url, carryWill(settings)))
    t.after(() => dying.endAsync(true))
    dying.options.reconnectPeriod = 0
    dying.stream.destroy()
    await until(() => heard.length === 1)
    assert.deepEqual({ ...heard[0]?.packet.properties?.userProperties }, { own: 'x', 'x-request-id': 'r-1' })
    assert.deepEqual([heard[0]?.payload, heard[0]?.context?.request_id], [Buffer.from([1, 2]), 'r-1'])
    assert.deepEqual(settings.will.properties, { userProperties: { own: 'x' } })
  })

  test('shared subscriptions, topic aliases and retained messages are told by their topic', async (t) => {
    const { client: receiver, rows } = await recorded(t, {}, { properties: { topicAliasMaximum: 10 } })
    const heard: unknown[] = []
    receiver.on(
      'message',
      handler('$share/group/open/+/temp', (_message, { topic }) => heard.push([topic, id()])),
    )
    await receiver.subscribeAsync('$share/group/open/#', { qos: 1 })
    const { client: sender } = await recorded(t, {}, { autoAssignTopicAlias: true })
    for (const request_id of ['r-1', 'r-2'])
      await within(request_id, () => sender.publishAsync('open/1/temp', '{}', { qos: 1, retain: true }))
    await until(() => heard.length === 2 && rows.length === 2)
    assert.deepEqual(heard, [
      ['open/1/temp', 'r-1'],
      ['open/1/temp', 'r-2'],
    ])
    assert.deepEqual(
      rows.map(({ method, path, route }) => [method, path, route]),
      [
        ['DELIVER', 'open/1/temp', '$share/group/open/+/temp'],
        ['DELIVER', 'open/1/temp', '$share/group/open/+/temp'],
      ],
    )
  })
})
