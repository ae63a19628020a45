// SPDX-License-Identifier: Apache-2.0
import { carry, contextOf } from '../../carriers/carrier.ts'
import { currentContext, runWithContext, type RequestContext } from '../../context.ts'
import type { MqttMessage } from './carrier.ts'
import type { Method, MqttProperties } from './client.ts'
import type { MqttShim } from './options.ts'
import { publishResult } from './publish-result.ts'

/** A client as far as it matters to what is published. */
interface Publishing {
  readonly options?: { readonly protocolVersion?: number | undefined }
  readonly connected?: boolean
  readonly disconnecting?: boolean
  readonly publishAsync?: unknown
}

interface Settings {
  readonly qos?: unknown
  readonly properties?: MqttProperties
}

/** A message with its ids, in the context it is published in. */
export interface Outgoing {
  readonly sent: MqttMessage
  readonly context: RequestContext
}

/** Puts the ids of the work in progress into a message. Outside any, what the message says itself is the work, or a new id. */
export function outgoing({ carrier }: MqttShim, message: MqttMessage): Outgoing {
  const context = currentContext() ?? { request_id: contextOf(carrier, message).request_id }
  return { context, sent: runWithContext(context, () => carry(carrier, message)) }
}

/** What the library says to a callback; without one it is an error of the client. */
const leaving = { message: 'client disconnecting' }

/** `publish` of a client, called with the ids put in. Takes, returns and throws what `publish` does. */
export function publishCarried(
  shim: MqttShim,
  client: Publishing,
  publish: Method,
  values: readonly unknown[],
): unknown {
  const [topic, message, second, third] = values
  // What is no message is the library's to refuse.
  if (typeof topic !== 'string' || !isPayload(message)) return Reflect.apply(publish, client, values)
  const options: Settings | null = typeof second === 'object' ? second : null
  const callback = typeof second === 'function' ? second : third
  const given: MqttMessage = {
    topic,
    payload: message ?? '',
    properties: options?.properties,
    isV5: client.options?.protocolVersion === 5,
  }
  let carried: Outgoing
  try {
    carried = outgoing(shim, given)
  } catch (failure) {
    shim.warn(failure)
    return Reflect.apply(publish, client, values)
  }
  const { sent, context } = carried
  const row = shim.begin(
    { method: 'PUBLISH', address: topic, bytes_out: Buffer.byteLength(sent.payload) },
    context,
  )
  const told =
    typeof callback === 'function'
      ? inContext(callback as Method, context, (error) => row?.end(publishResult(error)))
      : row !== undefined && isTelling(client, options)
        ? (error?: unknown) => row.end(publishResult(error))
        : undefined
  const arguments_ = [
    topic,
    sent.payload === given.payload ? message : sent.payload,
    ...(sent.properties === given.properties
      ? typeof second === 'function'
        ? []
        : [second]
      : [{ ...options, properties: sent.properties }]),
    ...(told === undefined ? [third] : [told]),
  ]
  while (arguments_.length > 2 && arguments_.at(-1) === undefined) arguments_.pop()
  const { disconnecting } = client
  try {
    const result = Reflect.apply(publish, client, arguments_)
    if (told === undefined) row?.end(disconnecting === true ? publishResult(leaving) : {})
    return result
  } catch (failure) {
    row?.end({ failure })
    throw failure
  }
}

function isPayload(message: unknown): message is string | Uint8Array | null | undefined {
  return (
    message === undefined || message === null || typeof message === 'string' || message instanceof Uint8Array
  )
}

/** The library calls back on the socket's account; what is done then belongs to whoever published. */
function inContext(callback: Method, context: RequestContext, hear: (error: unknown) => void): Method {
  return function (...values) {
    hear(values[0])
    return runWithContext(context, () => Reflect.apply(callback, this, values))
  }
}

/**
 * Whether a callback may be added for the row's sake. A client that is ending emits an error when there is none; and messages of QoS 0 on an open connection, which
 * nobody confirms, would each leave a listener on a slow socket.
 */
function isTelling(client: Publishing, options: Settings | null): boolean {
  if (client.disconnecting === true || typeof client.publishAsync !== 'function') return false
  return client.connected !== true || options?.qos === 1 || options?.qos === 2
}
