// SPDX-License-Identifier: Apache-2.0
import { contextOf, type ReceiveOptions } from '../../carriers/carrier.ts'
import {
  createMessageRows,
  endWith,
  type BeginMessageRow,
  type MessageRowOptions,
} from '../../carriers/message-row.ts'
import { runWithContext } from '../../context.ts'
import { keepCaller } from '../keep-caller.ts'
import { hasMethods, patchMethod, type Call, type Loose } from '../patch.ts'
import { createReach, type Reaching } from '../reach.ts'
import { createUnsettled, type Outcome, type Unsettled } from '../unsettled.ts'
import { amqpCarrier } from './amqp-carrier.ts'
import { verbOf, type AmqpMessage } from './delivery.ts'
import { withIds } from './explicit.ts'

/** `amqplib` or `amqplib/callback_api`. */
export interface AmqpModule {
  connect: Call
}

/** What `connect` gives, of either API, with recovery or without. */
export interface AmqpConnection {
  createChannel: Call
  createConfirmChannel: Call
}

/** A channel of either API, with confirms or without. */
export interface AmqpChannel {
  publish: Call
  consume: Call
  get: Call
  ack: Call
  ackAll: Call
  nack: Call
  nackAll: Call
  reject: Call
  recover: Call
  on: Call
}

export interface AmqpOptions extends MessageRowOptions, Pick<ReceiveOptions, 'trustsSentinels'> {}

/**
 * From now on what is published through `target` carries the ids of the work in progress, and handlers of `consume` run as what their message
 * asks for. Give the module, and every connection it makes later takes part; or one connection, or one channel. A message that `get` fetched
 * is handled where its caller stands: `inMessage` is for that.
 *
 * Changes methods in place and nothing else about them: arguments, answers and errors stay as they were. A second call for the same
 * target changes nothing. Answers a function that ends it. Throws TypeError for anything that is none of the three.
 *
 * With `records: true` each message sent leaves a row `PUBLISH` (of a confirm channel when the broker has answered), and each delivery a row
 * `DELIVER`, `REDELIVER` or `DEAD_LETTER` that is written when it is settled and says how: 200 acked, 503 `requeued`, 500 `nacked`,
 * `rejected` or, where the channel ended before, `never_settled`. With `noAck` it is the handler's end that counts.
 */
export function instrumentAmqp(
  target: AmqpModule | AmqpConnection | AmqpChannel,
  options: AmqpOptions = {},
): () => void {
  const begin = createMessageRows(options)
  return reach(moduleOf(target), { begin, receiving: options, isActive: () => true })
}

interface Shim extends Reaching {
  readonly begin: BeginMessageRow
  readonly receiving: ReceiveOptions
}

const reach = createReach(patchesFor)

function patchesFor(target: object, shim: Shim): readonly (() => void)[] {
  if (isChannel(target)) return patchChannel(target, shim)
  if (isConnection(target)) return patchConnection(target, shim)
  return [isModule(target) ? patchConnect(target, shim) : refuse()]
}

function refuse(): never {
  throw new TypeError('instrumentAmqp: give the module amqplib, a connection or a channel')
}

/** The module itself where a namespace object was given, whose members cannot be replaced. */
function moduleOf(target: AmqpModule | AmqpConnection | AmqpChannel): object {
  if (typeof target !== 'object' || target === null) return refuse()
  const { default: inner } = target as { readonly default?: unknown }
  return isModule(target) && typeof inner === 'object' && inner !== null ? inner : target
}

const isModule = (target: object): target is AmqpModule => hasMethods(target, 'connect')
const isConnection = (target: object): target is AmqpConnection =>
  hasMethods(target, 'createChannel', 'createConfirmChannel')
const isChannel = (target: object): target is AmqpChannel => hasMethods(target, 'consume', 'publish')

function patchConnect(module: AmqpModule, shim: Shim): () => void {
  return patchMethod(module, 'connect', (original) => {
    const connect = original as Loose
    return function (this: unknown, ...values: unknown[]): unknown {
      const given = values.map((value) =>
        typeof value === 'function' ? withOutcome(value as Loose, shim) : withRecovery(value, shim),
      )
      return reached(connect.apply(this, given), shim)
    }
  })
}

/** A connection that recovers shows the ones it is made of to `setup` only, which declares consumers anew there. */
function withRecovery(value: unknown, shim: Shim): unknown {
  if (typeof value !== 'object' || value === null) return value
  const { recovery } = value as { readonly recovery?: unknown }
  if (recovery === undefined || recovery === null || recovery === false) return value
  const given = recovery === true ? {} : (recovery as { readonly setup?: unknown })
  const own = typeof given.setup === 'function' ? (given.setup as Loose) : undefined
  const setup =
    own !== undefined && own.length >= 2
      ? (model: unknown, done: unknown) => own(reached(model, shim), done)
      : (model: unknown) => own?.(reached(model, shim))
  return { ...value, recovery: { ...given, setup } }
}

function patchConnection(connection: AmqpConnection, shim: Shim): readonly (() => void)[] {
  return (['createChannel', 'createConfirmChannel'] as const).map((name) =>
    patchMethod(connection, name, (original) => {
      const create = original as Loose
      return function (this: unknown, ...values: unknown[]): unknown {
        const given = values.map((value) =>
          typeof value === 'function' ? withOutcome(value as Loose, shim) : value,
        )
        return reached(create.apply(this, given), shim)
      }
    }),
  )
}

/** The callback, which gets what it waits for instrumented. */
function withOutcome(callback: Loose, shim: Shim): Loose {
  return function (this: unknown, error: unknown, outcome: unknown, ...rest: unknown[]): unknown {
    return callback.call(this, error, reached(outcome, shim), ...rest)
  }
}

/** Instruments a connection or a channel, or what a promise will give; anything else comes back untouched. */
function reached(outcome: unknown, shim: Shim): unknown {
  if (typeof outcome !== 'object' || outcome === null || !shim.isActive()) return outcome
  if (outcome instanceof Promise) return outcome.then((value: unknown) => reached(value, shim))
  if (isChannel(outcome) || isConnection(outcome)) reach(outcome, shim)
  return outcome
}

function patchChannel(channel: AmqpChannel, shim: Shim): readonly (() => void)[] {
  const unsettled = createUnsettled<number>(Infinity)
  const confirms = hasMethods(channel, 'waitForConfirms')
  const patch = (name: keyof AmqpChannel, wrap: (original: Loose) => Loose): (() => void) =>
    patchMethod(channel, name, (original) => wrap(original as Loose) as Call)
  const settling = (name: keyof AmqpChannel, settle: (values: readonly unknown[]) => void): (() => void) =>
    patch(
      name,
      (original) =>
        function (this: unknown, ...values) {
          const answer = original.apply(this, values)
          settle(values)
          return answer
        },
    )
  const unless = (requeue: unknown, given: Outcome): Outcome => (requeue === false ? given : 'requeued')
  const settle = (message: unknown, upTo: unknown, outcome: Outcome): void => {
    const { deliveryTag } = (message as AmqpMessage).fields
    if (upTo === true) unsettled.settleAll(outcome, (tag) => tag <= deliveryTag)
    else unsettled.settle(deliveryTag, outcome)
  }
  const ending = (): void => unsettled.settleAll('never_settled')
  ;(channel.on as Loose).call(channel, 'close', ending)
  return [
    patch('publish', (original) => publishing(original, confirms, shim)),
    patch('consume', (original) => consuming(original, unsettled, shim)),
    patch('get', (original) => getting(original, unsettled, shim)),
    settling('ack', ([message, upTo]) => settle(message, upTo, 'acked')),
    settling('ackAll', () => unsettled.settleAll('acked')),
    settling('nack', ([message, upTo, requeue]) => settle(message, upTo, unless(requeue, 'nacked'))),
    settling('nackAll', ([requeue]) => unsettled.settleAll(unless(requeue, 'nacked'))),
    settling('reject', ([message, requeue]) => settle(message, false, unless(requeue, 'rejected'))),
    settling('recover', () => unsettled.settleAll('requeued')),
  ]
}

function publishing(original: Loose, confirms: boolean, { begin, isActive }: Shim): Loose {
  return function (this: unknown, ...values) {
    if (!isActive()) return original.apply(this, values)
    const [exchange, routingKey, content, options, callback, ...rest] = values
    const address = exchange === '' ? String(routingKey) : `${String(exchange)}/${String(routingKey)}`
    const { length: bytes_out } = Object(content) as { readonly length?: number }
    const row = begin({ method: 'PUBLISH', address, bytes_out })
    const kept = keepCaller(callback)
    const confirmed =
      row === undefined || !confirms
        ? kept
        : (error: unknown, ...others: unknown[]): unknown => {
            row.end(error === null ? {} : { failure: error, error: 'nacked' })
            return typeof kept === 'function' ? (kept as Loose)(error, ...others) : undefined
          }
    try {
      const given = withIds(options ?? {})
      const answer = original.call(this, exchange, routingKey, content, given, confirmed, ...rest)
      if (!confirms) row?.end()
      return answer
    } catch (failure) {
      row?.end({ failure })
      throw failure
    }
  }
}

function consuming(
  original: Loose,
  unsettled: Unsettled<number>,
  { begin, receiving, isActive }: Shim,
): Loose {
  return function (this: unknown, queue, callback, options, ...rest) {
    if (typeof callback !== 'function') return original.call(this, queue, callback, options, ...rest)
    const handler = callback as Loose
    const { noAck } = Object(options) as { readonly noAck?: unknown }
    const wrapped = function (this: unknown, message: AmqpMessage | null): unknown {
      // The broker cancelled the consumer: there is no message to belong to.
      if (message === null || !isActive()) return handler.call(this, message)
      const context = contextOf(amqpCarrier, message.properties, receiving)
      const row = begin(factsOf(message, queue), context)
      const work = (): unknown => handler.call(this, message)
      return runWithContext(context, () =>
        noAck === true ? endWith(row, work) : unsettled.run(message.fields.deliveryTag, row, work),
      )
    }
    return original.call(this, queue, wrapped, options, ...rest.map(keepCaller))
  }
}

function getting(original: Loose, unsettled: Unsettled<number>, { begin, receiving, isActive }: Shim): Loose {
  return function (this: unknown, queue, options, ...rest) {
    const { noAck } = Object(options) as { readonly noAck?: unknown }
    const note = (fetched: unknown): void => {
      if (typeof fetched !== 'object' || fetched === null || !isActive()) return
      const message = fetched as AmqpMessage
      const row = begin(factsOf(message, queue), contextOf(amqpCarrier, message.properties, receiving))
      if (noAck === true) row?.end()
      else unsettled.run(message.fields.deliveryTag, row, () => undefined)
    }
    const [callback, ...others] = rest
    const kept = keepCaller(callback)
    const noting =
      typeof kept === 'function'
        ? function (this: unknown, error: unknown, fetched: unknown): unknown {
            note(fetched)
            return (kept as Loose).call(this, error, fetched)
          }
        : kept
    const answer = original.call(this, queue, options, ...(rest.length === 0 ? [] : [noting, ...others]))
    if (!(answer instanceof Promise)) return answer
    return answer.then((fetched: unknown) => {
      note(fetched)
      return fetched
    })
  }
}

function factsOf(message: AmqpMessage, queue: unknown): Parameters<BeginMessageRow>[0] {
  // An empty name stands for the queue that the channel declared last; the broker knows it by the key then.
  const address = typeof queue === 'string' && queue !== '' ? queue : (message.fields.routingKey ?? '')
  return { method: verbOf(message), address, bytes_in: message.content.length }
}
