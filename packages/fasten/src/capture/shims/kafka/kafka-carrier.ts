// SPDX-License-Identifier: Apache-2.0
import type { Carrier } from '../../carriers/carrier.ts'
import { createHeaderCarrier } from '../../carriers/header-carrier.ts'
import { headerIn } from '../header-in.ts'

/** A record of either client, to be produced or consumed: kafkajs has its headers in an object, @platformatic/kafka in a map as well. */
export interface KafkaMessage {
  readonly headers?: KafkaHeaders | null | undefined
}
export type KafkaHeaders = Readonly<Record<string, unknown>> | ReadonlyMap<unknown, unknown>

/**
 * The ids as record headers. Kafka has bytes there; `text` is for a producer of @platformatic/kafka whose serializers make bytes of text. Keys and
 * values stay as they are, tombstones (null) too.
 */
export function createKafkaCarrier(written: 'bytes' | 'text' = 'bytes'): Carrier<KafkaMessage> {
  const make = (text: string): unknown => (written === 'text' ? text : Buffer.from(text))
  return createHeaderCarrier<KafkaMessage>({
    name: 'kafka',
    method: 'queue',
    get: ({ headers }, name) =>
      textOf(headers instanceof Map ? headerInMap(headers, name) : headerIn(headers, name)),
    set(message, name, value) {
      const { headers } = message
      if (headers instanceof Map)
        return { ...message, headers: new Map([...headers, [make(name), make(value)]]) }
      return { ...message, headers: { ...headers, [name]: make(value) } }
    },
  })
}

/** For kafkajs, and for reading what either client has received. */
export const kafkaCarrier = createKafkaCarrier()

function headerInMap(headers: ReadonlyMap<unknown, unknown>, name: string): unknown {
  for (const [given, value] of headers) {
    const key = textOf(given)
    if (typeof key === 'string' && key.length === name.length && key.toLowerCase() === name) return value
  }
  return undefined
}

/** A header given several times is a list of bytes in kafkajs; the first counts. */
function textOf(value: unknown): unknown {
  const first: unknown = Array.isArray(value) && value[0] instanceof Uint8Array ? value[0] : value
  return first instanceof Uint8Array ? Buffer.from(first).toString() : first
}
