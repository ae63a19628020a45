// SPDX-License-Identifier: Apache-2.0
import { after, test } from 'node:test'
import type { MqttClient } from 'mqtt'
import { describeCarrier, type CarrierHarness } from '../../../testing/carrier-contract.ts'
import { startDebianServer } from '../../carriers/fixtures/debian-server.ts'
import { createMqttCarrier, type MqttMessage } from './carrier.ts'
import { connected, startAedes } from './fixtures/brokers.ts'

const mosquitto = await startDebianServer('mosquitto', { settings: ['max_inflight_messages 0'] })
after(() => mosquitto.server?.remove())

describeCarrier('MQTT 3.1.1 through aedes', async () => {
  const broker = await startAedes()
  return harness({ url: broker.url, protocolVersion: 4, qos: 0 }, () => broker.close())
})

if (mosquitto.server === undefined) test('mosquitto', { skip: mosquitto.skip }, () => undefined)
else {
  const url = `mqtt://127.0.0.1:${mosquitto.server.port}`
  for (const protocolVersion of [4, 5] as const)
    describeCarrier(`MQTT ${protocolVersion === 4 ? '3.1.1' : '5'} through mosquitto`, () =>
      harness({ url, protocolVersion, qos: 1 }),
    )
}

let topics = 0

interface Line {
  readonly url: string
  readonly protocolVersion: 4 | 5
  readonly qos: 0 | 1
}

async function harness(
  { url, protocolVersion, qos }: Line,
  close?: () => Promise<void>,
): Promise<CarrierHarness<MqttMessage>> {
  const clients: MqttClient[] = []
  const waiting = new Map<string, (message: MqttMessage) => void>()
  const isV5 = protocolVersion === 5
  const open = async (): Promise<{ sender: MqttClient }> => {
    const [sender, receiver] = await Promise.all([
      connected(url, { protocolVersion }),
      connected(url, { protocolVersion }),
    ])
    clients.push(sender, receiver)
    await receiver.subscribeAsync('contract/#', { qos })
    receiver.on('message', (topic, payload, { properties }) => {
      waiting.get(topic)?.({ topic, payload, isV5, ...(properties === undefined ? {} : { properties }) })
      waiting.delete(topic)
    })
    return { sender }
  }
  // Most cases never send anything.
  let opened: ReturnType<typeof open> | undefined
  return {
    carrier: createMqttCarrier(),
    message: (payload) => ({ topic: `contract/${topics++}`, payload, isV5 }),
    payloadOf: ({ payload }) => Buffer.from(payload),
    async transmit({ topic, payload, properties }) {
      const { sender } = await (opened ??= open())
      const arrived = new Promise<MqttMessage>((resolve) => waiting.set(topic, resolve))
      sender.publish(topic, payload as Buffer, { qos, properties: { ...properties } as object })
      return arrived
    },
    forged({ request_id, traceparent, tracestate, baggage, caused_by }) {
      // On the wire a user property is text; what is not can only stand in a payload.
      const isText = isV5 && typeof request_id === 'string'
      const named = { traceparent, tracestate, baggage, 'x-caused-by': caused_by }
      const userProperties = Object.fromEntries(
        Object.entries(isText ? { ...named, 'x-request-id': request_id } : named).filter(
          ([, value]) => typeof value === 'string',
        ),
      )
      return {
        topic: `contract/${topics++}`,
        payload: JSON.stringify(isText ? {} : { _req: request_id }),
        isV5,
        ...(isV5 ? { properties: { userProperties } } : {}),
      }
    },
    ...(isV5 ? {} : { carries: [] }),
    rewritesText: true,
    interleaved: protocolVersion === 4 && qos === 1 ? 2_000 : 20_000,
    async close() {
      await Promise.all(clients.map((client) => client.endAsync(true)))
      await close?.()
    },
  }
}
