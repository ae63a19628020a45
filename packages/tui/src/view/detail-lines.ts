// SPDX-License-Identifier: Apache-2.0
import { jsonLine } from 'fasten/core'
import { toneOf, type ReaderRow } from 'fasten/reader/remote'
import { blank, line, type Line, type Span, type Style } from '../model/line.ts'
import { fit, plain, widthOf, wrap } from '../model/text.ts'

/** What stands above the rest, in this order, where a row has it. */
const first: readonly string[] = [
  'timestamp',
  'code',
  'event',
  'method',
  'path',
  'status',
  'severity',
  'level',
  'outcome',
  'actor',
  'on_behalf_of',
  'target',
  'reason',
  'error',
  'request_id',
  'caused_by',
]
/** Then the place in the log: what is cited. */
const place: readonly string[] = ['log', 'monotonic_seq', 'hash', 'prev_hash']

const meanings: Readonly<Record<string, readonly [string, Style]>> = {
  verified: ['verified for this answer: hash, link and columns hold', 'good'],
  chained: ['chained; not recomputed here, v verifies', 'plain'],
  broken: ['BROKEN: what is stored is not what was hashed', 'bad'],
  ring: ['in memory only, never hashed', 'warn'],
}

/** Everything about a row: every member on lines of its own, nested ones by their path, and what may be said of its proof. */
export function detailLines(row: ReaderRow, columns: number): readonly Line[] {
  const members = Object.entries(row).filter(([name]) => name !== 'verification')
  const rank = ([name]: readonly [string, unknown]): number => {
    if (first.includes(name)) return first.indexOf(name)
    return place.includes(name) ? 50 + place.indexOf(name) : 100
  }
  const pairs = members.toSorted((a, b) => rank(a) - rank(b)).flatMap(([name, value]) => flat(name, value))
  const nameColumns = Math.min(
    Math.floor(columns / 3),
    pairs.reduce((most, [name]) => Math.max(most, widthOf(name)), 0),
  )
  const [meaning, style] = meanings[row.verification] ?? ['a state that this version does not know', 'warn']
  return [
    ...entry('verification', meaning, nameColumns, columns, style),
    ...pairs.flatMap(([name, value]) =>
      entry(
        name,
        value,
        nameColumns,
        columns,
        name === 'severity' || name === 'level' || name === 'status' ? toneOf(row) : 'plain',
      ),
    ),
    blank,
    ...wrap(plain(jsonLine(row)), columns).map((text) => line({ text, style: 'quiet' })),
  ]
}

function entry(
  name: string,
  value: string,
  nameColumns: number,
  columns: number,
  style: Style,
): readonly Line[] {
  const names = wrap(name, Math.max(1, nameColumns))
  const values = wrap(value, Math.max(1, columns - nameColumns - 2))
  const count = Math.max(names.length, values.length)
  return Array.from({ length: count }, (_, index): Line => {
    const spans: readonly Span[] = [
      { text: `${fit(names[index] ?? '', nameColumns)}  `, style: 'quiet' },
      { text: values[index] ?? '', style },
    ]
    return { spans }
  })
}

/** How deep a value is taken apart; what lies deeper is one line of JSON. */
const depthMax = 6

function flat(name: string, value: unknown, depth = 0): readonly (readonly [string, string])[] {
  const label = plain(name)
  if (typeof value === 'string') return lines(label, value)
  if (typeof value !== 'object' || value === null || depth === depthMax)
    return [[label, plain(jsonLine(value))]]
  const members = Object.entries(value)
  if (members.length === 0) return [[label, Array.isArray(value) ? '[]' : '{}']]
  return members.flatMap(([member, each]) => flat(`${name}.${member}`, each, depth + 1))
}

/** A text that has lines, such as a stack, keeps them. */
function lines(label: string, text: string): readonly (readonly [string, string])[] {
  return text.split('\n').map((each, index) => [index === 0 ? label : '', plain(each)])
}
