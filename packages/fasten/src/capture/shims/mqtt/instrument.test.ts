// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { EventEmitter, on } from 'node:events'
import { after, before, describe, test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import mqtt, { MqttClient, type IClientOptions, type IPublishPacket } from 'mqtt'
import { currentContext, currentRequestID as id, runWithContext } from '../../context.ts'
import { bench } from '../../fixtures/instance.ts'
import { connected, startAedes, until, type TestBroker } from './fixtures/brokers.ts'
import { instrumentMqtt } from './instrument.ts'
import type { MqttOptions } from './options.ts'

const within = <Result>(request_id: string, work: () => Result): Result =>
  runWithContext({ request_id }, work)

describe('an instrumented client', { timeout: 120_000 }, () => {
  let broker: TestBroker
  before(async () => {
    broker = await startAedes()
  })
  after(() => broker.close())

  /** A client of the broker, and the shim on it. */
  async function client(
    t: TestContext,
    options: MqttOptions = {},
    settings: IClientOptions = {},
  ): Promise<MqttClient> {
    const made = await connected(broker.url, settings)
    t.after(() => made.endAsync(true))
    instrumentMqtt(made, options)
    return made
  }

  /** Listens beside the shim, with a client that knows nothing of it. */
  async function listener(t: TestContext, topic: string): Promise<[topic: string, payload: string][]> {
    const heard: [string, string][] = []
    const plain = await connected(broker.url)
    t.after(() => plain.endAsync(true))
    plain.on('message', (name, payload) => heard.push([name, payload.toString()]))
    await plain.subscribeAsync(topic)
    return heard
  }

  test('puts the id of the request into what is published, however it is called', async (t) => {
    const sender = await client(t)
    const heard = await listener(t, 'forms/#')
    const calls: unknown[] = []
    const done = (name: string) => (error?: unknown) => calls.push([name, error ?? null, id()])
    within('r-1', () => {
      assert.equal(sender.publish('forms/2', '{"a":1}'), sender)
      sender.publish('forms/3', Buffer.from('{}'), done('3'))
      sender.publish('forms/4', '{"a":1}', { qos: 1 }, done('4'))
      sender.publish('forms/5', '{"a":1}', undefined, done('5'))
    })
    await within('r-2', async () => {
      await sender.publishAsync('forms/6', '{"a":1}', { qos: 2 })
      assert.equal(id(), 'r-2')
    })
    await until(() => heard.length === 5 && calls.length === 3)
    assert.deepEqual(heard.toSorted(), [
      ['forms/2', '{"_req":"r-1","a":1}'],
      ['forms/3', '{"_req":"r-1"}'],
      ['forms/4', '{"_req":"r-1","a":1}'],
      ['forms/5', '{"_req":"r-1","a":1}'],
      ['forms/6', '{"_req":"r-2","a":1}'],
    ])
    assert.deepEqual(calls.toSorted(), [
      ['3', null, 'r-1'],
      ['4', null, 'r-1'],
      ['5', null, 'r-1'],
    ])
    assert.deepEqual([sender.publish.name, sender.publish.length], ['publish', 4])
  })

  test('leaves alone what has no room for an id, has one, or is somebody else’s format', async (t) => {
    const sender = await client(t, { payload: ['+/#', '$own/#'] })
    const heard = await listener(t, '#')
    const dollar = await listener(t, '$own/#')
    const options = Object.freeze({ qos: 0 as const })
    const payloads = ['[1]', 'text', '', '{"_req":"theirs"}', '{"_req":7}', '{"a":1']
    within('r-1', () => {
      for (const payload of payloads) sender.publish('left/alone', payload, options)
      sender.publish('$own/x', '{}')
    })
    await until(() => heard.length === payloads.length && dollar.length === 1)
    assert.deepEqual(
      heard.map(([, payload]) => payload),
      payloads,
    )
    assert.deepEqual(dollar, [['$own/x', '{"_req":"r-1"}']])
    const strict = await client(t)
    within('r-1', () => strict.publish('$own/x', '{}'))
    await until(() => dollar.length === 2)
    assert.deepEqual(dollar[1], ['$own/x', '{}'])
  })

  test('runs listeners in the context of the message, whoever added them and however', async (t) => {
    const receiver = await connected(broker.url)
    t.after(() => receiver.endAsync(true))
    const heard: unknown[] = []
    const note = (name: string) =>
      function (this: unknown, topic: string) {
        heard.push([name, topic, id(), currentContext()?.method, this === receiver])
      }
    const early = note('early')
    receiver.on('message', early)
    const undo = instrumentMqtt(receiver)
    const [added, once, first] = [note('added'), note('once'), note('first')]
    Reflect.apply(EventEmitter.prototype.addListener, receiver, ['message', added])
    receiver.once('message', once)
    receiver.prependListener('message', first)
    assert.deepEqual(receiver.listeners('message'), [first, early, added, once])
    await receiver.subscribeAsync('heard/#')
    const sender = await client(t)
    within('r-1', () => sender.publish('heard/1', '{}'))
    await until(() => heard.length === 4)
    assert.deepEqual(
      heard.splice(0),
      ['first', 'early', 'added', 'once'].map((name) => [name, 'heard/1', 'r-1', 'mqtt', true]),
    )
    receiver.off('message', first).removeListener('message', added)
    assert.deepEqual(receiver.listeners('message'), [early])
    within('r-2', () => sender.publish('heard/2', '{}'))
    await until(() => heard.length === 1)
    assert.deepEqual(heard.splice(0), [['early', 'heard/2', 'r-2', 'mqtt', true]])
    undo()
    within('r-3', () => sender.publish('heard/3', '{}'))
    await until(() => heard.length === 1)
    assert.deepEqual(heard.splice(0), [['early', 'heard/3', null, undefined, true]])
  })

  test('gives a message without an id one, the same for all who hear of it', async (t) => {
    const receiver = await client(t)
    const heard: (string | null)[] = []
    receiver.on('message', () => heard.push(id()))
    receiver.on('message', () => void setImmediate(() => heard.push(id())))
    receiver.handleMessage = (_packet, callback) => {
      heard.push(id())
      callback()
    }
    await receiver.subscribeAsync('bare')
    const sender = await connected(broker.url)
    t.after(() => sender.endAsync(true))
    sender.publish('bare', 'x').publish('bare', 'x')
    await until(() => heard.length === 6)
    assert.match(heard[0] ?? '', /^[0-9a-f]{12}$/)
    assert.deepEqual(
      [...new Set(heard)].map((each) => heard.filter((other) => other === each).length),
      [3, 3],
    )
  })

  test('runs handleMessage in the context of its message, of every QoS, and goes on outside it', async (t) => {
    class Own extends MqttClient {
      override handleMessage(packet: IPublishPacket, callback: (error?: Error) => void): void {
        heard.push([packet.topic, id(), this === receiver])
        setImmediate(() => {
          heard.push([`${packet.topic} later`, id(), true])
          callback()
        })
      }
    }
    const heard: unknown[] = []
    const template = await client(t)
    const receiver = new Own((template as unknown as { streamBuilder: () => never }).streamBuilder, {
      ...template.options,
      clientId: 'own',
    })
    t.after(() => receiver.endAsync(true))
    const undo = instrumentMqtt(receiver)
    await until(() => receiver.connected)
    const packets: unknown[] = []
    receiver.on('packetreceive', ({ cmd }) => {
      if (cmd === 'publish' || cmd === 'pubrel') packets.push(id())
    })
    await receiver.subscribeAsync('own/#', { qos: 2 })
    for (const qos of [0, 1, 2] as const)
      await within(`r-${qos}`, () => template.publishAsync(`own/${qos}`, '{}', { qos }))
    await until(() => heard.length === 6)
    assert.deepEqual(
      heard.splice(0),
      [0, 1, 2].flatMap((qos) => [
        [`own/${qos}`, `r-${qos}`, true],
        [`own/${qos} later`, `r-${qos}`, true],
      ]),
    )
    assert.deepEqual(packets, [null, null, null, null])
    undo()
    await within('r-3', () => template.publishAsync('own/3', '{}'))
    await until(() => heard.length === 2)
    assert.deepEqual(heard[0], ['own/3', null, true])
    assert.equal(receiver.handleMessage, Own.prototype.handleMessage)
  })

  test('keeps the id of a message that is published offline and leaves later', async (t) => {
    const heard = await listener(t, 'offline/#')
    const sender = mqtt.connect(broker.url, { manualConnect: true, reconnectPeriod: 50 })
    t.after(() => sender.endAsync(true))
    instrumentMqtt(sender)
    const called: unknown[] = []
    for (const qos of [0, 1, 2] as const)
      within(`r-${qos}`, () =>
        sender.publish(`offline/${qos}`, '{}', { qos }, () => called.push([qos, id()])),
      )
    within('another', () => sender.connect())
    await until(() => called.length === 3 && heard.length === 3)
    assert.deepEqual(
      heard.toSorted(),
      [0, 1, 2].map((qos) => [`offline/${qos}`, `{"_req":"r-${qos}"}`]),
    )
    assert.deepEqual(
      called.toSorted(),
      [0, 1, 2].map((qos) => [qos, `r-${qos}`]),
    )
  })

  test('tells of failures as it would without: to the callback, and else as an error of the client', async (t) => {
    const sender = await client(t)
    await sender.endAsync()
    sender.disconnecting = true
    const failures: unknown[] = []
    sender.on('error', (error) => failures.push(['event', error.message]))
    within('r-1', () => {
      sender.publish('late', '{}', (error) => failures.push([id(), error?.message]))
      sender.publish('late', '{}')
    })
    await assert.rejects(sender.publishAsync('late', '{}'), { message: 'client disconnecting' })
    assert.deepEqual(failures, [
      ['r-1', 'client disconnecting'],
      ['event', 'client disconnecting'],
    ])
    sender.disconnecting = false
    for (const message of [7, {}, true]) {
      const plain = await connected(broker.url)
      const thrown = (target: MqttClient): string => {
        try {
          target.publish('a', message as never)
          return 'nothing'
        } catch (error) {
          return String(error)
        }
      }
      const without = thrown(plain)
      instrumentMqtt(plain)
      assert.equal(thrown(plain), without)
      await plain.endAsync(true)
    }
  })

  test('makes listeners fail as they would without', async () => {
    const program = fileURLToPath(new URL('fixtures/failing-listener.ts', import.meta.url))
    const told = await Promise.all(
      ['bare', 'shim'].map(async (dress) => {
        const { stdout } = await promisify(execFile)(process.execPath, [
          '--conditions=fasten-source',
          program,
          broker.url,
          dress,
        ])
        return JSON.parse(stdout) as object
      }),
    )
    const events = (request_id: string | null): object[] => [
      { event: 'unhandledRejection', message: 'later', request_id },
      { event: 'uncaughtException', message: 'now', request_id },
    ]
    assert.deepEqual(told, [events(null), events('r-1')])
  })

  test('gives a will the ids of the connection it was told with', async (t) => {
    const heard = await listener(t, 'will/#')
    const undo = instrumentMqtt(mqtt)
    t.after(undo)
    const will = Object.freeze({
      topic: 'will/1',
      payload: Buffer.from('{"gone":1}'),
      qos: 0 as const,
      retain: false,
    })
    const dying = within('r-1', () => mqtt.connect(broker.url, { will, reconnectPeriod: 50 }))
    t.after(() => dying.endAsync(true))
    await until(() => dying.connected)
    dying.stream.destroy()
    await until(() => heard.length === 1)
    assert.deepEqual(heard[0], ['will/1', '{"_req":"r-1","gone":1}'])
    assert.equal(String(will.payload), '{"gone":1}')
  })

  test('is instrumented once, by its class or itself, and can be left', async (t) => {
    const plain = MqttClient.prototype.publish
    const undo = instrumentMqtt({ MqttClient })
    assert.equal(instrumentMqtt(MqttClient), undo)
    const laid = MqttClient.prototype.publish
    const sender = await connected(broker.url)
    t.after(() => sender.endAsync(true))
    instrumentMqtt(sender)()
    assert.equal(sender.publish, laid)
    undo()
    undo()
    assert.equal(MqttClient.prototype.publish, plain)
    assert.ok(!Object.hasOwn(MqttClient.prototype, 'emit'))
    const heard = await listener(t, 'left')
    // Whoever wrapped the method in the meantime goes on without us.
    const leave = instrumentMqtt(sender)
    const ours = sender.publish.bind(sender)
    leave()
    within('r-1', () => ours('left', '{}'))
    await until(() => heard.length === 1)
    assert.deepEqual(heard, [['left', '{}']])
    assert.ok(!Object.hasOwn(sender, 'publish') && !Object.hasOwn(sender, 'emit'))
  })

  test('lets events.on iterate', async (t) => {
    const receiver = await client(t)
    await receiver.subscribeAsync('iterated')
    const messages = on(receiver as never, 'message') as AsyncIterableIterator<[string, Buffer]>
    within('r-1', () => receiver.publish('iterated', '{}'))
    const { value } = (await messages.next()) as { value: [string, Buffer] }
    assert.deepEqual([value[0], String(value[1])], ['iterated', '{"_req":"r-1"}'])
    await messages.return?.()
  })

  test('audit rows of listeners say mqtt and the id of the message', async (t) => {
    const { start, auditRows } = bench(t)
    const fasten = start()
    const receiver = await client(t)
    await receiver.subscribeAsync('setpoint')
    const emitted = new Promise<void>((resolve) =>
      receiver.on('message', () => {
        fasten.emit({ code: 'USER_CREATED', target: 'u/1' })
        resolve()
      }),
    )
    within('r-1', () => receiver.publish('setpoint', '{"celsius":21}'))
    await emitted
    assert.ok(await fasten.flush(60_000))
    assert.deepEqual(
      (await auditRows()).map(({ request_id, method }) => [request_id, method]),
      [['r-1', 'mqtt']],
    )
  })

  test('a shim that fails costs nobody a message', async (t) => {
    const sender = await client(t, {
      payload: () => {
        throw new RangeError('rule')
      },
    })
    const heard = await listener(t, 'failing')
    const warned = new Promise<Error>((resolve) => process.once('warning', resolve))
    within('r-1', () => sender.publish('failing', '{}').publish('failing', '{}'))
    await until(() => heard.length === 2)
    assert.deepEqual(heard[0], ['failing', '{}'])
    assert.match((await warned).message, /mqtt shim/)
  })

  test('what is no client is refused by name', () => {
    for (const target of [undefined, null, 7, {}, { MqttClient: 7 }, { publish() {} }, () => 7])
      assert.throws(() => instrumentMqtt(target as never), {
        name: 'TypeError',
        message: /^instrumentMqtt: /,
      })
    for (const [name, value] of [
      ['records', 1],
      ['skip', 'a#'],
      ['payload', 7],
      ['payloadBytesMax', -1],
      ['trustsSentinels', 'yes'],
      ['keepsRetainedIds', 0],
      ['fasten', {}],
      ['record', true],
    ] as const)
      assert.throws(() => instrumentMqtt(mqtt, { [name]: value }), {
        name: 'TypeError',
        message: new RegExp(`^${name}: `),
      })
    assert.throws(() => instrumentMqtt(mqtt, null as never), { name: 'TypeError' })
  })
})
