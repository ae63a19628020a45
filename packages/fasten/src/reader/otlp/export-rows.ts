// SPDX-License-Identifier: Apache-2.0
import { FastenError } from '../../core/error.ts'
import { streams as everyStream, type StreamName } from '../../core/row.ts'
import type { ScanFilter } from '../../store/ports.ts'
import { decodeTailToken, encodeTailToken } from '../cursor.ts'
import type { Reader, ReaderRow, TailEvent, TailQuery } from '../reader.ts'
import { followThrough } from './follow-through.ts'
import { pause, waitMsOf } from '../pause.ts'
import { createSender, type SenderOptions } from './send.ts'

/** Where an export stands, kept by the caller. */
export interface ExportCursor {
  /** The place of an earlier run; undefined at the very first. */
  load(): string | undefined | Promise<string | undefined>
  /** Rows before this place were taken. Awaited before anything else is sent. */
  save(place: string): void | Promise<void>
}

export interface ExportOptions extends SenderOptions {
  /** Whose rows; a local reader of a store, or one over HTTP. */
  readonly reader: Pick<Reader, 'tail'>
  readonly cursor: ExportCursor
  /** Default: all three. */
  readonly streams?: readonly StreamName[]
  /** Only these rows. A cursor belongs to its filter: another one needs another cursor. */
  readonly filter?: ScanFilter
  /** Where the very first run begins: with the oldest row, or with what is stored from now on. Default `oldest`. */
  readonly from?: 'oldest' | 'now'
  /** Ends once everything is sent that was stored when it began. Default false: follows until the signal aborts. */
  readonly stopsAtEnd?: boolean
  /** Rows in one request, at most. Default 500; more make requests larger, not faster than the receiver. */
  readonly batchRows?: number
  /** How long a row waits for others to go with it, milliseconds. Default 1,000; 100 with `stopsAtEnd`. */
  readonly lingerMs?: number
  /** What to do with a row that the receiver refuses by itself: end with `OTLP_REFUSED` (default), or count it, tell it, and go on. */
  readonly onRefused?: 'stop' | 'skip'
  /** Told once when sending or reading begins to fail, and for every row that was refused or rejected; nothing is dropped unsaid. */
  readonly onTrouble?: (error: FastenError) => void
}

export interface ExportCounts {
  /** Rows that the receiver took. After a crash some are sent again: the same `log.record.uid`. */
  readonly sent: number
  /** Rows that the receiver counted as rejected although it took the request (partial success), or that were skipped. */
  readonly refused: number
}

/**
 * Sends committed rows to an OTLP/HTTP endpoint, in the order of their store, until `signal` aborts or, with `stopsAtEnd`, until the end.
 * At least once: the cursor moves when the receiver has answered, so a crash between the two sends a batch again; `log.record.uid` is the row's
 * id and tells the copies. While the receiver is away or says 429 nothing is read; rows wait in the store. A store or a reader that goes away once it
 * has answered is waited for, and nothing is sent twice for it. Resolves with the counts. Throws `OTLP_REFUSED` for what no repetition cures,
 * with the cursor before the rows concerned, and what the reader throws at first or for good: a store that is damaged, or another one.
 */
export async function exportRows(options: ExportOptions, signal: AbortSignal): Promise<ExportCounts> {
  const {
    reader,
    cursor,
    streams = everyStream,
    filter = {},
    onRefused = 'stop',
    onTrouble = () => {},
  } = options
  const { batchRows = 500, lingerMs = options.stopsAtEnd === true ? 100 : 1000 } = options
  const send = createSender(options)
  const query: TailQuery = { streams, filter }
  let [sent, refused] = [0, 0]
  let isTroubled = false

  const known = await cursor.load()
  const end =
    known === undefined || options.stopsAtEnd === true ? await endOf(reader, query, signal) : undefined
  let place = known ?? (options.from === 'now' ? end : beginningOf(end))
  if (known === undefined && place !== undefined) await cursor.save(place)
  let saved = place
  const onPlace = (id: string): void => void (place = id)
  // An iterator that waits for rows ends with its signal and no sooner.
  const ending = new AbortController()
  const until = AbortSignal.any([signal, ending.signal])
  const events = followThrough(reader, { ...query, onPlace }, place, onTrouble, until)
  try {
    for await (const rows of gather(events, { batchRows, lingerMs }, (event) => void (place = event.id))) {
      const reached = place
      if (rows.length > 0) await deliver(rows)
      if (signal.aborted) break
      if (reached !== undefined && reached !== saved) await cursor.save(reached)
      saved = reached
      if (options.stopsAtEnd === true && isPast(reached, end)) break
    }
  } finally {
    ending.abort()
  }
  return { sent, refused }

  /** Resolves when every row was taken or refused, or the signal aborted. */
  async function deliver(rows: readonly ReaderRow[]): Promise<void> {
    for (let failures = 0; !signal.aborted; failures++) {
      const answer = await send(rows, signal).catch((error: unknown) => {
        if (signal.aborted) return undefined
        throw error
      })
      if (answer === undefined) return
      if (answer.kind === 'taken') return taken(rows.length, answer.rejected, answer.message)
      if (answer.kind === 'never') throw answer.error
      if (answer.kind === 'unfit') return halved(rows, answer.error)
      if (!isTroubled) onTrouble(answer.error)
      isTroubled = true
      await pause(answer.waitMs ?? waitMsOf(failures), signal)
    }
  }

  function taken(rows: number, rejected: number, message: string): void {
    isTroubled = false
    sent += rows - rejected
    refused += rejected
    if (rejected === 0) return
    const text = `the receiver took a request and rejected ${rejected} of its ${rows} rows${message === '' ? '' : `: ${message}`}`
    onTrouble(new FastenError('OTLP_REFUSED', text, { at: options.url.replace(/\?.*/, '') }))
  }

  /** One row that does not fit, or too many at once, must not keep the others. */
  async function halved(rows: readonly ReaderRow[], error: FastenError): Promise<void> {
    const [row] = rows
    if (row !== undefined && rows.length === 1) {
      const refusal = new FastenError('OTLP_REFUSED', `row ${row.id}: ${error.message}`, {
        at: row.id,
        ...(error.hint === undefined ? {} : { hint: error.hint }),
      })
      if (onRefused === 'stop') throw refusal
      refused++
      return onTrouble(refusal)
    }
    const middle = Math.ceil(rows.length / 2)
    await deliver(rows.slice(0, middle))
    await deliver(rows.slice(middle))
  }
}

/** Where the rows end now, as a tail says that begins there. */
async function endOf(
  reader: Pick<Reader, 'tail'>,
  query: TailQuery,
  signal: AbortSignal,
): Promise<string | undefined> {
  const asking = new AbortController()
  let end: string | undefined
  const onPlace = (id: string): void => {
    end ??= id
    asking.abort()
  }
  for await (const { id } of reader.tail({ ...query, onPlace }, AbortSignal.any([signal, asking.signal])))
    onPlace(id)
  return end
}

/** The place before every row, of the same question. */
function beginningOf(end: string | undefined): string | undefined {
  if (end === undefined) return undefined
  const { fingerprint, places } = decodeTailToken(end)
  const zero = Object.entries(places).map(([stream, place]) => [stream, { ...place, position: 0 }])
  return encodeTailToken({ fingerprint, places: Object.fromEntries(zero) as typeof places })
}

function isPast(reached: string | undefined, end: string | undefined): boolean {
  if (reached === undefined || end === undefined) return false
  const { places } = decodeTailToken(reached)
  return Object.entries(decodeTailToken(end).places).every(
    ([stream, { position }]) => (places[stream as StreamName]?.position ?? 0) >= position,
  )
}

/**
 * Rows in batches: as many as fit, or what came while the first of them waited `lingerMs`. An empty batch comes when the place has moved with no row.
 * Nothing is asked of `events` while a batch is out, but for the one event that is on its way.
 */
async function* gather(
  events: AsyncIterable<TailEvent>,
  { batchRows, lingerMs }: { readonly batchRows: number; readonly lingerMs: number },
  onTaken: (event: TailEvent) => void,
): AsyncGenerator<readonly ReaderRow[]> {
  const iterator = events[Symbol.asyncIterator]()
  let arrived: Arrived | undefined
  let wake = (): void => {}
  // One question at a time, and one listener for its answer, however often the clock runs out meanwhile.
  const ask = (): void => {
    arrived = undefined
    iterator.next().then(
      (result) => {
        arrived = { result }
        wake()
      },
      (error: unknown) => {
        arrived = { error }
        wake()
      },
    )
  }
  ask()
  for (;;) {
    const rows: ReaderRow[] = []
    let isDue = false
    const timer = setTimeout(() => {
      isDue = true
      wake()
    }, lingerMs)
    try {
      while (rows.length < batchRows) {
        if (arrived === undefined) {
          if (isDue) break
          await new Promise<void>((resolve) => void (wake = resolve))
          continue
        }
        if ('error' in arrived) throw arrived.error
        if (arrived.result.done === true) return yield rows
        rows.push(arrived.result.value.row)
        onTaken(arrived.result.value)
        ask()
      }
    } finally {
      clearTimeout(timer)
    }
    yield rows
  }
}

type Arrived = { readonly result: IteratorResult<TailEvent> } | { readonly error: unknown }
