// SPDX-License-Identifier: Apache-2.0
import { isRequestId } from '../core/ids.ts'
import { streams, type StreamName } from '../core/row.ts'
import { formatMicros } from '../core/timestamp.ts'
import { positionOfCursor } from './cursor.ts'
import { eventStream } from './event-stream.ts'
import { exportText, exportTypes, textStream, type ExportFormat } from './export.ts'
import { filterNamed, filterParameters, searchTextMax, steering, type Parameter } from './parameters.ts'
import { problem, queryProblem, type Problem } from './problem.ts'
import {
  filterFrom, inapplicable, pageParameters, parsePageQuery, parseParameters, parseTailQuery, parseVerifyRange, streamsFrom,
  tailParameters, verifyParameters, type ParameterSet, type ParameterValues,
} from './query.ts'
import type { PageQuery, Reader, ReaderRow } from './reader.ts'
import { mapStreams } from './thread.ts'

/** One request on its way through an endpoint. */
export interface Call {
  readonly request: Request
  /** Already narrowed to the caller's tenant where there is one. */
  readonly reader: Reader
  readonly search: URLSearchParams
  /** The part of the path that an endpoint with `{id}` names. */
  readonly id: string
  readonly nowMicros: number
  readonly services: Services
}

/** What endpoints share. */
export interface Services {
  readonly isSearchEnabled: boolean
  readonly heartbeatMs: number
  readonly tailLifetimeMsMax: number
  /** Takes a place for a long answer; undefined when all are taken. */
  readonly takeTail: () => (() => void) | undefined
  readonly takeExport: () => (() => void) | undefined
  readonly problemOf: (error: unknown) => Problem
  readonly openapi: () => unknown
}

export type Answer =
  | { readonly json: unknown; readonly rows?: number }
  | { readonly problem: Problem; readonly headers?: Readonly<Record<string, string>> }
  | { readonly response: Response }

export interface Endpoint {
  /** Below the mount point; `{id}` stands for one segment. */
  readonly path: string
  /** Name in the OpenAPI document and for the authorize hook. */
  readonly operation: string
  readonly summary: string
  readonly set: ParameterSet
  /** Name of the answer's schema (answer-schemas.ts), by media type. */
  readonly answers: Readonly<Record<string, string>>
  /** Statuses it answers beyond those of every endpoint. */
  readonly also?: readonly number[]
  readonly run: (call: Call) => Promise<Answer>
}

const everyFilter: readonly Parameter[] = filterParameters
const json = (schema: string): Readonly<Record<string, string>> => ({ 'application/json': schema })
const withDefault = (parameter: Parameter, kind: Parameter['kind'], summary = parameter.summary): Parameter => ({ ...parameter, kind, summary })

const correlateSet: ParameterSet = { parameters: [named('request_id'), steering.limit], required: ['request_id'] }
const threadSet: ParameterSet = {
  parameters: [named('request_id'), withDefault(steering.limit, { type: 'integer', min: 1, max: 1000, default: 1000 }, 'How many rows of each stream at most.')],
  required: ['request_id'],
}
const searchSet: ParameterSet = {
  parameters: [
    withDefault(named('q'), { type: 'text', lengthMax: searchTextMax }, 'Case-insensitive substring of the row as JSON text.'),
    named('since'), named('until'), named('tenant_id'), named('service_id'), named('source_node_id'),
    withDefault(steering.streams, { type: 'streams', default: ['sys'] }, 'Comma-separated subset of audit, sys and api; sys unless said otherwise.'),
    withDefault(steering.limit, { type: 'integer', min: 1, max: 200, default: 50 }, 'How many matches of each stream at most.'),
  ],
  required: ['q', 'since'],
}
const topologySet: ParameterSet = { parameters: [named('since'), named('until')] }
const placeSet: ParameterSet = { parameters: [named('log'), steering.monotonic_seq], required: ['log', 'monotonic_seq'] }
const exportSet: ParameterSet = {
  parameters: [
    steering.stream, steering.format, ...everyFilter, steering.order,
    withDefault(steering.limit, { type: 'integer', min: 1, max: Number.MAX_SAFE_INTEGER }, 'How many rows at most; all when absent.'),
  ],
}
const nothing: ParameterSet = { parameters: [] }

/** Every endpoint. The router, the OpenAPI document and the documentation read this table. */
export const endpoints: readonly Endpoint[] = [
  ...streams.map((stream): Endpoint => ({
    path: `/${stream}`,
    operation: `list${stream.charAt(0).toUpperCase()}${stream.slice(1)}`,
    summary: `A page of ${stream} rows, the newest first.`,
    set: pageParameters(stream),
    answers: json(`${stream}Page`),
    run: (call) => runPage(call, stream),
  })),
  {
    path: '/correlate', operation: 'correlate', set: correlateSet, answers: json('correlation'),
    summary: 'The rows of one request, by stream, each the newest first.', run: runCorrelate,
  },
  {
    path: '/thread', operation: 'thread', set: threadSet, answers: json('thread'),
    summary: 'The rows of one request, all streams in one list, the oldest first.', run: runThread,
  },
  {
    path: '/search', operation: 'search', set: searchSet, answers: json('searchResult'), also: [403],
    summary: 'Rows that contain a text, within a time window.', run: runSearch,
  },
  {
    path: '/topology', operation: 'topology', set: topologySet, answers: json('topology'),
    summary: 'Which nodes and services the rows come from, the busiest first.', run: runTopology,
  },
  {
    path: '/audit/doctor', operation: 'doctor', set: nothing, answers: json('doctor'),
    summary: 'The health of the audit pipeline: store, queue, rings, chain.', run: async ({ reader, search, nowMicros }) => {
      const parsed = parseParameters(search, nothing, nowMicros)
      return parsed.ok ? { json: await reader.doctor() } : { problem: queryProblem(parsed.problems) }
    },
  },
  {
    path: '/verify', operation: 'verify', set: verifyParameters, answers: json('verdict'),
    summary: 'Recomputes leaves, columns, hashes and links, and says PASS, FAIL or INCOMPLETE.', run: runVerify,
  },
  {
    path: '/logs', operation: 'listLogs', set: nothing, answers: json('logs'),
    summary: 'Every log with its size and the hash of its newest row.', run: async ({ reader, search, nowMicros }) => {
      const parsed = parseParameters(search, nothing, nowMicros)
      return parsed.ok ? { json: { logs: await reader.logs() } } : { problem: queryProblem(parsed.problems) }
    },
  },
  {
    path: '/row', operation: 'rowByPlace', set: placeSet, answers: json('row'), also: [404],
    summary: 'The row at a place of a log.', run: runRowByPlace,
  },
  {
    path: '/row/{id}', operation: 'rowById', set: nothing, answers: json('row'), also: [404],
    summary: 'The row with this id.', run: runRowById,
  },
  {
    path: '/tail', operation: 'tail', set: tailParameters, answers: { 'text/event-stream': 'row' }, also: [503],
    summary: 'New rows as server-sent events; `Last-Event-ID` continues without loss.', run: runTail,
  },
  {
    path: '/export', operation: 'export', set: exportSet, also: [503],
    answers: { 'application/x-ndjson': 'row', 'text/csv': 'csv' },
    summary: 'All rows that match, as one file: a snapshot of the moment it was asked for.', run: runExport,
  },
  {
    path: '/openapi.json', operation: 'openapi', set: nothing, answers: json('openapi'),
    summary: 'This document.', run: async ({ services }) => ({ json: services.openapi() }),
  },
]

async function runPage({ reader, search, nowMicros, request }: Call, stream: StreamName): Promise<Answer> {
  const parsed = parsePageQuery(search, stream, nowMicros)
  if (!parsed.ok) return { problem: queryProblem(parsed.problems) }
  const page = await reader.page(parsed.value, request.signal)
  return {
    rows: page.rows.length,
    json: {
      rows: page.rows,
      total: page.total,
      total_kind: page.total_kind,
      limit: parsed.value.limit,
      offset: parsed.value.offset ?? 0,
      next_cursor: page.next_cursor,
      next_after: positionOfCursor(page.next_cursor),
      completeness: { [stream]: page.completeness },
    },
  }
}

async function runCorrelate({ reader, search, nowMicros, request }: Call): Promise<Answer> {
  const parsed = parseParameters(search, correlateSet, nowMicros)
  if (!parsed.ok) return { problem: queryProblem(parsed.problems) }
  const thread = await reader.thread(String(parsed.value['request_id']), limitOf(parsed.value, 100), request.signal)
  const newestFirst = thread.rows.toReversed()
  return {
    rows: thread.rows.length,
    json: {
      request_id: thread.request_id,
      ...mapStreams((stream) => newestFirst.filter((row) => row.stream === stream)),
      counts: thread.counts,
      totals: thread.totals,
      truncated: thread.truncated,
      completeness: thread.completeness,
    },
  }
}

async function runThread({ reader, search, nowMicros, request }: Call): Promise<Answer> {
  const parsed = parseParameters(search, threadSet, nowMicros)
  if (!parsed.ok) return { problem: queryProblem(parsed.problems) }
  const thread = await reader.thread(String(parsed.value['request_id']), limitOf(parsed.value, 1000), request.signal)
  return { rows: thread.rows.length, json: thread }
}

async function runSearch({ reader, search, nowMicros, request, services }: Call): Promise<Answer> {
  if (!services.isSearchEnabled) return { problem: problem(403, 'SEARCH_DISABLED', 'text search is switched off on this reader') }
  const parsed = parseParameters(search, searchSet, nowMicros)
  if (!parsed.ok) return { problem: queryProblem(parsed.problems) }
  const asked = streamsFrom(parsed.value, ['sys'])
  const limit = limitOf(parsed.value, 50)
  const matches: unknown[] = []
  const counts: Partial<Record<StreamName, number>> = {}
  const truncated: Partial<Record<StreamName, boolean>> = {}
  const completeness: Partial<Record<StreamName, string>> = {}
  const errors: Partial<Record<StreamName, string>> = {}
  let failure: unknown
  for (const stream of asked) {
    try {
      const page = await reader.page({ stream, filter: filterFrom(parsed.value), limit, total: 'none' }, request.signal)
      matches.push(...page.rows.map((row) => ({ stream, request_id: row.request_id, ts: row.timestamp, summary: summaryOf(row), row })))
      counts[stream] = page.rows.length
      truncated[stream] = page.next_cursor !== null
      completeness[stream] = page.completeness
    } catch (error) {
      failure = error
      errors[stream] = services.problemOf(error).detail
    }
  }
  // One stream that cannot be read is named beside the others; when none can be, that is the answer.
  if (Object.keys(errors).length === asked.length) throw failure
  return { rows: matches.length, json: { matches, counts, truncated, completeness, ...(failure === undefined ? {} : { errors }) } }
}

async function runTopology({ reader, search, nowMicros }: Call): Promise<Answer> {
  const parsed = parseParameters(search, topologySet, nowMicros)
  if (!parsed.ok) return { problem: queryProblem(parsed.problems) }
  const { since, until } = filterFrom(parsed.value)
  const sources = await reader.topology(since, until)
  const distinct = (values: readonly (string | null)[]): number => new Set(values.filter((value) => value !== null)).size
  return {
    json: {
      sources,
      nodes: distinct(sources.map((source) => source.source_node_id)),
      services: distinct(sources.map((source) => source.service_id)),
      tenants: distinct(sources.map((source) => source.tenant_id)),
    },
  }
}

async function runVerify({ reader, search, nowMicros, request }: Call): Promise<Answer> {
  const parsed = parseVerifyRange(search, nowMicros)
  if (!parsed.ok) return { problem: queryProblem(parsed.problems) }
  return { json: await reader.verify(parsed.value, request.signal) }
}

async function runRowByPlace({ reader, search, nowMicros }: Call): Promise<Answer> {
  const parsed = parseParameters(search, placeSet, nowMicros)
  if (!parsed.ok) return { problem: queryProblem(parsed.problems) }
  const [log, monotonic_seq] = [String(parsed.value['log']), Number(parsed.value['monotonic_seq'])]
  const row = await reader.row({ log, monotonic_seq })
  return row === null ? noRow(`no row ${monotonic_seq} in log ${JSON.stringify(log)}`) : { rows: 1, json: row }
}

async function runRowById({ reader, search, id, nowMicros }: Call): Promise<Answer> {
  const parsed = parseParameters(search, nothing, nowMicros)
  if (!parsed.ok) return { problem: queryProblem(parsed.problems) }
  // The alphabet of request ids holds every row id there is, ours and those of other software.
  if (!isRequestId(id)) return { problem: queryProblem([{ parameter: 'id', status: 422, code: 'QUERY_VALUE', detail: 'id is not the id of a row' }]) }
  const row = await reader.row({ id })
  return row === null ? noRow(`no row with id ${id}`) : { rows: 1, json: row }
}

async function runTail({ reader, search, nowMicros, request, services }: Call): Promise<Answer> {
  const parsed = parseTailQuery(search, nowMicros, request.headers.get('last-event-id') || undefined)
  if (!parsed.ok) return { problem: queryProblem(parsed.problems) }
  const headers = { 'content-type': 'text/event-stream; charset=utf-8', 'x-accel-buffering': 'no' }
  if (request.method === 'HEAD') return { response: new Response(null, { headers }) }
  const leave = services.takeTail()
  if (leave === undefined) return tooMany('tail')
  const controller = new AbortController()
  const onAbort = (): void => controller.abort()
  const onEnd = (): void => {
    request.signal.removeEventListener('abort', onAbort)
    leave()
  }
  request.signal.addEventListener('abort', onAbort, { once: true })
  try {
    // A token of another tail is refused here, before the answer has begun and a client would take it for a success.
    const tail = (onPlace: (id: string) => void) => reader.tail({ ...parsed.value, onPlace }, controller.signal)
    const { heartbeatMs, tailLifetimeMsMax: lifetimeMsMax, problemOf } = services
    const body = eventStream(tail, controller, { heartbeatMs, retryMs: 2000, lifetimeMsMax, problemOf, onEnd })
    return { response: new Response(body, { headers }) }
  } catch (error) {
    onEnd()
    throw error
  }
}

async function runExport({ reader, search, nowMicros, request, services }: Call): Promise<Answer> {
  const parsed = parseParameters(search, exportSet, nowMicros)
  if (!parsed.ok) return { problem: queryProblem(parsed.problems) }
  const values = parsed.value
  const stream = (values['stream'] ?? 'audit') as StreamName
  const format = (values['format'] ?? 'ndjson') as ExportFormat
  // The same judgement as for a page of the stream, which knows what contradicts what.
  const asPage = parsePageQuery(without(search, ['stream', 'format', 'limit']), stream, nowMicros)
  const foreign = inapplicable(search, [stream])
  if (foreign.length > 0) return { problem: queryProblem(foreign) }
  if (!asPage.ok) return { problem: queryProblem(asPage.problems) }

  const headers = {
    'content-type': exportTypes[format],
    'content-disposition': `attachment; filename="fasten-${stream}-${compact(nowMicros)}.${format}"`,
  }
  if (request.method === 'HEAD') return { response: new Response(null, { headers }) }
  const leave = services.takeExport()
  if (leave === undefined) return tooMany('export')
  const query: Omit<PageQuery, 'limit' | 'cursor' | 'total'> = {
    stream, filter: asPage.value.filter, order: values['order'] === 'newest' ? 'newest' : 'oldest',
  }
  const texts = exportText(reader, query, format, limitOf(values, Number.POSITIVE_INFINITY), request.signal)
  try {
    const first = await texts.next()
    return { response: new Response(textStream(texts, first.done === true ? '' : first.value, leave), { headers }) }
  } catch (error) {
    leave()
    throw error
  }
}

/** A filter parameter of the table, by name. */
function named(name: string): Parameter {
  const found = filterNamed(name)
  if (found === undefined) throw new TypeError(`there is no filter parameter ${name}`)
  return found
}

function limitOf(values: ParameterValues, otherwise: number): number {
  return typeof values['limit'] === 'number' ? values['limit'] : otherwise
}

function noRow(detail: string): Answer {
  return { problem: problem(404, 'ROW_NOT_FOUND', detail) }
}

function tooMany(what: string): Answer {
  return {
    problem: problem(503, 'READER_BUSY', `every place for a ${what} is taken`, { hint: 'try again shortly, or raise the limit where the reader is mounted' }),
    headers: { 'retry-after': '5' },
  }
}

/** One line that tells a row apart in a list. */
function summaryOf(row: ReaderRow): string {
  if (row.stream === 'audit') return row.code
  return row.stream === 'sys' ? row.event : `${row.method} ${row.path}`
}

function without(search: URLSearchParams, names: readonly string[]): URLSearchParams {
  return new URLSearchParams([...search].filter(([name]) => !names.includes(name)))
}

/** `20260930T081500Z`, for file names. */
function compact(nowMicros: number): string {
  return `${formatMicros(nowMicros).slice(0, 19).replaceAll(/[-:]/g, '')}Z`
}
