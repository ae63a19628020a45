// SPDX-License-Identifier: Apache-2.0
import { contextOf } from '../../carriers/carrier.ts'
import type { MessageResult, MessageRow } from '../../carriers/message-row.ts'
import type { RequestContext } from '../../context.ts'
import { mintID } from '../../request-id.ts'
import type { MqttMessage } from './carrier.ts'
import type { MqttPacket } from './client.ts'
import type { MqttShim } from './options.ts'

/** One message that came: its context, and the row that waits for all who work on it. */
export interface Delivery {
  readonly context: RequestContext
  /** The filter that a handler said. */
  route: string | undefined
  /** Somebody works on the message; what is answered is called once that is over. */
  hold(): Release
  /** Runs `work` and holds the delivery until it is over. Returns, throws, resolves and rejects as `work` does. */
  follow<Result>(work: () => Result): Result
  /** Of whoever acknowledges the message by hand. */
  acknowledge: Release | undefined
}

/** Called with nothing when the work went well, else with what the row is to say. Later calls do nothing. */
export type Release = (failed?: MessageResult) => void

const deliveries = new WeakMap<object, Delivery>()

/** The delivery that `packet` is, the same one for all who ask: listeners, handlers and `handleMessage` share one id even where the message has none. */
export function deliveryOf(
  shim: MqttShim,
  topic: string,
  payload: string | Uint8Array,
  packet: MqttPacket | undefined,
): Delivery {
  const known = packet === undefined ? undefined : deliveries.get(packet)
  if (known !== undefined) return known
  const delivery = beginDelivery(shim, { topic, payload, properties: packet?.properties }, packet)
  if (packet !== undefined) deliveries.set(packet, delivery)
  return delivery
}

function beginDelivery(shim: MqttShim, message: MqttMessage, packet: MqttPacket | undefined): Delivery {
  const isRetained = packet?.retain === true
  const context =
    isRetained && !shim.keepsRetainedIds
      ? ownContext(shim, message)
      : contextOf(shim.carrier, message, { trustsSentinels: shim.trustsSentinels })
  let row: MessageRow | undefined
  if (shim.hasRows)
    row = shim.begin(
      {
        method: packet?.dup === true ? 'REDELIVER' : isRetained ? 'RETAINED' : 'DELIVER',
        address: message.topic,
        bytes_in: Buffer.byteLength(message.payload),
      },
      context,
    )
  return deliveryWith(context, row)
}

/** The first failure ends the row; otherwise it ends with the last of those who work, once all listeners have had their turn. */
function deliveryWith(context: RequestContext, row: MessageRow | undefined): Delivery {
  let holders = 0
  const endIfOver = (): void => {
    if (holders === 0) row?.end({ route: delivery.route })
  }
  const delivery: Delivery = {
    context,
    route: undefined,
    acknowledge: undefined,
    hold() {
      if (row === undefined) return ignore
      let isOver = false
      holders++
      return (failed) => {
        if (isOver) return
        isOver = true
        holders--
        if (failed !== undefined) row.end({ ...failed, route: delivery.route })
        else if (holders === 0) queueMicrotask(endIfOver)
      }
    },
    follow(work) {
      if (row === undefined) return work()
      const release = delivery.hold()
      try {
        const result = work()
        if (result instanceof Promise) return ended(result, release) as typeof result
        release()
        return result
      } catch (failure) {
        release({ failure })
        throw failure
      }
    },
  }
  return delivery
}

const ignore: Release = () => undefined

/** The promise to be handed on in place of `result`, so that a rejection nobody handles stays unhandled. */
export async function ended<Result>(result: Promise<Result>, release: Release): Promise<Result> {
  try {
    const value = await result
    release()
    return value
  } catch (failure) {
    release({ failure })
    throw failure
  }
}

/** An id of its own; the old one is named, and so is the row that caused it. Its trace is long over. */
function ownContext({ carrier }: MqttShim, message: MqttMessage): RequestContext {
  const { request_id, inbound_request_id, caused_by } = contextOf(carrier, message)
  const isCarried = carrier.extract(message).request_id !== undefined
  const inbound = inbound_request_id ?? (isCarried ? request_id : undefined)
  return {
    request_id: mintID(),
    method: carrier.method,
    ...(inbound === undefined ? {} : { inbound_request_id: inbound }),
    ...(caused_by === undefined ? {} : { caused_by }),
  }
}
