// SPDX-License-Identifier: Apache-2.0
import type { Carrier } from '../../carriers/carrier.ts'
import { readJsonId, writeJsonId } from '../../carriers/json-id.ts'

/** One message on a WebSocket. */
export interface WsMessage {
  readonly data: unknown
  readonly isBinary: boolean
}

/** The request id in the `_req` of a text message that is a JSON object. A WebSocket has no room for more; binary messages are left alone. */
export const wsCarrier: Carrier<WsMessage> = {
  name: 'ws',
  method: 'websocket',
  extract({ data, isBinary }) {
    const request_id = isBinary ? undefined : readJsonId(data)
    return request_id === undefined ? {} : { request_id }
  },
  inject(message, { request_id }) {
    const { data, isBinary } = message
    if (isBinary || request_id === undefined) return message
    if (typeof data !== 'string' && !(data instanceof Uint8Array)) return message
    return { data: writeJsonId(data, request_id), isBinary }
  },
}
