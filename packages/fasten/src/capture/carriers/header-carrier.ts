// SPDX-License-Identifier: Apache-2.0
import type { Method } from '../../core/row.ts'
import { header, type Carried, type Carrier } from './carrier.ts'

export interface HeaderCarrierOptions<Message> {
  readonly name: string
  readonly method: Method
  /** The header's value as found; anything but text counts as absent. Names come in lower case. */
  get(message: Message, name: string): unknown
  /** The message with the header set: the same one, or a new one. */
  set(message: Message, name: string, value: string): Message
  /** Default `x-request-id`. */
  readonly requestIdHeader?: string
}

/** A carrier for any message that has headers: a request id in `x-request-id`, and the W3C headers beside it. */
export function createHeaderCarrier<Message>(options: HeaderCarrierOptions<Message>): Carrier<Message> {
  const { name, method, get, set, requestIdHeader = header.request_id } = options
  const names = Object.entries({ ...header, request_id: requestIdHeader }) as [keyof Carried, string][]
  const read = (message: Message, headerName: string): string | undefined => {
    const value = get(message, headerName)
    return typeof value === 'string' ? value : undefined
  }
  return {
    name,
    method,
    extract(message) {
      const carried: { -readonly [Member in keyof Carried]: Carried[Member] } = {}
      for (const [member, headerName] of names) {
        const value = read(message, headerName)
        if (value !== undefined) carried[member] = value
      }
      return carried
    },
    inject(message, carried) {
      let result = message
      // A tracestate belongs to its traceparent: beside somebody else's it would say the wrong thing.
      const hasTrace = get(message, header.traceparent) !== undefined
      for (const [member, headerName] of names) {
        const value = carried[member]
        if (value === undefined || get(message, headerName) !== undefined) continue
        if (member === 'tracestate' && hasTrace) continue
        result = set(result, headerName, value)
      }
      return result
    },
  }
}
