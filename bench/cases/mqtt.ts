// SPDX-License-Identifier: Apache-2.0
/**
 * Messages through an aedes in this process, from one client to another, over TCP and MQTT 3.1.1: bare; under the shim, with rows and without; or under the propagation by
 * OpenTelemetry that one writes by hand, since none is published: a span for what is sent and one for what comes, sampled, ended and thrown away, their context in a
 * member of the payload. Each message is published in a request of its own, and the listener is asked whose work it does.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, Socket, type AddressInfo } from 'node:net'
import { context, propagation, ROOT_CONTEXT, SpanKind, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import { TracerProvider } from '@opentelemetry/sdk-trace'
import { Aedes } from 'aedes'
import { currentRequestID, withRequestID } from 'fasten'
import { instrumentMqtt } from 'fasten/mqtt'
import mqtt, { type MqttClient } from 'mqtt'
import { answer } from './answer.ts'

export type MqttDress = 'bare' | 'shim' | 'rows' | 'otel'

export interface MqttParams {
  readonly dress: MqttDress
  readonly messages: number
}

export interface MqttResult {
  readonly perSecond: number
  /** Of the whole process, broker and both clients, per message. */
  readonly cpuMicros: number
}

interface Reading {
  readonly index: number
  readonly celsius: number
}

/** How a dress publishes, and how it works on what came. */
interface Dressed {
  publish(client: MqttClient, reading: Reading): void
  hear(payload: Buffer): void
  /** Throws unless every message was seen as it should be. */
  check(messages: number): void
}

const topic = 'plant/4/reading'
/** In the air at once. */
const windowSize = 200

async function measure({ dress, messages }: MqttParams): Promise<MqttResult> {
  const broker = await Aedes.createBroker()
  const server = createServer({ noDelay: true }, broker.handle).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const dressed = dressedAs(dress)
  const { port } = server.address() as AddressInfo
  const [sender, receiver] = await Promise.all(
    [0, 1].map(() => mqtt.connectAsync('mqtt://127.0.0.1', { port })),
  )
  assert.ok(sender !== undefined && receiver !== undefined)
  // A window that waits for an acknowledgement which TCP delays would measure that delay, and which dress happens to fill a segment.
  for (const { stream } of [sender, receiver]) if (stream instanceof Socket) stream.setNoDelay(true)
  await receiver.subscribeAsync(topic)
  let heard = 0
  let resume = (): void => undefined
  receiver.on('message', (_topic, payload) => {
    dressed.hear(payload)
    heard++
    resume()
  })
  const run = async (count: number): Promise<void> => {
    const before = heard
    for (let sent = 0; sent < count; sent++) {
      dressed.publish(sender, { index: before + sent, celsius: 21.5 })
      if (sent - (heard - before) >= windowSize)
        await new Promise<void>((resolve) => {
          resume = () => void (sent - (heard - before) < windowSize / 2 && resolve())
        })
    }
    await new Promise<void>((resolve) => {
      resume = () => void (heard - before === count && resolve())
      resume()
    })
    resume = () => undefined
  }
  const warm = Math.ceil(messages / 4)
  await run(warm)
  const cpu = process.cpuUsage()
  const start = performance.now()
  await run(messages)
  const seconds = (performance.now() - start) / 1000
  const { user, system } = process.cpuUsage(cpu)
  await new Promise((resolve) => setImmediate(resolve))
  dressed.check(warm + messages)
  await Promise.all([sender.endAsync(true), receiver.endAsync(true)])
  await new Promise<void>((resolve) => broker.close(resolve))
  server.close()
  return { perSecond: messages / seconds, cpuMicros: (user + system) / messages }
}

function dressedAs(dress: MqttDress): Dressed {
  if (dress === 'otel') return underOpenTelemetry()
  let rows = 0
  if (dress !== 'bare')
    instrumentMqtt(mqtt, { records: dress === 'rows', fasten: { recordApi: () => void rows++ } })
  let right = 0
  return {
    publish: (client, reading) =>
      withRequestID(`r-${reading.index}`, () => void client.publish(topic, JSON.stringify(reading))),
    hear(payload) {
      const { index } = JSON.parse(payload.toString()) as Reading
      if (dress === 'bare' || currentRequestID() === `r-${index}`) right++
    },
    check(messages) {
      assert.equal(right, messages)
      assert.equal(rows, dress === 'rows' ? 2 * messages : 0)
    },
  }
}

function underOpenTelemetry(): Dressed {
  let ended = 0
  let right = 0
  const provider = new TracerProvider({
    spanProcessors: [
      {
        onStart: () => {},
        onEnd: () => void ended++,
        forceFlush: async () => {},
        shutdown: async () => {},
      },
    ],
  })
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  propagation.setGlobalPropagator(new W3CTraceContextPropagator())
  const tracer = provider.getTracer('plant')
  return {
    publish(client, reading) {
      const span = tracer.startSpan(`${topic} publish`, { kind: SpanKind.PRODUCER }, ROOT_CONTEXT)
      context.with(trace.setSpan(ROOT_CONTEXT, span), () => {
        const carried: { traceparent?: string } = {}
        propagation.inject(context.active(), carried)
        client.publish(topic, JSON.stringify({ ...reading, ...carried }))
      })
      span.end()
    },
    hear(payload) {
      const message = JSON.parse(payload.toString()) as Reading & { readonly traceparent?: string }
      const parent = propagation.extract(ROOT_CONTEXT, message)
      const span = tracer.startSpan(`${topic} process`, { kind: SpanKind.CONSUMER }, parent)
      context.with(trace.setSpan(parent, span), () => {
        const traceId = trace.getActiveSpan()?.spanContext().traceId ?? 'none'
        if (message.traceparent?.includes(traceId) === true) right++
      })
      span.end()
    },
    check(messages) {
      assert.deepEqual([right, ended], [messages, 2 * messages])
    },
  }
}

if (process.send !== undefined) await answer(measure)
