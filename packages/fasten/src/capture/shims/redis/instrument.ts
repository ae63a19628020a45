// SPDX-License-Identifier: Apache-2.0
import { carry } from '../../carriers/carrier.ts'
import {
  createMessageRows,
  endWith,
  type BeginMessageRow,
  type MessageRowOptions,
} from '../../carriers/message-row.ts'
import { instrumentOnce, patchMethod } from '../patch.ts'
import { redisMessageCarrier, redisStreamCarrier, type RedisFields } from './redis-carrier.ts'

type Call = (this: unknown, ...values: never[]) => unknown
type Loose = (this: unknown, ...values: unknown[]) => unknown

/** A client of ioredis or of node-redis, or the prototype of one. */
export type RedisTarget = { xadd: Call; publish: Call } | { xAdd: Call; publish: Call }

export interface RedisOptions extends MessageRowOptions {
  /** Whether `publish` writes `_req` into payloads that are JSON objects. Default true; nothing else has room for an id there. */
  readonly payloads?: boolean
}

/**
 * From now on entries that the client adds to streams carry the ids of the work in progress in fields of their own (`_req`, `_traceparent` …), in
 * pipelines and transactions too, and what it publishes carries the id in `_req` where the payload is a JSON object. What is read is for
 * `handle` and `inMessage`: a client answers with lists, and no function of the application runs for each entry.
 *
 * Changes methods in place. A second call for the same client changes nothing. Answers a function that ends it. Throws
 * TypeError for what is no such client. With `records`, a row `PUBLISH` for each entry and message, ended with the answer of the
 * server; those of pipelines and transactions leave none, since their answers come together.
 */
export function instrumentRedis(target: RedisTarget, options: RedisOptions = {}): () => void {
  if (target === null || typeof target !== 'object' || !(has(target, 'xadd') || has(target, 'xAdd')))
    throw new TypeError('instrumentRedis: give a client of ioredis or node-redis')
  const { payloads = true } = options
  const begin = createMessageRows(options)
  return instrumentOnce(known, target, () => {
    let isOn = true
    const undos = patchCommands(target, { begin, payloads, isActive: () => isOn })
    return [...undos, () => (isOn = false)]
  })
}

interface Shim {
  readonly begin: BeginMessageRow
  readonly payloads: boolean
  readonly isActive: () => boolean
}

const known = new WeakMap<object, () => void>()
const has = (target: object, name: string): boolean =>
  typeof (target as Readonly<Record<string, unknown>>)[name] === 'function'

function patchCommands(target: object, shim: Shim): readonly (() => void)[] {
  const wrap = (name: string, around: (original: Loose) => Loose): readonly (() => void)[] =>
    has(target, name) ? [patchMethod(target as Record<string, Loose>, name, around)] : []
  return [
    ...wrap('xadd', (original) => adding(original, shim, withFlatFields)),
    ...['xAdd', 'XADD'].flatMap((name) => wrap(name, (original) => adding(original, shim, withFields))),
    ...['publish', 'PUBLISH'].flatMap((name) => wrap(name, (original) => publishing(original, shim))),
    ...['pipeline', 'multi', 'MULTI'].flatMap((name) => wrap(name, (original) => queueing(original, shim))),
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
    return endWith(row, () => original.apply(this, [...given(values)]))
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
    return endWith(row, () => original.call(this, channel, given, ...rest))
  }
}

/** What queues commands to send them together has them as methods as well. Commands handed over as a list are queued one by one, as it would. */
function queueing(original: Loose, shim: Shim): Loose {
  const silent: Shim = { ...shim, begin: () => undefined }
  return function (this: unknown, commands, ...rest) {
    const isList = Array.isArray(commands)
    const queue = isList ? original.apply(this, rest) : original.call(this, commands, ...rest)
    if (!shim.isActive() || typeof queue !== 'object' || queue === null) return queue
    if (!(queue instanceof Promise)) instrumentOnce(known, queue, () => patchCommands(queue, silent))
    if (isList) (queue as { addBatch?(list: readonly unknown[]): unknown }).addBatch?.(commands)
    return queue
  }
}
