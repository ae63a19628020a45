// SPDX-License-Identifier: Apache-2.0
import { carry, contextOf, receive, type ReceiveOptions } from '../../carriers/carrier.ts'
import { createMessageRows, type MessageRowOptions } from '../../carriers/message-row.ts'
import { handleEach } from '../handle-each.ts'
import { createNatsCarrier, reading, type MakeNatsHeaders, type NatsMessage } from './nats-carrier.ts'

/**
 * The options of `publish`, `request` or JetStream's `publish` with the ids of the work in progress among the headers: `nc.publish(subject,
 * data, withIds(headers, { reply }))`. What was given stays as it is.
 */
export function withIds<Headers extends MakeNatsHeaders, Options extends NatsMessage>(
  headers: Headers,
  options?: Options,
): Options & { headers: ReturnType<Headers> } {
  const given: NatsMessage = options ?? {}
  return carry(createNatsCarrier(headers), given) as Options & { headers: ReturnType<Headers> }
}

/** Runs `work` as what the message asks for. Returns, throws, resolves and rejects as `work` does. */
export function inMessage<Result>(
  message: NatsMessage,
  work: () => Result,
  options?: ReceiveOptions,
): Result {
  return receive(reading, message, work, options)
}

/** The callback of `subscribe`, run as what each message asks for. Told of an error, it runs as it is. */
export function handler<Message extends NatsMessage, Result>(
  callback: (error: Error | null, message: Message) => Result,
  options?: ReceiveOptions,
): (error: Error | null, message: Message) => Result {
  return (error, message) =>
    error === null ? inMessage(message, () => callback(error, message), options) : callback(error, message)
}

export interface HandleOptions extends MessageRowOptions, Pick<ReceiveOptions, 'trustsSentinels'> {}

/** What `handle` needs to know of a message to write a row of it. */
export interface HandledMessage extends NatsMessage {
  readonly subject: string
  readonly reply?: string | undefined
  readonly data: { readonly length: number }
}

/**
 * `for await (const message of messages)` with each turn run as what its message asks for: a subscription, or what JetStream's `consume` and
 * `fetch` give. One message at a time; resolves when there are no more. What `work` throws or rejects with ends the loop as it ends a
 * `for await`: the subscription is closed, and the promise rejects with it. With `records` each message leaves a row that ends with its
 * turn; rows of JetStream are left to `instrumentNats`, which sees the acks.
 */
export function handle<Message extends HandledMessage>(
  messages: AsyncIterable<Message>,
  work: (message: Message) => unknown,
  options: HandleOptions = {},
): Promise<void> {
  const begin = createMessageRows(options)
  return handleEach(
    messages,
    work,
    (message) => contextOf(reading, message, options),
    ({ subject, data, reply }, context) =>
      reply?.startsWith('$JS.ACK.') === true
        ? undefined
        : begin({ method: 'DELIVER', address: subject, bytes_in: data.length }, context),
  )
}
