// SPDX-License-Identifier: Apache-2.0
import { carry, receive, type Carrier, type ReceiveOptions } from '../../carriers/carrier.ts'
import {
  createMessageRows,
  endWith,
  type BeginMessageRow,
  type MessageRow,
  type MessageRowOptions,
} from '../../carriers/message-row.ts'
import { keepCaller } from '../keep-caller.ts'
import { hasMethods, patchMethod, type Call, type Class, type Loose } from '../patch.ts'
import { createReach, type Reaching } from '../reach.ts'
import { rememberFor, sizeOf, verbOf } from './explicit.ts'
import { createKafkaCarrier, kafkaCarrier, type KafkaMessage } from './kafka-carrier.ts'
import { createOffsetMemory, type OffsetMemory } from './offset-memory.ts'

/**
 * Of kafkajs: the module, a client, a producer or a consumer. Of @platformatic/kafka: the module (an import of all of it), or a
 * producer; what its consumers receive goes through `handle`.
 */
export type KafkaTarget =
  | { readonly Kafka: Class }
  | { readonly Producer: Class; readonly Consumer: Class }
  | { producer: Call; consumer: Call }
  | { send: Call }
  | { run: Call; subscribe: Call }

export interface KafkaOptions extends MessageRowOptions, Pick<ReceiveOptions, 'trustsSentinels'> {}

/**
 * From now on what is produced carries the ids of the work in progress, each record in its headers (`send`, `sendBatch`, transactions, streams
 * of @platformatic/kafka), and `eachMessage` of kafkajs runs as what its record asks for. `eachBatch` belongs to no single record:
 * `eachInBatch` is for its body.
 *
 * Changes methods in place. A second call for the same target changes nothing. Answers a function that ends it, for what it reached later as
 * well. Throws TypeError for what is none of these.
 *
 * With `records: true` a row `PUBLISH` for each record, ended with the answer of the broker, and for each call of `eachMessage` a row
 * `DELIVER`, or `REDELIVER` where this consumer has had that offset before: after a failure, a seek or a rebalance. What another
 * process had before us nobody says. 200 is that the handler ended well; offsets are committed later, and until then the record may come again.
 */
export function instrumentKafka(target: KafkaTarget, options: KafkaOptions = {}): () => void {
  const shim: Shim = { begin: createMessageRows(options), receiving: options, isActive: () => true }
  return reach(isObject(target) ? target : refuse(), shim)
}

interface Shim extends Reaching {
  readonly begin: BeginMessageRow
  readonly receiving: ReceiveOptions
}

const reach = createReach(patchesFor)

const isObject = (value: unknown): value is object =>
  (typeof value === 'object' && value !== null) || typeof value === 'function'

function refuse(): never {
  throw new TypeError(
    'instrumentKafka: give the module or a client, producer or consumer of kafkajs or @platformatic/kafka',
  )
}

function patchesFor(target: object, shim: Shim): readonly (() => void)[] {
  const member = (name: string): unknown => (target as Readonly<Record<string, unknown>>)[name]
  const prototypeOf = (name: string): object => (member(name) as { readonly prototype: object }).prototype
  const wrap = (name: string, around: (original: Loose) => Loose): (() => void) =>
    patchMethod(target as Record<string, Loose>, name, around)
  if (hasMethods(target, 'Kafka')) return [reach(prototypeOf('Kafka'), shim)]
  if (hasMethods(target, 'Producer', 'Consumer')) return [reach(prototypeOf('Producer'), shim)]
  if (hasMethods(target, 'producer', 'consumer'))
    return ['producer', 'consumer'].map((name) => wrap(name, (original) => making(original, shim)))
  if (hasMethods(target, 'run', 'subscribe')) return [wrap('run', (original) => running(original, shim))]
  if (!hasMethods(target, 'send')) return refuse()
  // Of kafkajs a producer and its transactions; of @platformatic/kafka a producer, whose transactions send through it.
  return [
    wrap('send', (original) => sending(original, shim)),
    ...(hasMethods(target, 'sendBatch')
      ? [wrap('sendBatch', (original) => sendingBatch(original, shim))]
      : []),
    ...(hasMethods(target, 'sendBatch', 'transaction')
      ? [wrap('transaction', (original) => making(original, shim))]
      : []),
    ...(hasMethods(target, 'asStream') ? [wrap('asStream', (original) => streaming(original, shim))] : []),
  ]
}

/** A function that makes clients, producers, consumers or transactions, at once or later. */
function making(original: Loose, shim: Shim): Loose {
  const reached = <Made>(made: Made): Made => {
    if (shim.isActive() && isObject(made)) reach(made, shim)
    return made
  }
  return function (this: unknown, ...values) {
    const made = original.apply(this, values)
    return made instanceof Promise ? made.then(reached) : reached(made)
  }
}

type Produced = KafkaMessage & { readonly topic?: unknown }

function sending(original: Loose, shim: Shim): Loose {
  return function (this: unknown, ...values) {
    const [record, callback, ...rest] = values
    const { topic, messages } = Object(record) as { readonly topic?: unknown; readonly messages?: unknown }
    if (!shim.isActive() || !Array.isArray(messages)) return original.apply(this, values)
    const rows = messages.map((message: Produced) => beginPublish(shim, topic ?? message?.topic, message))
    const given = { ...(record as object), messages: carryAll(messages, carrierFor(this)) }
    return settling(rows, (end) =>
      typeof callback === 'function'
        ? original.call(this, given, ending(keepCaller(callback as Loose), end), ...rest)
        : original.call(this, given, ...values.slice(1)),
    )
  }
}

function sendingBatch(original: Loose, shim: Shim): Loose {
  return function (this: unknown, batch, ...rest) {
    const { topicMessages } = Object(batch) as { readonly topicMessages?: unknown }
    if (!shim.isActive() || !Array.isArray(topicMessages)) return original.call(this, batch, ...rest)
    const rows: (MessageRow | undefined)[] = []
    const given = topicMessages.map((each: { readonly topic?: unknown; readonly messages?: unknown }) => {
      if (!Array.isArray(each?.messages)) return each
      for (const message of each.messages) rows.push(beginPublish(shim, each.topic, message))
      return { ...each, messages: carryAll(each.messages, kafkaCarrier) }
    })
    return settling(rows, () => original.call(this, { ...(batch as object), topicMessages: given }, ...rest))
  }
}

/** A stream sends later, from a timer: its records get their ids when they are written. */
function streaming(original: Loose, shim: Shim): Loose {
  return function (this: unknown, ...values) {
    const stream = original.apply(this, values)
    const carrier = carrierFor(this)
    if (typeof stream === 'object' && stream !== null && hasMethods(stream, 'write'))
      patchMethod(
        stream as { write: Loose },
        'write',
        (write) =>
          function (this: unknown, message, ...rest) {
            const given = shim.isActive() ? carryAll([message], carrier)[0] : message
            return write.call(this, given, ...rest)
          },
      )
    return stream
  }
}

/** Whatever is no record is the client's to refuse. */
function carryAll(messages: readonly unknown[], carrier: Carrier<KafkaMessage>): unknown[] {
  return messages.map((message) => {
    if (typeof message !== 'object' || message === null) return message
    const { headers } = message as KafkaMessage
    // Without serializers @platformatic/kafka takes bytes for names as well, and only a map can have those.
    if (carrier === asMap && (headers === undefined || headers === null))
      return carry(carrier, { ...message, headers: new Map() })
    return carry(carrier, message)
  })
}

const asText = createKafkaCarrier('text')
const asMap = createKafkaCarrier()

/** kafkajs writes text itself. @platformatic/kafka hands headers to the serializers of its options, if there are any, and else wants bytes. */
function carrierFor(producer: unknown): Carrier<KafkaMessage> {
  if (typeof producer !== 'object' || producer === null || hasMethods(producer, 'sendBatch'))
    return kafkaCarrier
  if (hasMethods(producer, 'commit', 'abort', 'isActive')) return kafkaCarrier
  const key = Object.getOwnPropertySymbols(producer).find(
    ({ description }) => description === 'plt.kafka.base.options',
  )
  const options: unknown =
    key === undefined ? undefined : (producer as Readonly<Record<symbol, unknown>>)[key]
  const { serializers, registry } = Object(options) as {
    readonly serializers?: { readonly headerKey?: unknown; readonly headerValue?: unknown }
    readonly registry?: unknown
  }
  return typeof serializers?.headerValue === 'function' || registry !== undefined ? asText : asMap
}

function beginPublish({ begin }: Shim, topic: unknown, message: unknown): MessageRow | undefined {
  return begin({ method: 'PUBLISH', address: String(topic), bytes_out: sizeOf(Object(message)) })
}

/** Ends the rows as the answer does: the promise, or the callback that was handed in instead. */
function settling(
  rows: readonly (MessageRow | undefined)[],
  send: (end: (failure: unknown) => void) => unknown,
): unknown {
  const end = (failure: unknown): void => {
    for (const row of rows) row?.end(failure === undefined || failure === null ? {} : { failure })
  }
  try {
    const answer = send(end)
    if (!(answer instanceof Promise) || rows.every((row) => row === undefined)) return answer
    return answer.then(
      (value: unknown) => {
        end(undefined)
        return value
      },
      (failure: unknown) => {
        end(failure)
        throw failure
      },
    )
  } catch (failure) {
    end(failure)
    throw failure
  }
}

function ending(callback: Loose, end: (failure: unknown) => void): Loose {
  return function (this: unknown, failure, ...values) {
    end(failure)
    return callback.call(this, failure, ...values)
  }
}

interface EachMessage {
  readonly topic: string
  readonly partition: number
  readonly message: KafkaMessage & { readonly offset?: string }
}

/** The memory is the consumer's: it may be run again after it crashed. */
function running(original: Loose, shim: Shim): Loose {
  const hadBefore = createOffsetMemory()
  return function (this: unknown, config, ...rest) {
    const { eachMessage, eachBatch } = Object(config) as { eachMessage?: unknown; eachBatch?: unknown }
    const given = { ...(config as object) } as Record<string, unknown>
    if (typeof eachMessage === 'function')
      given['eachMessage'] = eachOf(eachMessage as Loose, hadBefore, shim)
    if (typeof eachBatch === 'function')
      given['eachBatch'] = function (this: unknown, payload: unknown, ...others: unknown[]): unknown {
        if (shim.isActive()) rememberFor((Object(payload) as { readonly batch?: unknown }).batch, hadBefore)
        return (eachBatch as Loose).call(this, payload, ...others)
      }
    return original.call(this, config === undefined ? config : given, ...rest)
  }
}

function eachOf(handle: Loose, hadBefore: OffsetMemory, shim: Shim): Loose {
  const wrapped = function (this: unknown, payload: EachMessage, ...others: unknown[]): unknown {
    const work = (): unknown => handle.call(this, payload, ...others)
    if (!shim.isActive()) return work()
    const { topic, partition, message } = payload
    const method = verbOf(hadBefore({ topic, partition, offset: message.offset }))
    const run = (): unknown =>
      endWith(shim.begin({ method, address: topic, bytes_in: sizeOf(message) }), work)
    return receive(kafkaCarrier, message, run, shim.receiving)
  }
  return wrapped as Loose
}
