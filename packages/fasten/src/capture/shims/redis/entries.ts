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
  return itemsOf(answer, stream).filter((item): item is RedisEntry => item.fields !== null)
}

/** An entry, or what is left of one that was deleted or trimmed while it was pending: mostly its id. */
interface Item extends Omit<RedisEntry, 'fields'> {
  readonly fields: RedisFields | null
}

function itemsOf(answer: unknown, stream: string): readonly Item[] {
  if (typeof answer !== 'object' || answer === null) return []
  // node-redis: an answer of XAUTOCLAIM, and each stream of XREAD, is an object with its messages.
  const { messages, name, nextId, deletedMessages } = answer as Readonly<Record<string, unknown>>
  if (Array.isArray(messages))
    return itemsIn(
      messages,
      typeof name === 'string' ? name : stream,
      nextId !== undefined,
      listOf(deletedMessages),
    )
  if (!Array.isArray(answer)) return []
  const [first, second, third] = answer as readonly unknown[]
  if (Array.isArray(second) && isText(first)) {
    // ioredis: XAUTOCLAIM begins with where to go on, and has its entries second; Redis 7 says third what was deleted.
    if (/^\d+-\d+$/.test(String(first))) return itemsIn(second, stream, true, listOf(third))
    // One stream of an answer of XREAD.
    return itemsIn(second, String(first), false)
  }
  return (answer as readonly unknown[]).flatMap((each) => {
    const [key, entries] = Array.isArray(each) ? (each as readonly unknown[]) : []
    if (Array.isArray(entries) && (entries.length === 0 || Array.isArray(entries[0])))
      return itemsIn(entries, String(key), false)
    const isStream = !Array.isArray(each) && typeof each === 'object' && each !== null && 'messages' in each
    return isStream ? itemsOf(each, stream) : itemsIn([each], stream, false)
  })
}

function itemsIn(
  entries: readonly unknown[],
  stream: string,
  isClaimed: boolean,
  deleted: readonly unknown[] = [],
): readonly Item[] {
  const gone = deleted.map((id) => ({ stream, id: String(id), fields: null, isClaimed }))
  return [...entries.flatMap((each) => itemOf(each, stream, isClaimed)), ...gone]
}

function itemOf(given: unknown, stream: string, isClaimed: boolean): readonly Item[] {
  // Redis 6.2 answers nil for a pending entry that is not there any more.
  if (given === null) return [{ stream, id: '', fields: null, isClaimed: true }]
  if (typeof given !== 'object') return []
  const { id, message } = given as { readonly id?: unknown; readonly message?: unknown }
  const [key, fields] = Array.isArray(given) ? (given as readonly unknown[]) : [id, message]
  if (!isText(key) || typeof fields !== 'object') return []
  return [{ stream, id: String(key), fields: fields as RedisFields | null, isClaimed }]
}

const isText = (value: unknown): value is string | Uint8Array =>
  typeof value === 'string' || value instanceof Uint8Array
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])

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
 * ended when its `ack` is done; and one with status 410, under an id of its own, for each that was deleted or trimmed while it was pending: neither
 * `work` nor `ack` is run for those.
 */
export async function handle(
  answer: unknown,
  work: (entry: RedisEntry) => unknown,
  options: RedisHandleOptions = {},
): Promise<void> {
  const { ack, stream, redelivered = false } = options
  const begin = createMessageRows(options)
  for (const { fields, ...place } of itemsOf(answer, stream ?? '')) {
    const context = contextOf(redisStreamCarrier, fields ?? [], options)
    if (fields === null) {
      begin({ method: 'REDELIVER', address: place.stream }, context)?.end({ status: 410, error: 'deleted' })
      continue
    }
    const entry: RedisEntry = { ...place, fields }
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
