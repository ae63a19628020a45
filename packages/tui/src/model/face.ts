// SPDX-License-Identifier: Apache-2.0
import type { ReaderRow } from 'fasten/reader/remote'
import type { Line, Span, Style } from './line.ts'
import { fit, plain, widthOf } from './text.ts'

/** How bad a row is, in steps that every stream has. */
export function toneOf(row: ReaderRow): Style {
  if (row.stream === 'api') return row.status >= 500 ? 'bad' : row.status >= 400 ? 'warn' : 'plain'
  const word = row.stream === 'audit' ? row.severity : row.level
  if (word === 'error' || word === 'critical' || word === 'fatal') return 'bad'
  if (row.stream === 'audit' && row.outcome === 'failure') return 'bad'
  if (word === 'warn' || (row.stream === 'audit' && row.outcome !== 'success')) return 'warn'
  return word === 'debug' ? 'quiet' : 'plain'
}

/** Where `e` stops. */
export const isError = (row: ReaderRow): boolean => toneOf(row) === 'bad'

/** What happened, in a few words: a code, an event, or a verb and a path. */
export function titleOf(row: ReaderRow): string {
  if (row.stream === 'audit') return plain(row.code)
  if (row.stream === 'sys') return plain(row.event)
  // Rows of the store have the shape of an access, and are none.
  return plain(row.detail === undefined ? `${row.method} ${row.path}` : row.path.slice(1))
}

/** The short word in front: severity or what came out, level, or status. */
export function markOf(row: ReaderRow): string {
  if (row.stream === 'api') return String(row.status)
  if (row.stream === 'sys') return plain(row.level)
  const word = row.outcome === 'success' ? row.severity : row.outcome
  return short[word] ?? plain(word)
}

const short: Readonly<Record<string, string>> = { critical: 'crit', failure: 'fail', unknown: '?' }

/** A row as one line of a pane: when, how bad, what, who and what else; as much of it as fits. The request's id stands at the end while there is room. */
export function rowLine(row: ReaderRow, columns: number, related: string | undefined): Line {
  const tone = toneOf(row)
  const isRelated = related !== undefined && row.request_id === related
  const id = plain(row.request_id)
  const idSpan: Span = { text: ` ${fit(id, idColumns)}`, style: isRelated ? 'strong' : 'quiet' }
  const hasId = columns >= columnsForId
  const body: Span[] = [
    {
      text:
        columns >= columnsForTime ? plain(row.timestamp.slice(11, 23)) : plain(row.timestamp.slice(11, 19)),
      style: 'quiet',
    },
    broken(row),
    { text: `${fit(markOf(row), 5)} `, style: tone },
    { text: titleOf(row), style: tone === 'plain' ? (isRelated ? 'strong' : 'plain') : tone },
  ]
  const more = moreOf(row)
  if (more !== '') body.push({ text: ` ${more}`, style: 'quiet' })
  return { spans: [...fitted(body, columns - (hasId ? idColumns + 1 : 0)), ...(hasId ? [idSpan] : [])] }
}

const idColumns = 12
const columnsForId = 64
const columnsForTime = 50

/** The one state that must not be overlooked. */
const broken = (row: ReaderRow): Span =>
  row.verification === 'broken' ? { text: '✗', style: 'bad' } : { text: ' ' }

function fitted(spans: readonly Span[], columns: number): readonly Span[] {
  const kept: Span[] = []
  let room = columns
  for (const [index, span] of spans.entries()) {
    const isLast = index === spans.length - 1
    if (room <= 0) break
    const text = isLast || widthOf(span.text) > room ? fit(span.text, room) : span.text
    kept.push({ ...span, text })
    room -= widthOf(text)
  }
  return kept
}

function moreOf(row: ReaderRow): string {
  if (row.stream === 'audit') {
    const words = [row.actor ?? 'sealed', ...(row.target === '' ? [] : ['→', row.target ?? 'sealed'])]
    return plain(`${words.join(' ')}${row.reason === undefined ? '' : ` (${row.reason})`}`)
  }
  if (row.stream === 'sys') return plain(pairs(row.fields))
  if (row.detail !== undefined) return '(by fasten)'
  return plain(`${durationText(row.duration_us)}${row.error === undefined ? '' : ` ${row.error}`}`)
}

/** No line shows more of a value than this; the whole is in the detail. */
const pairsMax = 300

function pairs(members: Readonly<Record<string, unknown>>): string {
  let text = ''
  for (const [name, value] of Object.entries(members)) {
    text += `${text === '' ? '' : ' '}${name}=${typeof value === 'string' ? value.slice(0, pairsMax) : JSON.stringify(value)}`
    if (text.length > pairsMax) break
  }
  return text.slice(0, pairsMax)
}

/** Microseconds as people say them, in three digits. */
export function durationText(micros: number): string {
  if (micros < 1000) return `${Math.round(micros)}µs`
  if (micros < 1_000_000) return `${Number((micros / 1000).toPrecision(3))}ms`
  if (micros < 120_000_000) return `${Number((micros / 1_000_000).toPrecision(3))}s`
  return `${Math.round(micros / 60_000_000)}min`
}
