// SPDX-License-Identifier: Apache-2.0
import { carry, contextOf, type ReceiveOptions } from '../../carriers/carrier.ts'
import {
  createMessageRows,
  endWith,
  type BeginMessageRow,
  type MessageResult,
  type MessageRowOptions,
} from '../../carriers/message-row.ts'
import { runWithContext } from '../../context.ts'
import { hasMethods, instrumentOnce, patchMethod, type Call, type Loose } from '../patch.ts'
import { createUnsettled, type Unsettled } from '../unsettled.ts'
import { deliveryAt, outcomeOf } from './jetstream.ts'
import { createNatsCarrier, reading, type MakeNatsHeaders, type NatsMessage } from './nats-carrier.ts'

/** A connection of nats.js 3, or `NatsConnectionImpl.prototype` of `@nats-io/nats-core/internal` for all of them. */
export interface NatsTarget {
  publish: Call
  request: Call
  subscribe: Call
}

/** `@nats-io/transport-node`: every connection it makes. */
export interface NatsModule {
  readonly NatsConnectionImpl: { readonly prototype: object }
  readonly headers: MakeNatsHeaders
}

export interface NatsOptions extends MessageRowOptions, Pick<ReceiveOptions, 'trustsSentinels'> {
  /** `headers` of the module that made the connection: what goes out with ids needs headers, and only that module can make them. */
  readonly headers: MakeNatsHeaders
}

/**
 * From now on what is published through the connection, or through every one where the module is given, carries the ids of the work in progress (requests, JetStream and key-value stores publish
 * as well), and callbacks of `subscribe` and of JetStream's `consume` run as what their message asks for. Iterators are for `handle`.
 * What the client asks of JetStream for itself (`$JS.`) is left alone, replies and acks carry nothing, and to a server
 * without headers everything goes as it did.
 *
 * Changes three methods in place. A second call for the same connection changes nothing. Answers a function that ends it. Throws
 * TypeError for what is no connection, or without `headers`.
 *
 * With `records: true` a row `PUBLISH` for each message sent, `REQUEST` for each request (200, 503 no responders, 504 timeout, 500) and
 * `DELIVER` for each that arrives by callback, ended as the callback ends. Messages of JetStream are `DELIVER` or `REDELIVER`, and end
 * when they are settled: 200 acked, 503 `requeued` (nak), 500 `terminated`, or `never_settled` when the next delivery of the same
 * message shows it or the connection ends. A durable consumer that acks nothing (`ack_policy: none`) is therefore never settled.
 */
export function instrumentNats(
  module: NatsModule,
  options?: Omit<NatsOptions, 'headers'> & Partial<NatsOptions>,
): () => void
export function instrumentNats(target: NatsTarget, options: NatsOptions): () => void
export function instrumentNats(given: NatsModule | NatsTarget, others?: Partial<NatsOptions>): () => void {
  const isModule = typeof Object(given).NatsConnectionImpl === 'function'
  const target: unknown = isModule ? (given as NatsModule).NatsConnectionImpl.prototype : given
  const options = {
    ...(isModule ? { headers: (given as NatsModule).headers } : {}),
    ...others,
  } as NatsOptions
  if (!isTarget(target)) throw new TypeError('instrumentNats: give @nats-io/transport-node or a connection')
  if (typeof options.headers !== 'function')
    throw new TypeError('headers: give the function "headers" of the module that made the connection')
  const begin = createMessageRows(options)
  const shim: Shim = { begin, receiving: options, carrier: createNatsCarrier(options.headers) }
  // Of a connection whose class is instrumented everything is done already.
  for (let each: object | null = target; each !== null; each = Object.getPrototypeOf(each) as object | null) {
    const earlier = known.get(each)
    if (earlier !== undefined) return earlier
  }
  return instrumentOnce(known, target, () => {
    const patch = (name: keyof NatsTarget, wrap: (original: Loose) => Loose): (() => void) =>
      patchMethod(target, name, (original) => wrap(original as Loose) as Call)
    return [
      patch('publish', (original) => publishing(original, shim)),
      patch('request', (original) => requesting(original, shim)),
      patch('subscribe', (original) => subscribing(original, shim)),
    ]
  })
}

interface Shim {
  readonly begin: BeginMessageRow
  readonly receiving: ReceiveOptions
  readonly carrier: ReturnType<typeof createNatsCarrier>
}

/** The rest of a connection that we look at: not all of it is public, and all of it may be absent. */
interface Connection {
  readonly info?: { readonly headers?: unknown } | undefined
  readonly options?: { readonly inboxPrefix?: unknown }
  readonly protocol?: { publish?: Call }
  closed?(): Promise<unknown>
}

interface Message extends NatsMessage {
  readonly subject: string
  readonly reply?: string
  readonly data: { readonly length: number }
}

const known = new WeakMap<object, () => void>()

function isTarget(target: unknown): target is NatsTarget {
  return (
    typeof target === 'object' && target !== null && hasMethods(target, 'publish', 'request', 'subscribe')
  )
}

/** What the client says to the server for itself. */
const isHousekeeping = (subject: unknown): boolean =>
  typeof subject !== 'string' || subject.startsWith('$JS.') || subject.startsWith('$SYS.')

/** Requests whose own row stands for the `publish` that they consist of. */
let isRequesting = false

function withHeaders(connection: Connection, options: unknown, { carrier }: Shim): unknown {
  return connection.info?.headers === true ? carry(carrier, (options ?? {}) as NatsMessage) : options
}

function publishing(original: Loose, shim: Shim): Loose {
  return function (this: unknown, subject, data, options, ...rest) {
    if (isHousekeeping(subject)) return original.call(this, subject, data, options, ...rest)
    const row = isRequesting
      ? undefined
      : shim.begin({ method: 'PUBLISH', address: subject as string, bytes_out: sizeOf(data) })
    return endWith(row, () =>
      original.call(this, subject, data, withHeaders(this as Connection, options, shim), ...rest),
    )
  }
}

function requesting(original: Loose, shim: Shim): Loose {
  return function (this: unknown, subject, data, options, ...rest) {
    if (isHousekeeping(subject)) return original.call(this, subject, data, options, ...rest)
    const row = shim.begin({ method: 'REQUEST', address: subject as string, bytes_out: sizeOf(data) })
    // With an inbox of its own (`noMux`) a request does not go through `publish`.
    const { noMux } = Object(options) as { readonly noMux?: unknown }
    const given = noMux === true ? withHeaders(this as Connection, options, shim) : options
    const send = (): unknown => {
      const outer = isRequesting
      isRequesting = true
      try {
        return original.call(this, subject, data, given, ...rest)
      } finally {
        isRequesting = outer
      }
    }
    if (row === undefined) return send()
    const answer = send()
    if (!(answer instanceof Promise)) {
      row.end()
      return answer
    }
    return answer.then(
      (reply: unknown) => {
        row.end()
        return reply
      },
      (failure: unknown) => {
        row.end(resultOf(failure))
        throw failure
      },
    )
  }
}

/** nats.js wraps what went wrong into an error that has the stack of the caller. */
function resultOf(failure: unknown): MessageResult {
  const wrapper = failure as { readonly name?: unknown; isNoResponders?(): boolean } | null | undefined
  if (wrapper?.isNoResponders?.() === true) return { status: 503, error: 'NoRespondersError' }
  return wrapper?.name === 'TimeoutError' ? { status: 504, error: 'TimeoutError' } : { failure }
}

function subscribing(original: Loose, shim: Shim): Loose {
  return function (this: unknown, subject, options, ...rest) {
    const { callback } = Object(options) as { readonly callback?: unknown }
    if (typeof callback !== 'function') return original.call(this, subject, options, ...rest)
    const connection = this as Connection
    const inbox = `${typeof connection.options?.inboxPrefix === 'string' ? connection.options.inboxPrefix : '_INBOX'}.`
    const hear = callback as Loose
    const wrapped = function (
      this: unknown,
      error: unknown,
      message: Message,
      ...others: unknown[]
    ): unknown {
      const work = (): unknown => hear.call(this, error, message, ...others)
      if (error !== null || typeof message?.subject !== 'string') return work()
      // Replies and the client's own affairs come without ids to an inbox, and belong to whoever waits for them.
      if (message.subject.startsWith(inbox) && reading.extract(message).request_id === undefined)
        return work()
      const context = contextOf(reading, message, shim.receiving)
      return runWithContext(context, () => deliver(connection, message, work, shim))
    }
    return original.call(this, subject, { ...(options as object), callback: wrapped }, ...rest)
  }
}

function deliver(
  connection: Connection,
  { subject, reply, data }: Message,
  work: () => unknown,
  { begin }: Shim,
): unknown {
  const delivery = deliveryAt(reply)
  const method = (delivery?.count ?? 1) > 1 ? 'REDELIVER' : 'DELIVER'
  const row = begin({ method, address: subject, bytes_in: data.length })
  if (row === undefined) return work()
  const unsettled = delivery === undefined || delivery.isOrdered ? undefined : unsettledOf(connection)
  if (delivery === undefined || unsettled === undefined) return endWith(row, work)
  return unsettled.run(delivery.key, row, work)
}

const unsettledBy = new WeakMap<object, Unsettled<string>>()

/** The open deliveries of the connection. Acks of every kind pass through `publish` of its protocol; undefined where there is none such. */
function unsettledOf(connection: Connection): Unsettled<string> | undefined {
  const { protocol } = connection
  if (typeof protocol?.publish !== 'function') return undefined
  const earlier = unsettledBy.get(protocol)
  if (earlier !== undefined) return earlier
  const unsettled = createUnsettled<string>()
  unsettledBy.set(protocol, unsettled)
  patchMethod(protocol as { publish: Call }, 'publish', (original) => {
    const publish = original as Loose
    return function (this: unknown, subject: unknown, payload: unknown, ...rest: unknown[]): unknown {
      const answer = publish.call(this, subject, payload, ...rest)
      const delivery = typeof subject === 'string' ? deliveryAt(subject) : undefined
      const outcome = delivery === undefined ? undefined : outcomeOf(payload ?? '')
      if (delivery !== undefined && outcome !== undefined) unsettled.settle(delivery.key, outcome)
      return answer
    }
  })
  void connection.closed?.().then(() => unsettled.settleAll('never_settled'))
  return unsettled
}

function sizeOf(data: unknown): number {
  return typeof data === 'string' ? Buffer.byteLength(data) : data instanceof Uint8Array ? data.length : 0
}
