// SPDX-License-Identifier: Apache-2.0
import type { StreamName } from '../core/row.ts'
import { formatMicros } from '../core/timestamp.ts'
import { limitIn, type Answer, type Call } from './endpoint.ts'
import { eventStream } from './event-stream.ts'
import { exportText, exportTypes, textStream, type ExportFormat } from './export.ts'
import { problem, queryProblem } from './problem.ts'
import { inapplicable, parsePageQuery, parseTailQuery, type ParameterValues } from './query.ts'
import type { PageQuery, TailEvent } from './reader.ts'

export async function answerTail({ reader, search, nowMicros, request, services }: Call): Promise<Answer> {
  const parsed = parseTailQuery(search, nowMicros, request.headers.get('last-event-id') || undefined)
  if (!parsed.ok) return { problem: queryProblem(parsed.problems) }
  const headers = {
    'content-type': 'text/event-stream; charset=utf-8',
    // Proxies and compressing middleware would hold rows back until enough of them have come.
    'cache-control': 'no-store, no-transform',
    'x-accel-buffering': 'no',
  }
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
  if (request.signal.aborted) onAbort()
  try {
    // A token of another tail is refused here, before the answer has begun and a client would take it for a success.
    const tail = (onPlace: (id: string) => void): AsyncIterable<TailEvent> =>
      reader.tail({ ...parsed.value, onPlace }, controller.signal)
    const { heartbeatMs, tailLifetimeMsMax: lifetimeMsMax, problemOf } = services
    const body = eventStream(tail, controller, {
      heartbeatMs,
      retryMs: 2000,
      lifetimeMsMax,
      problemOf,
      onEnd,
    })
    return { response: new Response(body, { headers }) }
  } catch (error) {
    onEnd()
    throw error
  }
}

export async function answerExport(
  values: ParameterValues,
  { reader, search, nowMicros, request, services }: Call,
): Promise<Answer> {
  const stream = (values['stream'] ?? 'audit') as StreamName
  const format = (values['format'] ?? 'ndjson') as ExportFormat
  const foreign = inapplicable(search, [stream])
  if (foreign.length > 0) return { problem: queryProblem(foreign) }
  // The same judgement as for a page of the stream, which knows what contradicts what.
  const asPage = parsePageQuery(without(search, ['stream', 'format', 'limit']), stream, nowMicros)
  if (!asPage.ok) return { problem: queryProblem(asPage.problems) }

  const headers = {
    'content-type': exportTypes[format],
    'content-disposition': `attachment; filename="fasten-${stream}-${compact(nowMicros)}.${format}"`,
  }
  if (request.method === 'HEAD') return { response: new Response(null, { headers }) }
  const leave = services.takeExport()
  if (leave === undefined) return tooMany('export')
  const order = values['order'] === 'newest' ? 'newest' : 'oldest'
  const query: Omit<PageQuery, 'limit' | 'cursor' | 'total'> = { stream, filter: asPage.value.filter, order }
  const texts = exportText(reader, query, format, limitIn(values, Number.POSITIVE_INFINITY), request.signal)
  try {
    const first = await texts.next()
    const body = textStream(texts, first.done === true ? undefined : first.value, leave)
    return { response: new Response(body, { headers }) }
  } catch (error) {
    leave()
    throw error
  }
}

function tooMany(what: string): Answer {
  const hint = 'try again shortly, or raise the limit where the reader is mounted'
  return {
    problem: problem(503, 'READER_BUSY', `every place for a ${what} is taken`, { hint }),
    headers: { 'retry-after': '5' },
  }
}

function without(search: URLSearchParams, names: readonly string[]): URLSearchParams {
  return new URLSearchParams([...search].filter(([name]) => !names.includes(name)))
}

/** `20260930T081500Z`, for file names. */
function compact(nowMicros: number): string {
  return `${formatMicros(nowMicros).slice(0, 19).replaceAll(/[-:]/g, '')}Z`
}
