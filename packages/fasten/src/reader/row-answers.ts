// SPDX-License-Identifier: Apache-2.0
import { isRequestId } from '../core/ids.ts'
import type { StreamName } from '../core/row.ts'
import { positionOfCursor } from './cursor.ts'
import { limitIn, type Answer, type Call, type Endpoint } from './endpoint.ts'
import { problem, queryProblem } from './problem.ts'
import { filterFrom, parsePageQuery, streamsFrom, type ParameterValues } from './query.ts'
import type { ReaderRow } from './reader.ts'
import { mapStreams } from './thread.ts'

export function answerPage(stream: StreamName): Endpoint['run'] {
  return async ({ reader, search, nowMicros, request }) => {
    const parsed = parsePageQuery(search, stream, nowMicros)
    if (!parsed.ok) return { problem: queryProblem(parsed.problems) }
    const page = await reader.page(parsed.value, request.signal)
    return {
      rows: page.rows.length,
      shown: page.rows,
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
}

/** The published readers' view of a thread: one list for each stream, the newest first. */
export async function answerCorrelate(values: ParameterValues, { reader, request }: Call): Promise<Answer> {
  const thread = await reader.thread(String(values['request_id']), limitIn(values, 100), request.signal)
  const { request_id, counts, totals, truncated, completeness } = thread
  const newestFirst = thread.rows.toReversed()
  const byStream = mapStreams((stream) => newestFirst.filter((row) => row.stream === stream))
  return {
    rows: thread.rows.length,
    json: { request_id, ...byStream, counts, totals, truncated, completeness },
  }
}

export async function answerThread(values: ParameterValues, { reader, request }: Call): Promise<Answer> {
  const thread = await reader.thread(String(values['request_id']), limitIn(values, 1000), request.signal)
  return { rows: thread.rows.length, shown: thread.rows, json: thread }
}

export async function answerSearch(
  values: ParameterValues,
  { reader, request, services }: Call,
): Promise<Answer> {
  if (!services.isSearchEnabled) {
    return { problem: problem(403, 'SEARCH_DISABLED', 'text search is switched off on this reader') }
  }
  const asked = streamsFrom(values, ['sys'])
  const matches: unknown[] = []
  const counts: Partial<Record<StreamName, number>> = {}
  const truncated: Partial<Record<StreamName, boolean>> = {}
  const completeness: Partial<Record<StreamName, string>> = {}
  const errors: Partial<Record<StreamName, string>> = {}
  let failure: unknown
  for (const stream of asked) {
    try {
      const query = { stream, filter: filterFrom(values), limit: limitIn(values, 50), total: 'none' } as const
      const page = await reader.page(query, request.signal)
      matches.push(...page.rows.map((row) => match(row)))
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
  const told = failure === undefined ? {} : { errors }
  return { rows: matches.length, json: { matches, counts, truncated, completeness, ...told } }
}

export async function answerRowByPlace(values: ParameterValues, { reader }: Call): Promise<Answer> {
  const [log, monotonic_seq] = [String(values['log']), Number(values['monotonic_seq'])]
  const row = await reader.row({ log, monotonic_seq })
  return row === null
    ? noRow(`no row ${monotonic_seq} in log ${JSON.stringify(log)}`)
    : { rows: 1, shown: [row], json: row }
}

export async function answerRowById(_values: ParameterValues, { reader, id }: Call): Promise<Answer> {
  // The alphabet of request ids holds every row id there is, ours and those of other software.
  if (!isRequestId(id)) {
    const detail = 'id is not the id of a row'
    return { problem: queryProblem([{ parameter: 'id', status: 422, code: 'QUERY_VALUE', detail }]) }
  }
  const row = await reader.row({ id })
  return row === null ? noRow(`no row with id ${id}`) : { rows: 1, shown: [row], json: row }
}

function noRow(detail: string): Answer {
  return { problem: problem(404, 'ROW_NOT_FOUND', detail) }
}

function match(row: ReaderRow): unknown {
  return { stream: row.stream, request_id: row.request_id, ts: row.timestamp, summary: summaryOf(row), row }
}

/** One line that tells a row apart in a list. */
function summaryOf(row: ReaderRow): string {
  if (row.stream === 'audit') return row.code
  return row.stream === 'sys' ? row.event : `${row.method} ${row.path}`
}
