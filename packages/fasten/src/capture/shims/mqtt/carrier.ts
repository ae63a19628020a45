// SPDX-License-Identifier: Apache-2.0
import { isRequestId } from '../../../core/ids.ts'
import type { Carried, Carrier } from '../../carriers/carrier.ts'
import { createHeaderCarrier } from '../../carriers/header-carrier.ts'
import { jsonBytesMax, readJsonId, writeJsonId } from '../../carriers/json-id.ts'
import type { MqttProperties } from './client.ts'
import { compileTopicChoice, type TopicChoice } from './topic-filter.ts'

/** A message as it is handed to `publish`, or as it came. */
export interface MqttMessage {
  readonly topic: string
  readonly payload: string | Uint8Array
  readonly properties?: MqttProperties | undefined
  /** Whether the connection speaks MQTT 5, and so has room for user properties. Asked when ids are put in. */
  readonly isV5?: boolean
}

export interface MqttCarrierOptions {
  /**
   * Topics whose payloads get a `_req` where they are JSON objects. Default `#`: all but those that begin with `$`, whose payloads are
   * other people's formats. Say `false` where payloads are signed, or where a reader refuses members it does not know; ids then go in the user
   * properties of MQTT 5 only.
   */
  readonly payload?: TopicChoice
  /** Payloads that are longer are neither read nor changed. Default 131,072 bytes; raising it costs the parsing of each message. */
  readonly payloadBytesMax?: number
}

/**
 * How MQTT carries the ids. The request id stands in `_req` of a payload that is a JSON object, and in the user property `x-request-id` of
 * MQTT 5, in both where both fit; the others in the user properties `traceparent`, `tracestate`, `baggage` and `x-caused-by`. When a message that comes says
 * two ids, the user property's counts. Throws TypeError naming the option that is wrong.
 */
export function createMqttCarrier(options: MqttCarrierOptions = {}): Carrier<MqttMessage> {
  const { payload: choice = '#', payloadBytesMax = jsonBytesMax } = options
  const isWritten = compileTopicChoice('payload', choice)
  if (!Number.isSafeInteger(payloadBytesMax) || payloadBytesMax < 0)
    throw new TypeError(`payloadBytesMax: ${payloadBytesMax} is not a number of bytes`)

  const extract = (message: MqttMessage): Carried => {
    const carried = userProperties.extract(message)
    if (carried.request_id !== undefined) return carried
    const request_id = readJsonId(message.payload, payloadBytesMax)
    return request_id === undefined ? carried : { ...carried, request_id }
  }
  return {
    name: 'mqtt',
    method: 'mqtt',
    extract,
    inject(message, { request_id, ...others }) {
      // Whoever reads only one of the two places must find the same id there.
      const theirs = extract(message).request_id
      const id = theirs === undefined ? request_id : isRequestId(theirs) ? theirs : undefined
      const properties =
        message.isV5 === true && hasRoom(message)
          ? userProperties.inject(message, id === undefined ? others : { ...others, request_id: id })
              .properties
          : message.properties
      const payload =
        id !== undefined && isWritten(message.topic)
          ? writeJsonId(message.payload, id, payloadBytesMax)
          : message.payload
      return { ...message, payload, properties }
    },
  }
}

const userProperties = createHeaderCarrier<MqttMessage>({
  name: 'mqtt',
  method: 'mqtt',
  get: ({ properties }, name) => {
    const given = properties?.userProperties
    if (typeof given !== 'object' || given === null || !Object.hasOwn(given, name)) return undefined
    const value = (given as Readonly<Record<string, unknown>>)[name]
    // A name that came several times: lists may be joined, and an id that is a list is no id, but is kept as what was sent.
    return Array.isArray(value) && value.length > 0 && value.every((each) => typeof each === 'string')
      ? value.join(', ')
      : value
  },
  set: (message, name, value) => ({
    ...message,
    properties: {
      ...message.properties,
      userProperties: { ...(message.properties?.userProperties as object | undefined), [name]: value },
    },
  }),
})

/** False where the application keeps something in place of user properties that only it understands. */
function hasRoom({ properties }: MqttMessage): boolean {
  const given = properties?.userProperties
  return given === undefined || (typeof given === 'object' && given !== null && !Array.isArray(given))
}
