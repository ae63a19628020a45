// SPDX-License-Identifier: Apache-2.0
import type { Carrier } from '../../carriers/carrier.ts'
import { createHeaderCarrier } from '../../carriers/header-carrier.ts'

/** `MsgHdrs` of nats.js, as far as we use it. */
export interface NatsHeaders extends Iterable<[string, string[]]> {
  readonly code: number
  readonly description: string
  get(name: string, match?: 'insensitive'): string
  has(name: string, match?: 'insensitive'): boolean
  append(name: string, value: string): void
}

/** `headers` of nats.js, which makes them. */
export type MakeNatsHeaders<Headers extends NatsHeaders = NatsHeaders> = (
  code?: number,
  description?: string,
) => Headers

/** Where NATS has headers: the options of `publish` and `request`, and what arrives. */
export interface NatsMessage {
  readonly headers?: NatsHeaders | undefined
}

/**
 * The ids as headers that `makeHeaders` makes: `headers` of the module that made the connection. Headers that are there
 * already are copied, never written to: applications keep such objects and send them again, for the next request.
 */
export function createNatsCarrier(makeHeaders: MakeNatsHeaders): Carrier<NatsMessage> {
  return {
    ...reading,
    inject: (message, carried) =>
      reading.inject({ ...message, headers: copyOf(message.headers, makeHeaders) }, carried),
  }
}

/** Reads only: its `inject` needs headers that are there. */
export const reading: Carrier<NatsMessage> = createHeaderCarrier<NatsMessage>({
  name: 'nats',
  method: 'queue',
  get: ({ headers }, name) =>
    headers?.has(name, 'insensitive') === true ? headers.get(name, 'insensitive') : undefined,
  set(message, name, value) {
    message.headers?.append(name, value)
    return message
  },
})

function copyOf(given: NatsHeaders | undefined, makeHeaders: MakeNatsHeaders): NatsHeaders {
  if (given === undefined) return makeHeaders()
  const copy = makeHeaders(given.code, given.description)
  for (const [name, values] of given) for (const value of values) copy.append(name, value)
  return copy
}
