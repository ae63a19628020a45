// SPDX-License-Identifier: Apache-2.0
import { durationText, markOf, titleOf, toneOf, type ReaderRow } from 'fasten/reader/remote'
import type { Line, Span } from './line.ts'
import { fit, plain, widthOf } from './text.ts'

/** Where `e` stops. */
export const isError = (row: ReaderRow): boolean => toneOf(row) === 'bad'

/** What happened, as a terminal may be given it. */
export const titleText = (row: ReaderRow): string => plain(titleOf(row))

/** The short word in front, in five columns. */
export function markText(row: ReaderRow): string {
  const word = markOf(row)
  return fit(short[word] ?? plain(word), 5)
}

const short: Readonly<Record<string, string>> = { critical: 'crit', failure: 'fail', unknown: '?' }

/** There is no room for a blank before the unit. */
export const shortDuration = (micros: number): string => (micros === 0 ? '0' : durationText(micros, ''))

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
    { text: `${markText(row)} `, style: tone },
    { text: titleText(row), style: tone === 'plain' ? (isRelated ? 'strong' : 'plain') : tone },
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

/** Who and what else, of any length. */
export function moreOf(row: ReaderRow): string {
  if (row.stream === 'audit') {
    const words = [row.actor ?? 'sealed', ...(row.target === '' ? [] : ['→', row.target ?? 'sealed'])]
    return plain(`${words.join(' ')}${row.reason === undefined ? '' : ` (${row.reason})`}`)
  }
  if (row.stream === 'sys') return plain(pairs(row.fields))
  if (row.detail !== undefined) return '(by fasten)'
  return plain(`${shortDuration(row.duration_us)}${row.error === undefined ? '' : ` ${row.error}`}`)
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
