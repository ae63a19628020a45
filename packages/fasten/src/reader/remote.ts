// SPDX-License-Identifier: Apache-2.0
import { FastenError } from '../core/error.ts'
import { streams, type StreamName, type VerificationState } from '../core/row.ts'
import { formatMicros, parseTime } from '../core/timestamp.ts'
import type { Verdict } from '../core/verdict.ts'
import type { ListedLog, SourceSummary } from '../store/ports.ts'
import { encodeAfter } from './cursor.ts'
import { canMatch } from './parameters.ts'
import { searchOfPage } from './question-search.ts'
import type {
  Completeness,
  DoctorReport,
  ExpiredRow,
  Page,
  PageQuery,
  Reader,
  ReaderRow,
  Thread,
} from './reader.ts'
import { createRemoteCall, withoutExclusion, type JsonBody, type RemoteCallOptions } from './remote-call.ts'
import { followRemote } from './remote-tail.ts'
import { mapStreams, mergeThread, threadLimitMax } from './thread.ts'

export interface RemoteReaderOptions extends RemoteCallOptions {
  /** How long to wait before a broken tail is taken up again, default 500 ms, doubling up to `retryMsMax`, default 15,000. */
  readonly retryMsMin?: number
  readonly retryMsMax?: number
  /** Asks for personal values, which needs the permission `audit:disclose` there. Default false. Tails show none. */
  readonly discloses?: boolean
  /** How often a server without live tail is asked again, default 2,000 ms. */
  readonly pollMs?: number
}

/**
 * A reader over another reader's HTTP API, ours or that of a published SDK. Pure: it runs in a browser too. The states of rows
 * are the server's word; where it gives none, a row with a hash is `chained` and one without is `ring`.
 *
 * Throws FastenError: `READER_UNREACHABLE` when there is no connection, `UNAUTHENTICATED` and `FORBIDDEN`, `READER_BAD_ANSWER` for
 * what is no answer of a reader, `READER_UNSUPPORTED` for what an older server does not have, and the server's own codes.
 */
export function remoteReader(options: RemoteReaderOptions): Reader {
  const call = createRemoteCall(options)
  const { retryMsMin = 500, retryMsMax = 15_000, pollMs = 2000 } = options
  const disclosing = (search: URLSearchParams): URLSearchParams => {
    if (options.discloses === true) search.set('disclose', 'true')
    return search
  }
  const reader: Reader = {
    async page(query, signal) {
      const isPossible = canMatch(query.stream, query.filter)
      // The server refuses a filter that no row of the stream can pass; here, as everywhere, it is merely an empty page.
      const asked: PageQuery = isPossible
        ? query
        : { stream: query.stream, filter: {}, limit: 1, total: 'none' }
      const search = searchOfPage(asked)
      if (query.stream === 'audit') disclosing(search)
      const page = pageFrom(await call.json(`/${query.stream}`, search, signal), asked)
      return isPossible ? page : { ...page, rows: [], next_cursor: null, total: 0, total_kind: 'exact' }
    },
    async thread(requestId, limit = threadLimitMax, signal) {
      const search = new URLSearchParams({ request_id: requestId, limit: String(limit) })
      const body = await call.jsonOrNone('/thread', disclosing(new URLSearchParams(search)), signal)
      return body === undefined
        ? threadOfCorrelation(await call.json('/correlate', search, signal), requestId)
        : threadFrom(body)
    },
    async row(ref) {
      const [path, search] =
        'id' in ref
          ? [`/row/${encodeURIComponent(ref.id)}`, new URLSearchParams()]
          : ['/row', new URLSearchParams({ log: ref.log, monotonic_seq: String(ref.monotonic_seq) })]
      const body = await call.jsonOrNone(path, disclosing(search), undefined, 'ROW_NOT_FOUND')
      if (body === undefined) return null
      return body['verification'] === 'expired' ? (body as unknown as ExpiredRow) : rowFrom(body)
    },
    tail: (query, signal) =>
      followRemote(query, { call, page: reader.page, rowFrom, retryMsMin, retryMsMax, pollMs }, signal),
    async verify(range, signal, trust) {
      if (trust !== undefined)
        throw new FastenError('BAD_TARGET', `the verdict of ${options.url} is that machine's word`, {
          hint: 'keys and kept checkpoints count where the rows are read: verify the store itself, or proofs and exports from it',
        })
      const given = Object.entries(range).flatMap(([name, value]) =>
        value === undefined ? [] : [[name, String(value)] as [string, string]],
      )
      const body = await call.json('/verify', new URLSearchParams(given), signal)
      if (!['PASS', 'FAIL', 'INCOMPLETE'].includes(String(body['verdict'])))
        throw badAnswer('there is no verdict in it')
      return body as unknown as Verdict
    },
    async logs() {
      return listIn(await call.json('/logs', new URLSearchParams()), 'logs') as readonly ListedLog[]
    },
    async topology(since, until) {
      const search = new URLSearchParams({
        ...(since === undefined ? {} : { since }),
        ...(until === undefined ? {} : { until }),
      })
      return listIn(await call.json('/topology', search), 'sources') as readonly SourceSummary[]
    },
    async doctor() {
      const body = await call.json('/audit/doctor', new URLSearchParams())
      if (typeof body['store'] !== 'object' || typeof body['chain'] !== 'object')
        throw badAnswer('it is no report of a doctor')
      return body as unknown as DoctorReport
    },
    close: async () => call.close(),
  }
  return reader
}

function pageFrom(body: JsonBody, { stream, filter, limit, order }: PageQuery): Page {
  softError(body)
  const rows = listIn(body, 'rows').map((row) => rowFrom(row, stream))
  const isOurs = body['total_kind'] !== undefined
  // The published readers pass over a parameter that they do not know, and would show the very rows that are to be left out.
  if (!isOurs && filter.not !== undefined) throw withoutExclusion(`/${stream}`)
  if (!isOurs && order === 'oldest')
    throw new FastenError('READER_UNSUPPORTED', 'the reader only lists the newest rows first', {
      at: `/${stream}`,
    })
  const total = typeof body['total'] === 'number' ? body['total'] : null
  return {
    rows,
    next_cursor:
      typeof body['next_cursor'] === 'string'
        ? body['next_cursor']
        : isOurs || rows.length < limit
          ? null
          : cursorOfAfter(body['next_after']),
    total,
    total_kind:
      total === null
        ? 'unknown'
        : body['total_kind'] === 'at_least' || body['total_kind'] === 'estimated'
          ? body['total_kind']
          : 'exact',
    completeness: completenessIn(body, stream),
  }
}

function threadFrom(body: JsonBody): Thread {
  softError(body)
  const thread = body as unknown as Thread
  return { ...thread, rows: listIn(body, 'rows').map((row) => rowFrom(row)) }
}

/** The published readers answer by stream, the newest first. */
function threadOfCorrelation(body: JsonBody, requestId: string): Thread {
  softError(body)
  const byStream = mapStreams((stream) => listIn(body, stream).map((row) => rowFrom(row, stream)))
  const of = (name: string, stream: StreamName): unknown =>
    (body[name] as Readonly<Record<string, unknown>> | undefined)?.[stream]
  return {
    request_id: requestId,
    rows: mergeThread(streams.flatMap((stream) => byStream[stream])),
    counts: mapStreams((stream) => byStream[stream].length),
    totals: mapStreams((stream) => {
      const total = of('totals', stream)
      return typeof total === 'number' ? total : null
    }),
    truncated: mapStreams((stream) => of('truncated', stream) === true),
    completeness: mapStreams((stream) => completenessIn(body, stream)),
  }
}

/** A row as the server shows it, with what ours has and others lack. */
function rowFrom(value: unknown, stream?: StreamName): ReaderRow {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw badAnswer('a row in it is no object')
  const row = value as Readonly<Record<string, unknown>>
  const hash = typeof row['hash'] === 'string' && row['hash'] !== '' ? row['hash'] : null
  const said = row['verification']
  return {
    ...row,
    ...(row['stream'] === undefined && stream !== undefined ? { stream } : {}),
    timestamp: canonicalTime(row['timestamp']),
    hash,
    verification: isState(said) ? said : hash === null ? 'ring' : 'chained',
  } as unknown as ReaderRow
}

const isState = (value: unknown): value is VerificationState =>
  value === 'verified' || value === 'chained' || value === 'broken' || value === 'ring'

/** The published SDKs write times of several widths, which do not sort as text. */
function canonicalTime(value: unknown): string {
  const text = typeof value === 'string' ? value : ''
  const micros = parseTime(text, 0)
  return micros === undefined ? text : formatMicros(micros)
}

function completenessIn(body: JsonBody, stream: StreamName): Completeness {
  const said = (body['completeness'] as Readonly<Record<string, unknown>> | undefined)?.[stream]
  return said === 'ring' || said === 'store-degraded' ? said : 'store'
}

const cursorOfAfter = (after: unknown): string | null =>
  Number.isSafeInteger(after) ? encodeAfter(after as number) : null

/** The published readers answer 200 with `error` when they could not do what was asked. */
function softError(body: JsonBody): void {
  if (typeof body['error'] === 'string')
    throw new FastenError('READER_UNSUPPORTED', `the reader could not answer: ${body['error']}`)
}

function listIn(body: JsonBody, name: string): readonly unknown[] {
  const list = body[name]
  if (!Array.isArray(list)) throw badAnswer(`it has no list of ${name}`)
  return list
}

function badAnswer(why: string): FastenError {
  return new FastenError('READER_BAD_ANSWER', `the answer is not that of a reader: ${why}`, {
    hint: 'check that the URL is that of a mounted reader',
  })
}
