// SPDX-License-Identifier: Apache-2.0
import { parseLogName, streams, type StreamName } from 'fasten/core'
import { z } from 'zod'
import { chainsState, createChains, type Chains, type ChainsState } from './chains.ts'
import { mapFastenRows } from './map-fasten-rows.ts'
import { PullError } from './pull-error.ts'
import { changed, missing, type PullOutcome, type PullRun } from './pull-run.ts'
import {
  isTokens,
  numberOf,
  printable,
  readTokens,
  rowsIn,
  textOf,
  type Token,
  type Tokens,
} from './read-tokens.ts'
import { readSse } from './read-sse.ts'

/** First all pages, the oldest row first; then what was stored since the moment before the first page was asked for. */
const cursorSchema = z.strictObject({
  form: z.literal('fasten'),
  /** Where the tail goes on. */
  tail: z.string(),
  streams: z.array(z.enum(streams)),
  /** While the pages are read: of which stream, behind which cursor and which time. */
  pages: z
    .strictObject({ stream: z.enum(streams), cursor: z.string().nullable(), since: z.string() })
    .nullable(),
  chains: chainsState,
  published: chainsState,
})
type Cursor = z.output<typeof cursorSchema>

/**
 * Takes what is new from a reader of this library. Pages of a reader neither skip nor repeat rows that were there when the first was asked for, and its tail follows in the order of
 * storing, so what both give is everything; rows that come in both are told apart by their ids. Its list of logs says how far there is to go, and
 * whether a log is shorter than before or ends otherwise, which is evidence: then all of it is read again.
 */
export async function pullFasten(run: PullRun): Promise<PullOutcome> {
  const kept = cursorSchema.safeParse(run.cursor)
  // Other streams are another question, for which no place of before counts.
  const isKept = kept.success && sameStreams(kept.data.streams, run.settings.streams)
  try {
    let cursor = isKept ? kept.data : await begin(run)
    while (cursor.pages !== null) {
      if (run.isOver()) return 'more'
      cursor = await takePage(run, cursor)
    }
    return await takeTail(run, cursor)
  } catch (error) {
    if (!(error instanceof PullError) || error.code !== 'BAD_CURSOR') throw error
    await run.commit({
      rows: [],
      refused: [changed(error.message, { cursor: run.cursor ?? null })],
      cursor: null,
    })
    return 'more'
  }
}

const sameStreams = (one: readonly StreamName[], other: readonly StreamName[]): boolean =>
  one.length === other.length && one.every((stream) => other.includes(stream))

/** The place of the tail before anything is read: what is stored from here on comes by it. */
async function begin({ ask, settings }: PullRun): Promise<Cursor> {
  const search = new URLSearchParams({ streams: settings.streams.join(',') })
  for await (const { event, data, id } of readSse(ask.chunks('/tail', search, { quietMs: 10_000 }))) {
    refuseProblem(event, data)
    if (id === undefined) continue
    const [stream = 'audit'] = settings.streams
    return {
      form: 'fasten',
      tail: id,
      streams: [...settings.streams],
      pages: { stream, cursor: null, since: '' },
      chains: {},
      published: {},
    }
  }
  throw new PullError('BAD_ANSWER', 'its tail does not say where it begins')
}

async function takePage(run: PullRun, cursor: Cursor): Promise<Cursor> {
  const { pages } = cursor
  if (pages === null) return cursor
  const search = new URLSearchParams({ order: 'oldest', limit: String(pageRows), total: 'none' })
  if (pages.cursor !== null) search.set('cursor', pages.cursor)
  const page = readTokens(await run.ask.text(`/${pages.stream}`, search))
  const found = rowsIn(page)
  const next = textOf(page, 'next_cursor') ?? null
  if (next !== null && next === pages.cursor)
    throw new PullError('BAD_ANSWER', 'it gives the same page for ever')
  const since = ascending(found, pages.since)
  const { chains, published } = chainsOf(cursor)
  const mapped = mapFastenRows(found, pages.stream, chains, published)
  // What a sweep took before we came is no hole of ours.
  if (next === null) chains.takeHoles()
  const stream = next === null ? cursor.streams[cursor.streams.indexOf(pages.stream) + 1] : pages.stream
  const moved: Cursor = {
    ...cursor,
    pages: stream === undefined ? null : { stream, cursor: next, since: next === null ? '' : since },
    chains: chains.state(),
    published: published.state(),
  }
  await run.commit({ ...mapped, cursor: moved })
  return moved
}

/** The newest time of a page whose rows come the oldest first, behind those before. Throws PullError for one that goes back: it would have no end. */
function ascending(rows: readonly Tokens[], before: string): string {
  let latest = before
  for (const row of rows) {
    const time = textOf(row, 'timestamp') ?? ''
    if (time < latest) throw new PullError('BAD_ANSWER', 'its pages do not ascend as they should')
    latest = time
  }
  return latest
}

async function takeTail(run: PullRun, cursor: Cursor): Promise<PullOutcome> {
  const told = await logsOf(run, cursor.streams)
  const { chains, published } = chainsOf(cursor)
  const was = cursor.chains
  for (const { log, size, head_hash } of told) {
    const tip = was[log]?.tip
    if (tip === undefined || size > tip[0] + 1 || (size === tip[0] + 1 && head_hash === tip[1])) continue
    const known = { log, size, head_hash, seen_seq: tip[0], seen_hash: tip[1] }
    const message =
      size <= tip[0]
        ? `it has ${size} rows of ${log}, and had more`
        : `the newest row of ${log} is another than before`
    await run.commit({ rows: [], refused: [changed(message.slice(0, 400), known)], cursor: null })
    return 'more'
  }
  const isHere = (): boolean => told.every(({ log, size }) => (chains.state()[log]?.tip[0] ?? -1) >= size - 1)
  // A reader without logs shows a ring or rows of older forms; only its tail knows what is new there.
  const areNamed = cursor.streams.every((stream) =>
    told.some(({ log }) => parseLogName(log)?.stream === stream),
  )
  if (areNamed && isHere()) return 'done'

  let place = cursor.tail
  let batch: Tokens[] = []
  const flush = async (): Promise<void> => {
    if (batch.length === 0 && place === cursor.tail) return
    const mapped = cursor.streams.map((stream) => {
      const rows = batch.filter((row) => (textOf(row, 'stream') ?? 'audit') === stream)
      return mapFastenRows(rows, stream, chains, published)
    })
    const holes = chains.takeHoles().map(missing)
    batch = []
    await run.commit({
      rows: mapped.flatMap(({ rows }) => rows),
      refused: [...mapped.flatMap(({ refused }) => refused), ...holes],
      cursor: { ...cursor, tail: place, chains: chains.state(), published: published.state() },
    })
  }
  const search = new URLSearchParams({ streams: cursor.streams.join(',') })
  const headers = { 'last-event-id': cursor.tail }
  const left = new Map(told.map(({ log, size }) => [log, size]))
  for await (const { event, data, id } of readSse(run.ask.chunks('/tail', search, { headers, quietMs }))) {
    refuseProblem(event, data)
    if (id !== undefined) place = id
    if (data === '') continue
    const row = readTokens(data)
    batch.push(row)
    const [log, seq] = [textOf(row, 'log'), numberOf(row, 'monotonic_seq') ?? -1]
    if (log !== undefined && seq + 1 >= (left.get(log) ?? Infinity)) left.delete(log)
    if (batch.length >= pageRows) {
      await flush()
      if (run.isOver()) return 'more'
    }
    // Each log is where it was when we asked: nothing is waited for.
    if (areNamed && [...left].every(([name, size]) => (was[name]?.tip[0] ?? -1) >= size - 1)) break
  }
  await flush()
  return 'done'
}

interface ToldLog {
  readonly log: string
  readonly size: number
  readonly head_hash: string
}

async function logsOf({ ask }: PullRun, of: readonly StreamName[]): Promise<readonly ToldLog[]> {
  const answer = readTokens(await ask.text('/logs', new URLSearchParams()))
  const logs = answer.get('logs')
  if (!Array.isArray(logs)) throw new PullError('BAD_ANSWER', 'it has no list of logs')
  return (logs as readonly Token[]).flatMap((each) => {
    if (!isTokens(each)) return []
    const [log, size, head_hash] = [textOf(each, 'log'), numberOf(each, 'size'), textOf(each, 'head_hash')]
    const stream = log === undefined ? undefined : parseLogName(log)?.stream
    if (log === undefined || size === undefined || head_hash === undefined || stream === undefined) return []
    return of.includes(stream) && size > 0 ? [{ log, size, head_hash }] : []
  })
}

function refuseProblem(event: string, data: string): void {
  if (event !== 'problem') return
  if (data.includes('"BAD_CURSOR"'))
    throw new PullError('BAD_CURSOR', 'its tail does not know any more where we were')
  throw new PullError('BAD_ANSWER', `its tail ends: ${printable(data)}`)
}

const chainsOf = (cursor: {
  readonly chains: ChainsState
  readonly published: ChainsState
}): {
  readonly chains: Chains
  readonly published: Chains
} => ({ chains: createChains(cursor.chains, 0), published: createChains(cursor.published, 1) })

const pageRows = 500
/** Nothing comes for so long: the tail has told what there was. */
const quietMs = 3_000
