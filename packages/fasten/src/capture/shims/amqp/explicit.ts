// SPDX-License-Identifier: Apache-2.0
import { carry, receive, type ReceiveOptions } from '../../carriers/carrier.ts'
import { amqpCarrier, type AmqpProperties } from './amqp-carrier.ts'
import type { AmqpMessage } from './delivery.ts'

/**
 * The options of `publish` and `sendToQueue` with the ids of the work in progress among the headers: `channel.publish(exchange, key, content,
 * withIds({ persistent: true }))`. The given object stays as it is, and so do ids that are in it already.
 */
export function withIds<Options extends object>(options?: Options): Options & AmqpProperties {
  return carry(amqpCarrier, (options ?? {}) as AmqpProperties) as Options & AmqpProperties
}

/** Runs `work` as what the message asks for; for messages fetched with `get`. Returns, throws, resolves and rejects as `work` does. */
export function inMessage<Result>(
  message: Pick<AmqpMessage, 'properties'>,
  work: () => Result,
  options?: ReceiveOptions,
): Result {
  return receive(amqpCarrier, message.properties, work, options)
}

/** The callback of `consume`, run as what each message asks for. Told that the broker cancelled the consumer (null), it runs as it is. */
export function handler<Message extends Pick<AmqpMessage, 'properties'>, Result>(
  handle: (message: Message | null) => Result,
  options?: ReceiveOptions,
): (message: Message | null) => Result {
  return (message) =>
    message === null ? handle(message) : inMessage(message, () => handle(message), options)
}
