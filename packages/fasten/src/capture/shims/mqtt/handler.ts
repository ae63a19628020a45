// SPDX-License-Identifier: Apache-2.0
import { isUtf8 } from 'node:buffer'
import { readJson } from '../../../core/read-json.ts'
import { runWithContext } from '../../context.ts'
import type { MqttPacket } from './client.ts'
import { deliveryOf } from './delivery.ts'
import { createMqttShim, type MqttOptions } from './options.ts'
import { compileTopicFilter } from './topic-filter.ts'

/** What a handler is told beside the message. */
export interface MqttHandlerContext {
  readonly request_id: string
  readonly topic: string
  /** As it came. */
  readonly payload: string | Uint8Array
  readonly packet: MqttPacket | undefined
}

/** What a client's `message` event calls. */
export type MqttListener<Result> = (
  topic: string,
  payload: string | Uint8Array,
  packet?: MqttPacket,
) => Result | undefined

/**
 * A listener for a client's `message` event: `client.on('message', handler('plant/+/set', fn))`. Calls `fn` for topics that `filter` matches, in a
 * context with the id of the message. `fn` gets the JSON value of the payload, `{}` of an empty one, and the bytes of one that is no JSON; nobody has
 * judged it, so check it like anything from outside. Nothing is subscribed to. The listener returns what `fn` returns, and throws what it throws.
 * Throws TypeError for what is no filter, and for wrong options.
 */
export function handler<Result>(
  filter: string,
  fn: (message: unknown, context: MqttHandlerContext) => Result,
  options: MqttOptions = {},
): MqttListener<Result> {
  if (typeof fn !== 'function') throw new TypeError('handler: give a function of (message, context)')
  const isMatch = compileTopicFilter(filter)
  const shim = createMqttShim(options)
  return (topic, payload, packet) => {
    if (!isMatch(topic)) return undefined
    const delivery = deliveryOf(shim, topic, payload, packet)
    delivery.route ??= filter
    const { request_id } = delivery.context
    return delivery.follow(() =>
      runWithContext(delivery.context, () => fn(messageOf(payload), { request_id, topic, payload, packet })),
    )
  }
}

function messageOf(payload: string | Uint8Array): unknown {
  if (payload.length === 0) return {}
  if (typeof payload !== 'string' && !isUtf8(payload)) return payload
  const text =
    typeof payload === 'string'
      ? payload
      : Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString('utf8')
  try {
    return readJson(text)
  } catch {
    // No JSON, which is the application's to judge.
    return payload
  }
}
