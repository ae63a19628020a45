// SPDX-License-Identifier: Apache-2.0
import type { Carried, Carrier } from '../../carriers/carrier.ts'
import { readJsonId, writeJsonId, type Payload } from '../../carriers/json-id.ts'

/** The fields of a stream's entry: an object, as node-redis has it, or names and values in turn, as ioredis and Redis itself do. */
export type RedisFields = Readonly<Record<string, unknown>> | readonly unknown[]

/** The field that carries each member: a stream has no headers, so these stand beside the application's own fields. */
export const fieldNames = {
  request_id: '_req',
  traceparent: '_traceparent',
  tracestate: '_tracestate',
  baggage: '_baggage',
  caused_by: '_caused_by',
} as const satisfies Record<keyof Carried, string>

/** The ids as fields of an entry. */
export const redisStreamCarrier: Carrier<RedisFields> = {
  name: 'redis stream',
  method: 'queue',
  extract(fields) {
    const carried: { -readonly [Member in keyof Carried]: Carried[Member] } = {}
    for (const [member, name] of members) {
      const value = fieldOf(fields, name)
      const text: unknown = value instanceof Uint8Array ? Buffer.from(value).toString() : value
      if (typeof text === 'string') carried[member] = text
    }
    return carried
  },
  inject(fields, carried) {
    const hasTrace = fieldOf(fields, fieldNames.traceparent) !== undefined
    const added = members.flatMap(([member, name]): (readonly [string, string])[] => {
      const value = carried[member]
      if (value === undefined || fieldOf(fields, name) !== undefined) return []
      // A tracestate belongs to its traceparent: beside somebody else's it would say the wrong thing.
      return member === 'tracestate' && hasTrace ? [] : [[name, value]]
    })
    return isList(fields) ? [...fields, ...added.flat()] : { ...fields, ...Object.fromEntries(added) }
  },
}

/** What is published to a channel has no metadata at all: the id goes into the payload where that is a JSON object. */
export const redisMessageCarrier: Carrier<Payload> = {
  name: 'redis pub/sub',
  method: 'queue',
  extract(payload) {
    const request_id = readJsonId(payload)
    return request_id === undefined ? {} : { request_id }
  },
  inject: (payload, { request_id }) =>
    request_id === undefined ? payload : writeJsonId(payload, request_id),
}

const members = Object.entries(fieldNames) as [keyof Carried, string][]
const isList = (fields: RedisFields): fields is readonly unknown[] => Array.isArray(fields)

function fieldOf(fields: RedisFields, name: string): unknown {
  if (typeof fields !== 'object' || fields === null) return undefined
  if (!isList(fields)) return Object.hasOwn(fields, name) ? fields[name] : undefined
  for (let at = 0; at < fields.length; at += 2) if (String(fields[at]) === name) return fields[at + 1]
  return undefined
}
