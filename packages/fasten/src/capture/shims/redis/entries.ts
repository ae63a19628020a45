// SPDX-License-Identifier: Apache-2.0
import { contextOf, type ReceiveOptions } from '../../carriers/carrier.ts'
import { createMessageRows, endWith, type MessageRowOptions } from '../../carriers/message-row.ts'
import { runWithContext } from '../../context.ts'
import { redisStreamCarrier, type RedisFields } from './redis-carrier.ts'

/** One entry of a stream, whichever client read it. */
export interface RedisEntry {
  readonly stream: string
  readonly id: string
  readonly fields: RedisFields
  /** It was claimed from a consumer that had it before and never acked it. */
  readonly isClaimed: boolean
}

/**
 * The entries of an answer of XREAD, XREADGROUP, XRANGE, XCLAIM or XAUTOCLAIM, as ioredis or node-redis give it; none of null. Answers that do not
 * name their stream are of `stream`. Entries that were deleted since are left out.
 */
export function entriesOf(answer: unknown, stream = ''): readonly RedisEntry[] {
  if (typeof answer !== 'object' || answer === null) return []
  // node-redis: an answer of XAUTOCLAIM, and each stream of XREAD, is an object with its messages.
  const { messages, name, nextId } = answer as {
    readonly messages?: unknown
    readonly name?: unknown
    readonly nextId?: unknown
  }
  if (Array.isArray(messages))
    return messages.flatMap((each) =>
      entryOf(each, typeof name === 'string' ? name : stream, nextId !== undefined),
    )
  if (!Array.isArray(answer)) return []
  // ioredis: XAUTOCLAIM begins with where to go on, and has its entries second.
  const [first, second] = answer as readonly unknown[]
  if (typeof first === 'string' && Array.isArray(second) && answer.length === 3)
    return second.flatMap((each) => entryOf(each, stream, true))
  return (answer as readonly unknown[]).flatMap((each) => {
    const [key, entries] = Array.isArray(each) ? (each as readonly unknown[]) : []
    if (Array.isArray(entries) && (entries.length === 0 || Array.isArray(entries[0])))
      return entries.flatMap((entry) => entryOf(entry, String(key), false))
    const isStream = !Array.isArray(each) && typeof each === 'object' && each !== null && 'messages' in each
    return isStream ? entriesOf(each) : entryOf(each, stream, false)
  })
}

function entryOf(given: unknown, stream: string, isClaimed: boolean): readonly RedisEntry[] {
  if (typeof given !== 'object' || given === null) return []
  const { id, message } = given as { readonly id?: unknown; readonly message?: unknown }
  const [key, fields] = Array.isArray(given) ? (given as readonly unknown[]) : [id, message]
  if (typeof fields !== 'object' || fields === null) return []
  return [{ stream, id: String(key), fields: fields as RedisFields, isClaimed }]
}

export interface RedisHandleOptions extends MessageRowOptions, Pick<ReceiveOptions, 'trustsSentinels'> {
  /** Of which stream the entries are, where the answer does not say: XRANGE, XCLAIM, XAUTOCLAIM. */
  readonly stream?: string
  /** Run after an entry was handled, before the next one, in its context: `(entry) => redis.xack(entry.stream, group, entry.id)`. */
  readonly ack?: (entry: RedisEntry) => unknown
  /** The entries were delivered before: an answer of XCLAIM, or what XREADGROUP gives for an id instead of `>`. Default false. */
  readonly redelivered?: boolean
}

/**
 * Runs `work` for each entry of an answer in turn, as what the entry asks for, and then `ack`. What either throws or rejects with comes
 * back: that entry and those after it stay pending, for XAUTOCLAIM to find. With `records`, a row `DELIVER` for each, or `REDELIVER`,
 * ended when its `ack` is done.
 */
export async function handle(
  answer: unknown,
  work: (entry: RedisEntry) => unknown,
  options: RedisHandleOptions = {},
): Promise<void> {
  const { ack, stream, redelivered = false } = options
  const begin = createMessageRows(options)
  for (const entry of entriesOf(answer, stream)) {
    const context = contextOf(redisStreamCarrier, entry.fields, options)
    const method = redelivered || entry.isClaimed ? 'REDELIVER' : 'DELIVER'
    const row = begin({ method, address: entry.stream }, context)
    await runWithContext(context, () =>
      endWith(row, async () => {
        await work(entry)
        await ack?.(entry)
      }),
    )
  }
}
