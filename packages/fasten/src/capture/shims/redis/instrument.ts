// SPDX-License-Identifier: Apache-2.0
import { carry } from '../../carriers/carrier.ts'
import {
  createMessageRows,
  endWith,
  type BeginMessageRow,
  type MessageRow,
  type MessageRowOptions,
} from '../../carriers/message-row.ts'
import { hasMethods, patchMethod, type Call, type Class, type Loose } from '../patch.ts'
import { createReach, type Reaching } from '../reach.ts'
import { redisMessageCarrier, redisStreamCarrier, type RedisFields } from './redis-carrier.ts'

/** The module ioredis or redis, a client of either, or the prototype of one. */
export type RedisTarget =
  | { xadd: Call; publish: Call }
  | { xAdd: Call; publish: Call }
  | { readonly Redis: Class; readonly Cluster: Class }
  | { createClient: Call }

export interface RedisOptions extends MessageRowOptions {
  /** Whether `publish` writes `_req` into payloads that are JSON objects. Default true; nothing else has room for an id there. */
  readonly payloads?: boolean
}

/**
 * From now on entries that the client adds to streams carry the ids of the work in progress in fields of their own (`_req`, `_traceparent` …), in
 * pipelines and transactions too, and what it publishes carries the id in `_req` where the payload is a JSON object. What is read is for
 * `handle` and `inMessage`: a client answers with lists, and no function of the application runs for each entry.
 *
 * Given the module, that holds for every client of ioredis, and for those that `createClient` and its like of node-redis make from now on; an
 * application that took `createClient` out of the module before has the one it took.
 *
 * Changes methods in place. A second call for the same target changes nothing. Answers a function that ends it. Throws
 * TypeError for what is no such client. With `records`, a row `PUBLISH` for each entry and message, ended with the answer of the
 * server; those of pipelines and transactions leave none, since their answers come together.
 */
export function instrumentRedis(target: RedisTarget, options: RedisOptions = {}): () => void {
  const { payloads = true } = options
  const begin = createMessageRows(options)
  return reach(moduleOf(target), { begin, payloads, isActive: () => true })
}

interface Shim extends Reaching {
  readonly begin: BeginMessageRow
  readonly payloads: boolean
}

const reach = createReach(patchesFor)

/** The module itself where a namespace object was given, whose members cannot be replaced. */
function moduleOf(given: unknown): object {
  if (typeof given !== 'function' && (typeof given !== 'object' || given === null)) return refuse()
  const { default: inner } = given as { readonly default?: unknown }
  return typeof inner === 'object' && inner !== null && hasMethods(inner, 'createClient') ? inner : given
}

function refuse(): never {
  throw new TypeError('instrumentRedis: give the module ioredis or redis, or a client of either')
}

/** A client, or what queues commands for one. */
const takesCommands = (target: object): boolean => hasMethods(target, 'xadd') || hasMethods(target, 'xAdd')

function patchesFor(target: object, shim: Shim): readonly (() => void)[] {
  if (takesCommands(target)) return patchCommands(target, shim)
  const member = (name: string): unknown => (target as Readonly<Record<string, unknown>>)[name]
  if (hasMethods(target, 'Redis', 'Cluster'))
    return ['Redis', 'Cluster'].map((name) =>
      reach((member(name) as { readonly prototype: object }).prototype, shim),
    )
  if (!hasMethods(target, 'createClient')) return refuse()
  return ['createClient', 'createClientPool', 'createCluster', 'createSentinel']
    .filter((name) => hasMethods(target, name))
    .map((name) => patchMethod(target as Record<string, Loose>, name, (original) => making(original, shim)))
}

/** A function that makes clients. */
function making(original: Loose, shim: Shim): Loose {
  return function (this: unknown, ...values) {
    const made = original.apply(this, values)
    if (shim.isActive() && typeof made === 'object' && made !== null && hasMethods(made, 'publish'))
      reach(made, shim)
    return made
  }
}

function patchCommands(target: object, shim: Shim): readonly (() => void)[] {
  const wrap = (name: string, around: (original: Loose) => Loose): readonly (() => void)[] =>
    hasMethods(target, name) ? [patchMethod(target as Record<string, Loose>, name, around)] : []
  return [
    ...wrap('xadd', (original) => adding(original, shim, withFlatFields)),
    ...['xAdd', 'XADD'].flatMap((name) => wrap(name, (original) => adding(original, shim, withFields))),
    ...['publish', 'PUBLISH'].flatMap((name) => wrap(name, (original) => publishing(original, shim))),
    ...['pipeline', 'multi', 'MULTI'].flatMap((name) => wrap(name, (original) => queueing(original, shim))),
    // ioredis makes them of the class again, node-redis as well: of a single client that was instrumented they would know nothing.
    ...wrap('duplicate', (original) => making(original, shim)),
  ]
}

function adding(
  original: Loose,
  shim: Shim,
  given: (values: readonly unknown[]) => readonly unknown[],
): Loose {
  return function (this: unknown, ...values) {
    if (!shim.isActive()) return original.apply(this, values)
    const row = shim.begin({ method: 'PUBLISH', address: String([values[0]].flat()[0]) })
    return answering(row, given(values), (handed) => original.apply(this, [...handed]))
  }
}

/**
 * Sends the command, and ends the row with its answer. Where there is a callback the promise comes back as it is: nobody looks at that one, and one
 * derived from it would reject unhandled.
 */
function answering(
  row: MessageRow | undefined,
  values: readonly unknown[],
  send: (values: readonly unknown[]) => unknown,
): unknown {
  const callback = values.at(-1)
  if (row === undefined || typeof callback !== 'function') return endWith(row, () => send(values))
  const ending = function (this: unknown, failure: unknown, ...answers: unknown[]): unknown {
    row.end(failure === null || failure === undefined ? {} : { failure })
    return (callback as Loose).call(this, failure, ...answers)
  }
  try {
    return send([...values.slice(0, -1), ending])
  } catch (failure) {
    row.end({ failure })
    throw failure
  }
}

/** ioredis: the words of the command, perhaps as lists, perhaps with a callback at the end. The fields come last, so that is where ours go. */
function withFlatFields(values: readonly unknown[]): readonly unknown[] {
  const callbacks = values.filter((value) => typeof value === 'function')
  const words = values.filter((value) => typeof value !== 'function').flat()
  if (words.some((word) => typeof word === 'object' && !(word instanceof Uint8Array))) return values
  // Fields lie an even number of words before the end; anything there by one of our names is one.
  const from = words.length % 2 === 0 ? 2 : 1
  const added = (carry(redisStreamCarrier, words.slice(from)) as readonly unknown[]).slice(
    words.length - from,
  )
  return [...words, ...added, ...callbacks]
}

/** node-redis: stream, id, an object of fields, options. */
function withFields([stream, id, fields, ...rest]: readonly unknown[]): readonly unknown[] {
  const isRecord = typeof fields === 'object' && fields !== null && !Array.isArray(fields)
  return [stream, id, isRecord ? carry(redisStreamCarrier, fields as RedisFields) : fields, ...rest]
}

function publishing(original: Loose, shim: Shim): Loose {
  return function (this: unknown, channel, payload, ...rest) {
    if (!shim.isActive()) return original.call(this, channel, payload, ...rest)
    const isPayload = typeof payload === 'string' || payload instanceof Uint8Array
    const given = shim.payloads && isPayload ? carry(redisMessageCarrier, payload) : payload
    const bytes_out = isPayload ? Buffer.byteLength(payload) : 0
    const row = shim.begin({ method: 'PUBLISH', address: String(channel), bytes_out })
    return answering(row, [channel, given, ...rest], (handed) => original.apply(this, [...handed]))
  }
}

/** What queues commands to send them together has them as methods as well. Commands handed over as a list are queued one by one, as it would. */
function queueing(original: Loose, shim: Shim): Loose {
  const silent: Shim = { ...shim, begin: () => undefined }
  return function (this: unknown, commands, ...rest) {
    const isList = Array.isArray(commands)
    const queue = isList ? original.apply(this, rest) : original.call(this, commands, ...rest)
    if (!shim.isActive() || typeof queue !== 'object' || queue === null) return queue
    if (takesCommands(queue)) reach(queue, silent)
    if (isList) (queue as { addBatch?(list: readonly unknown[]): unknown }).addBatch?.(commands)
    return queue
  }
}
