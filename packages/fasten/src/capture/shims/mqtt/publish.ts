// SPDX-License-Identifier: Apache-2.0
import { ours, type MqttPublished, type MqttPublisher, type MqttPublishOptions } from './client.ts'
import { createMqttShim, type MqttShim } from './options.ts'
import { outgoing } from './publish-carried.ts'

/**
 * Publishes with the ids of the work in progress, or with new ones outside any. Text and bytes are sent as they are, anything else as
 * its JSON; where that is an object it gets a `_req`, unless it has one. Resolves as the library calls back: with QoS 1 and 2 when the
 * broker has it; rejects with the library's error. `options` are those of the library. An instrumented client goes by the options it was
 * instrumented with. Rejects with a TypeError for what has no JSON.
 */
export async function publish(
  client: MqttPublisher,
  topic: string,
  message: unknown,
  options: MqttPublishOptions = {},
): Promise<unknown> {
  const payload = payloadOf(message)
  const call = (given: string | Uint8Array, settings: MqttPublishOptions): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const told: MqttPublished = (error, packet) =>
        error === undefined || error === null ? resolve(packet) : reject(error)
      client.publish(topic, given as string, settings, told)
    })
  if (ours.has(client.publish)) return call(payload, options)
  const isV5 = client.options?.protocolVersion === 5
  const { sent } = outgoing(plainShim(), { topic, payload, properties: options.properties, isV5 })
  return call(
    sent.payload,
    sent.properties === undefined ? options : { ...options, properties: sent.properties },
  )
}

function payloadOf(message: unknown): string | Uint8Array {
  if (typeof message === 'string' || message instanceof Uint8Array) return message
  const text = JSON.stringify(message) as string | undefined
  if (text === undefined) throw new TypeError(`message: ${typeof message} has no JSON`)
  return text
}

let shim: MqttShim | undefined
const plainShim = (): MqttShim => (shim ??= createMqttShim())
