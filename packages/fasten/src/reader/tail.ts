// SPDX-License-Identifier: Apache-2.0
import type { Digest } from '../core/digest.ts'
import { streams as everyStream, type StreamName } from '../core/row.ts'
import type { RowSource, ScanFilter, StoredRow } from '../store/ports.ts'
import { badCursor, decodeTailToken, encodeTailToken, fingerprintOf, type TailToken } from './cursor.ts'
import { canMatch, forStream } from './parameters.ts'
import type { TailQuery } from './reader.ts'

export interface FollowedBatch {
  /** Resumes behind the last row, or behind what did not match when there is none. */
  readonly place: string
  readonly rows: readonly FollowedRow[]
}

export interface FollowedRow {
  readonly id: string
  readonly source: RowSource
  readonly stored: StoredRow
}

export interface FollowParts {
  readonly sourceOf: (stream: StreamName) => RowSource
  /** False for a ring, whose positions start again with its process. */
  readonly isDurable: (stream: StreamName) => Promise<boolean>
  readonly digest: Digest
  /** Calls `wake` whenever a row was stored or ringed in this process; answers how to stop. */
  readonly onChange?: (wake: () => void) => () => void
  /** Shortest and longest pause between two looks at an idle store. */
  readonly pollMsMin: number
  readonly pollMsMax: number
}

/** Rows read from one stream at a time; what a slow consumer has not taken stays in the store. */
const batchRows = 500

/**
 * Follows the streams of `query` from now, from `backlog` rows before now, or from an earlier event's id, until `signal`
 * aborts. Yields batches, the first at once and perhaps empty: each row of a stream once, in the order of its store position, which is commit order, so a
 * row that becomes visible late is not missed. An id names the place of every stream after its row; resuming from it
 * yields exactly the rows behind it. Between looks it sleeps: `pollMsMin` after rows came, doubling up to `pollMsMax` while none do.
 *
 * Rows that a ring dropped before they were looked at are gone; a store loses none.
 * Throws FastenError `BAD_CURSOR` for a token of another question.
 */
export function follow(
  query: TailQuery,
  parts: FollowParts,
  signal: AbortSignal,
): AsyncIterable<FollowedBatch> {
  const streams = everyStream.filter(
    (stream) => query.streams.includes(stream) && canMatch(stream, query.filter),
  )
  const { since: _since, until: _until, ...filter } = query.filter
  const fingerprint = fingerprintOf([...streams], filter, parts.digest)
  // Judged at once rather than with the first row, so that a wrong token can still be answered as a wrong question.
  const token = query.resume === undefined ? undefined : tokenOf(query.resume, fingerprint, streams)
  return walk({ ...query, streams, filter }, fingerprint, token, parts, signal)
}

async function* walk(
  query: TailQuery,
  fingerprint: string,
  token: TailToken | undefined,
  parts: FollowParts,
  signal: AbortSignal,
): AsyncGenerator<FollowedBatch> {
  const { streams, filter } = query
  const places =
    token === undefined ? await placesNow(streams, parts) : await placesOfToken(token, streams, parts)
  const tokenNow = (): string => encodeTailToken({ fingerprint, places: Object.fromEntries(places) })

  const isFresh = token === undefined
  const first =
    isFresh && (query.backlog ?? 0) > 0
      ? await backlog(streams, filter, query.backlog ?? 0, places, parts, tokenNow)
      : []
  let told = tokenNow()
  yield { place: told, rows: first }
  let pauseMs = parts.pollMsMin
  const alarm = createAlarm(signal, parts.onChange)
  try {
    while (!signal.aborted) {
      alarm.reset()
      const { rows, hasMore } = await newRows(streams, filter, places, parts, tokenNow)
      const place = tokenNow()
      if (place !== told) yield { place, rows }
      told = place
      pauseMs = rows.length > 0 ? parts.pollMsMin : Math.min(pauseMs * 2, parts.pollMsMax)
      if (!hasMore) await alarm.sleep(pauseMs)
    }
  } finally {
    alarm.stop()
  }
}

type Places = Map<StreamName, { position: number; boot?: string }>

async function placesNow(streams: readonly StreamName[], parts: FollowParts): Promise<Places> {
  const places: Places = new Map()
  for (const stream of streams) {
    const source = parts.sourceOf(stream)
    const position = await source.position(stream)
    places.set(stream, { position, ...(await bootOf(stream, source, parts)) })
  }
  return places
}

function tokenOf(text: string, fingerprint: string, streams: readonly StreamName[]): TailToken {
  const token = decodeTailToken(text)
  if (token.fingerprint !== fingerprint)
    throw badCursor(text, 'belongs to a tail with other streams or filters')
  for (const stream of streams)
    if (token.places[stream] === undefined) throw badCursor(text, `says nothing of ${stream}`)
  return token
}

async function placesOfToken(
  token: TailToken,
  streams: readonly StreamName[],
  parts: FollowParts,
): Promise<Places> {
  const places: Places = new Map()
  for (const stream of streams) {
    const place = token.places[stream] ?? { position: 0 }
    const source = parts.sourceOf(stream)
    if (await parts.isDurable(stream)) {
      const now = await source.position(stream)
      if (place.position > now)
        throw badCursor(encodeTailToken(token), `is ahead of the store: ${stream} ends at ${now}`)
      places.set(stream, place)
    } else {
      // Another process means another ring, of which nothing has been seen yet.
      const boot = await bootOf(stream, source, parts)
      places.set(stream, boot.boot === place.boot ? place : { position: 0, ...boot })
    }
  }
  return places
}

/** The process whose ring this is, as its newest row says; nothing for a store, or for a ring that is still empty. */
async function bootOf(stream: StreamName, source: RowSource, parts: FollowParts): Promise<{ boot?: string }> {
  if (await parts.isDurable(stream)) return {}
  const [newest] = await source.scan({ stream, order: 'newest', limit: 1 })
  return newest === undefined ? {} : { boot: newest.row.boot_id }
}

/** The newest rows before `places`, by stream, oldest position first. */
async function backlog(
  streams: readonly StreamName[],
  filter: ScanFilter,
  count: number,
  places: Places,
  parts: FollowParts,
  token: () => string,
): Promise<readonly FollowedRow[]> {
  const ends = new Map(places)
  const queues: Pending[] = []
  for (const stream of streams) {
    const source = parts.sourceOf(stream)
    const end = ends.get(stream) ?? { position: 0 }
    const newest = await source.scan({
      stream,
      filter: forStream(filter, stream),
      order: 'newest',
      limit: count,
    })
    const rows = newest
      .filter(({ position }) => position <= end.position)
      .sort((one, other) => one.position - other.position)
    // Until its first row is out, a resumed tail must find the whole backlog of the stream again.
    const [first] = rows
    if (first !== undefined) places.set(stream, { ...end, position: first.position - 1 })
    queues.push({ stream, source, rows, end })
  }
  return merge(queues, places, token)
}

interface Pending {
  readonly stream: StreamName
  readonly source: RowSource
  readonly rows: readonly StoredRow[]
  /** Where the stream stands once all of `rows` are out. */
  readonly end: { readonly position: number; readonly boot?: string }
}

async function newRows(
  streams: readonly StreamName[],
  filter: ScanFilter,
  places: Places,
  parts: FollowParts,
  token: () => string,
): Promise<{ rows: readonly FollowedRow[]; hasMore: boolean }> {
  const queues: Pending[] = []
  let hasMore = false
  for (const stream of streams) {
    const source = parts.sourceOf(stream)
    const place = places.get(stream) ?? { position: 0 }
    const now = await source.position(stream)
    if (now === place.position) continue
    const rows = await source.scan({
      stream,
      filter: { ...forStream(filter, stream), after_position: place.position },
      order: 'stored',
      limit: batchRows,
    })
    const isFull = rows.length === batchRows
    hasMore ||= isFull
    const last = rows.at(-1)?.position ?? 0
    // A short answer read everything up to where the stream stood before: rows that did not match need not be read again.
    const position = isFull ? last : Math.max(place.position, now, last)
    const boot = place.boot ?? rows[0]?.row.boot_id
    queues.push({
      stream,
      source,
      rows,
      end: { position, ...(boot === undefined || (await parts.isDurable(stream)) ? {} : { boot }) },
    })
  }
  return { rows: merge(queues, places, token), hasMore }
}

/** Interleaves the streams by time, keeps each stream's own order, and moves `places` along with every row. */
function merge(queues: readonly Pending[], places: Places, token: () => string): readonly FollowedRow[] {
  const taken = queues.map(() => 0)
  const merged: FollowedRow[] = []
  for (const { stream, rows, end } of queues) if (rows.length === 0) places.set(stream, { ...end })
  for (;;) {
    let next: number | undefined
    for (const [index, queue] of queues.entries()) {
      const row = queue.rows[taken[index] ?? 0]
      const best = next === undefined ? undefined : queues[next]?.rows[taken[next] ?? 0]
      if (row !== undefined && (best === undefined || row.row.timestamp < best.row.timestamp)) next = index
    }
    const queue = next === undefined ? undefined : queues[next]
    if (next === undefined || queue === undefined) return merged
    const at = taken[next] ?? 0
    const stored = queue.rows[at]
    if (stored === undefined) return merged
    taken[next] = at + 1
    places.set(
      queue.stream,
      at + 1 === queue.rows.length ? { ...queue.end } : { ...queue.end, position: stored.position },
    )
    merged.push({ id: token(), source: queue.source, stored })
  }
}

/** A sleep that ends early when a row was stored or the signal aborted. */
function createAlarm(signal: AbortSignal, onChange: FollowParts['onChange']) {
  let isRung = false
  let ring: () => void = () => {}
  const wake = (): void => {
    isRung = true
    ring()
  }
  const stopListening = onChange?.(wake) ?? (() => {})
  signal.addEventListener('abort', wake, { once: true })
  return {
    /** Forgets what happened before the store is looked at; what happens from here on cuts the next sleep short. */
    reset(): void {
      isRung = signal.aborted
    },
    async sleep(ms: number): Promise<void> {
      if (isRung) return
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms)
        ring = () => {
          clearTimeout(timer)
          resolve()
        }
      })
      ring = () => {}
    },
    stop(): void {
      stopListening()
      signal.removeEventListener('abort', wake)
    },
  }
}
