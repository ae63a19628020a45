// SPDX-License-Identifier: Apache-2.0
import { durationText, markOf, titleOf, toneOf, type ReaderRow, type Tone } from 'fasten/reader/remote'

/** What a row shows in a list. */
export interface RowFace {
  /** What happened: a code, an event, or a verb and a path. */
  readonly title: string
  /** The short word in front: severity, level or status. */
  readonly mark: string
  readonly tone: Tone
  /** Who, where the row says so. */
  readonly who: string | null
  /** What else fits into a line: a target, fields of a log line, a duration. */
  readonly more: string
}

export function rowFace(row: ReaderRow): RowFace {
  return { title: titleOf(row), mark: markOf(row), tone: toneOf(row), ...restOf(row) }
}

function restOf(row: ReaderRow): Pick<RowFace, 'who' | 'more'> {
  switch (row.stream) {
    case 'audit':
      return { who: textOf(row.actor), more: textOf(row.target) ?? '' }
    case 'sys':
      return { who: null, more: fieldsLine(row.fields) }
    case 'api':
      return { who: textOf(row.actor), more: durationText(row.duration_us) }
  }
}

/** A personal member is an object that commits to its value: shown as what it is, never as a value. */
const textOf = (value: unknown): string | null =>
  typeof value === 'string' ? value : value === undefined ? null : 'sealed'

const fieldsLine = (fields: Readonly<Record<string, unknown>>): string =>
  Object.entries(fields)
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(' ')
    .slice(0, 400)
