// SPDX-License-Identifier: Apache-2.0
import { carry, contextOf, receive, type ReceiveOptions } from '../../carriers/carrier.ts'
import { createMessageRows, endWith, type MessageRowOptions } from '../../carriers/message-row.ts'
import { handleEach } from '../handle-each.ts'
import { kafkaCarrier, type KafkaMessage } from './kafka-carrier.ts'
import { createOffsetMemory, type OffsetMemory } from './offset-memory.ts'

/** The record with the ids of the work in progress among its headers, as bytes: `producer.send({ topic, messages: [withIds({ value })] })`. */
export function withIds<Message extends KafkaMessage>(message: Message): Message {
  return carry(kafkaCarrier, message) as Message
}

/** Runs `work` as what the record asks for. Returns, throws, resolves and rejects as `work` does. */
export function inMessage<Result>(
  message: KafkaMessage,
  work: () => Result,
  options?: ReceiveOptions,
): Result {
  return receive(kafkaCarrier, message, work, options)
}

/** The `eachMessage` of kafkajs, run as what each record asks for. */
export function handler<Payload extends { readonly message: KafkaMessage }, Result>(
  eachMessage: (payload: Payload) => Result,
  options?: ReceiveOptions,
): (payload: Payload) => Result {
  return (payload) => inMessage(payload.message, () => eachMessage(payload), options)
}

export interface KafkaHandleOptions extends MessageRowOptions, Pick<ReceiveOptions, 'trustsSentinels'> {}

/** What `eachBatch` of kafkajs gets, as far as it is used here. */
export interface KafkaBatchPayload<Message extends KafkaMessage> {
  readonly batch: {
    readonly topic: string
    readonly partition?: number
    readonly messages: readonly Message[]
  }
  resolveOffset(offset: string): void
  heartbeat(): Promise<void>
  isRunning(): boolean
  isStale(): boolean
}

/**
 * The body of an `eachBatch` of kafkajs: `work` for each record of the batch in turn, run as what it asks for. What is done is said
 * (`resolveOffset`, `heartbeat`) after each record; a batch that went stale, or whose consumer stops, is left there. What `work`
 * throws or rejects with comes back, and what was not resolved is consumed again.
 *
 * With `records` a row `DELIVER` for each record, or `REDELIVER` where the consumer was given to `instrumentKafka` and has had it before: a batch
 * alone does not say whose it is.
 */
export async function eachInBatch<Message extends KafkaMessage & { readonly offset: string }>(
  payload: KafkaBatchPayload<Message>,
  work: (message: Message) => unknown,
  options: KafkaHandleOptions = {},
): Promise<void> {
  const begin = createMessageRows(options)
  const { topic, partition, messages } = payload.batch
  const hadBefore = memories.get(payload.batch) ?? (() => false)
  for (const message of messages) {
    if (!payload.isRunning() || payload.isStale()) return
    const method = verbOf(hadBefore({ topic, partition, offset: message.offset }))
    const run = (): unknown => {
      const row = begin({ method, address: topic, bytes_in: sizeOf(message) })
      return endWith(row, async () => work(message))
    }
    await receive(kafkaCarrier, message, run, options)
    payload.resolveOffset(message.offset)
    await payload.heartbeat()
  }
}

/**
 * `for await (const message of stream)` with each turn run as what its record asks for: what `consume` of @platformatic/kafka gives. One at a
 * time; resolves when the stream ends, and what `work` throws or rejects with ends the loop, destroys the stream and rejects the promise. Commits
 * nothing: that is the consumer's `autocommit`, or `message.commit()` in `work`. With `records` a row for each record, `REDELIVER` where this
 * stream has given it before.
 */
export function handle<
  Message extends KafkaMessage & {
    readonly topic: string
    readonly partition?: number
    readonly offset?: bigint
  },
>(
  stream: AsyncIterable<Message>,
  work: (message: Message) => unknown,
  options: KafkaHandleOptions = {},
): Promise<void> {
  const begin = createMessageRows(options)
  const hadBefore = createOffsetMemory()
  return handleEach(
    stream,
    work,
    (message) => contextOf(kafkaCarrier, message, options),
    (message, context) => {
      const method = verbOf(hadBefore(message))
      return begin({ method, address: message.topic, bytes_in: sizeOf(message) }, context)
    },
  )
}

const memories = new WeakMap<object, OffsetMemory>()

/** Lets `eachInBatch` know what the consumer has had that this batch came to. */
export function rememberFor(batch: unknown, memory: OffsetMemory): void {
  if (typeof batch === 'object' && batch !== null) memories.set(batch, memory)
}

/** The word that a message row has for a record that came before, or for the first time. */
export function verbOf(hadBefore: boolean): 'DELIVER' | 'REDELIVER' {
  return hadBefore ? 'REDELIVER' : 'DELIVER'
}

/** Bytes of the value; a tombstone has none. */
export function sizeOf(message: unknown): number {
  const { value } = message as { readonly value?: unknown }
  return typeof value === 'string' ? Buffer.byteLength(value) : value instanceof Uint8Array ? value.length : 0
}
