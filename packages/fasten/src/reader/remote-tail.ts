// SPDX-License-Identifier: Apache-2.0
import { FastenError } from '../core/error.ts'
import { readJson } from '../core/read-json.ts'
import type { StreamName } from '../core/row.ts'
import { readEvents } from './event-source.ts'
import { canMatch } from './parameters.ts'
import { pause } from './pause.ts'
import { searchOfTail } from './question-search.ts'
import type { Reader, ReaderRow, TailEvent, TailQuery } from './reader.ts'
import type { RemoteCall } from './remote-call.ts'

export interface RemoteTailParts {
  readonly call: RemoteCall
  readonly page: Reader['page']
  readonly rowFrom: (value: unknown) => ReaderRow
  readonly retryMsMin: number
  readonly retryMsMax: number
  readonly pollMs: number
}

/**
 * Follows a remote reader. A connection that breaks is taken up again with the last id, so nothing is lost or repeated as long
 * as the server has its rows; only the first connection, and what the server refuses, throws. A server without live tail
 * (the published readers) is asked again and again instead.
 */
export async function* followRemote(
  query: TailQuery,
  parts: RemoteTailParts,
  signal: AbortSignal,
): AsyncGenerator<TailEvent> {
  let place = query.resume
  let isFirst = true
  let pauseMs = parts.retryMsMin
  while (!signal.aborted) {
    try {
      const answer = await connect(query, place, parts, signal)
      if (answer === undefined) {
        if (place !== undefined)
          throw new FastenError('READER_UNSUPPORTED', 'the reader has no live tail that could be resumed', {
            at: '/tail',
          })
        return yield* pollRemote(query, parts, signal)
      }
      isFirst = false
      for await (const { event, data, id } of readEvents(answer)) {
        place = id ?? place
        pauseMs = parts.retryMsMin
        if (event === 'problem') throw toldProblem(data)
        if (data !== '') yield { id: place ?? '', row: parts.rowFrom(readJson(data)) }
        else if (place !== undefined) query.onPlace?.(place)
      }
    } catch (error) {
      if (signal.aborted) return
      if (isFirst || isFinal(error)) throw error
    }
    await pause(pauseMs, signal)
    pauseMs = Math.min(pauseMs * 2, parts.retryMsMax)
  }
}

async function connect(
  query: TailQuery,
  place: string | undefined,
  { call }: RemoteTailParts,
  signal: AbortSignal,
): Promise<ReadableStream<Uint8Array> | undefined> {
  const { resume: _, backlog, ...fresh } = query
  const search = searchOfTail(
    place === undefined ? { ...fresh, ...(backlog === undefined ? {} : { backlog }) } : fresh,
  )
  const response = await call.open(
    '/tail',
    search,
    place === undefined ? {} : { 'last-event-id': place },
    signal,
  )
  return response === undefined ? undefined : (response.body ?? undefined)
}

/** What another attempt would only meet again: a refusal. Everything else may pass. */
function isFinal(error: unknown): boolean {
  return (
    error instanceof FastenError &&
    !['READER_UNREACHABLE', 'READER_BUSY', 'READER_FAILED', 'READER_BAD_ANSWER'].includes(error.code) &&
    !error.code.startsWith('STORE_')
  )
}

function toldProblem(data: string): FastenError {
  const { code, detail } = readJson(data) as { readonly code?: unknown; readonly detail?: unknown }
  return new FastenError(
    typeof code === 'string' ? code : 'READER_FAILED',
    typeof detail === 'string' ? detail : 'the tail failed',
    { at: '/tail' },
  )
}

/** Rows per look at a server without live tail: the most that readers answer. */
const pollRows = 1000

async function* pollRemote(
  query: TailQuery,
  { page, pollMs }: RemoteTailParts,
  signal: AbortSignal,
): AsyncGenerator<TailEvent> {
  const seen = new Map<StreamName, { since: string; keys: ReadonlySet<string> }>()
  for (let isFirst = true; !signal.aborted; isFirst = false) {
    for (const stream of query.streams.filter((one) => canMatch(one, query.filter))) {
      const known = seen.get(stream)
      const backlog = query.backlog ?? 0
      const limit = isFirst ? Math.max(backlog, 1) : pollRows
      const { rows } = await page(
        {
          stream,
          filter: { ...query.filter, ...(known === undefined ? {} : { since: known.since }) },
          limit,
          total: 'none',
        },
        signal,
      )
      const fresh = rows.filter((row) => known?.keys.has(keyOf(row)) !== true).toReversed()
      const newest = rows[0]?.timestamp
      if (newest !== undefined) {
        // Rows of the newest instant come again with the next look, and are known by then.
        const keys = new Set(rows.filter(({ timestamp }) => timestamp === newest).map(keyOf))
        seen.set(stream, {
          since: newest,
          keys: known?.since === newest ? new Set([...known.keys, ...keys]) : keys,
        })
      }
      for (const row of isFirst ? fresh.slice(fresh.length - Math.min(backlog, fresh.length)) : fresh)
        yield { id: keyOf(row), row }
    }
    await pause(pollMs, signal)
  }
}

/** Rows of the published sys and api streams have no id. */
const keyOf = (row: ReaderRow): string => row.id ?? JSON.stringify(row)
