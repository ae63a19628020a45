// SPDX-License-Identifier: Apache-2.0
import { streams, type StreamName } from 'fasten/core'
import {
  chipsToSearch,
  filterNamed,
  parsePageQuery,
  parseTailQuery,
  translate,
  type PageQuery,
  type TailQuery,
} from 'fasten/reader/remote'

/** A line of query text, understood: what each stream is asked. */
export interface Question {
  /** As it was typed, and as it is shown. */
  readonly text: string
  /** The streams whose rows can match at all. */
  readonly streams: readonly StreamName[]
  /** The newest rows of a stream; those up to a time, the newest first; or those from a time on, the oldest first. */
  page(stream: StreamName, edge?: Edge): PageQuery
  /** The rows from now on; null for a window that has ended, to which nothing can be added. */
  readonly tail: TailQuery | null
}

/** Both inclusive. */
export type Edge = { readonly until: string } | { readonly from: string }

export type Understood =
  | { readonly ok: true; readonly question: Question }
  /** `problem` is one sentence. */
  | { readonly ok: false; readonly problem: string }

/** Rows of a stream that are asked for at once. */
export const pageRows = 400

/** How far back a text is looked for when nothing says it: a search must end. */
const searchSince = '-24h'

/**
 * Reads a line of query text (spec/query.md#query-text). A filter that a stream's rows do not have leaves that stream empty; one that no stream has, or two that no row can
 * meet together, are a problem. Relative times count from `nowMicros`.
 */
export function understand(text: string, nowMicros: number): Understood {
  const search = chipsToSearch(translate(text))
  if (search.has('q') && !search.has('since')) search.set('since', searchSince)
  const names = [...search.keys()]
  const fitting = streams.filter((stream) =>
    names.every((name) => filterNamed(name)?.streams.includes(stream) ?? true),
  )
  if (fitting.length === 0)
    return { ok: false, problem: `no row has all of ${[...new Set(names)].join(', ')}` }
  const pages = new Map<StreamName, PageQuery>()
  for (const stream of fitting) {
    const parsed = parsePageQuery(search, stream, nowMicros)
    if (!parsed.ok) return { ok: false, problem: parsed.problems.map(({ detail }) => detail).join('; ') }
    pages.set(stream, { ...parsed.value, limit: pageRows, total: 'none' })
  }
  const isOver = search.has('until')
  const live = new URLSearchParams(search)
  for (const name of ['since', 'until']) live.delete(name)
  live.set('streams', fitting.join(','))
  live.set('backlog', '0')
  const tail = isOver ? undefined : parseTailQuery(live, nowMicros)
  if (tail?.ok === false) return { ok: false, problem: tail.problems.map(({ detail }) => detail).join('; ') }
  return {
    ok: true,
    question: {
      text,
      streams: fitting,
      tail: tail?.value ?? null,
      page(stream, edge) {
        const query = pages.get(stream)
        if (query === undefined) throw new TypeError(`${stream} rows cannot match ${text}`)
        const { since = '', until = '9' } = query.filter
        if (edge === undefined) return query
        // The window of the question stays closed, whatever is asked within it.
        return 'until' in edge
          ? { ...query, filter: { ...query.filter, until: edge.until < until ? edge.until : until } }
          : {
              ...query,
              order: 'oldest',
              filter: { ...query.filter, since: edge.from > since ? edge.from : since },
            }
      },
    },
  }
}

/**
 * The line with one filter set to another value, or without it when the value is empty. What else it holds stays. The filter `not` takes `field:value` and adds it to what
 * is left out; empty, nothing is left out any more.
 */
export function withFilter(text: string, name: string, value: string): string {
  if (name === 'not') return withExclusion(text, value)
  const { request_id, filters, not = [], q } = translate(text)
  const { [name]: _before, ...others } = filters
  const all = {
    ...(request_id === undefined || name === 'request_id' ? {} : { request_id }),
    ...others,
    ...(value === '' ? {} : { [name]: value }),
  }
  const words = Object.entries(all).map(([field, each]) => spelled(field, each))
  return [...words, ...not.map(excluded), ...(q === undefined ? [] : [q])].join(' ')
}

function withExclusion(text: string, value: string): string {
  const { request_id, filters, not = [], q } = translate(text)
  const all = { ...(request_id === undefined ? {} : { request_id }), ...filters }
  const kept = value === '' ? [] : [...new Set([...not, value])]
  const words = Object.entries(all).map(([field, each]) => spelled(field, each))
  return [...words, ...kept.map(excluded), ...(q === undefined ? [] : [q])].join(' ')
}

const excluded = (one: string): string => {
  const colon = one.indexOf(':')
  return `-${spelled(one.slice(0, colon), one.slice(colon + 1))}`
}

const spelled = (field: string, value: string): string =>
  `${field === 'has_flag' ? 'has' : field}:${/\s/.test(value) ? `"${value}"` : value}`
