// SPDX-License-Identifier: Apache-2.0
import type { ReaderRow } from 'fasten/reader/remote'

/** How bad it is, in four steps that every stream has. */
export type Tone = 'plain' | 'quiet' | 'warn' | 'bad'

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
  if (row.stream === 'audit') {
    const isBad = row.severity === 'error' || row.severity === 'critical' || row.outcome === 'failure'
    const isOdd = row.severity === 'warn' || row.outcome === 'denied'
    return {
      title: row.code,
      mark: row.outcome === 'success' ? row.severity : row.outcome,
      tone: isBad ? 'bad' : isOdd ? 'warn' : row.severity === 'debug' ? 'quiet' : 'plain',
      who: textOf(row.actor),
      more: textOf(row.target) ?? '',
    }
  }
  if (row.stream === 'sys') {
    const { level } = row
    return {
      title: row.event,
      mark: level,
      tone:
        level === 'error' || level === 'fatal'
          ? 'bad'
          : level === 'warn'
            ? 'warn'
            : level === 'debug'
              ? 'quiet'
              : 'plain',
      who: null,
      more: fieldsLine(row.fields),
    }
  }
  const { status } = row
  return {
    title: `${row.method} ${row.path}`,
    mark: String(status),
    tone: status >= 500 ? 'bad' : status >= 400 ? 'warn' : 'plain',
    who: textOf(row.actor),
    more: durationText(row.duration_us),
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

/** Three digits are as many as anybody compares. */
export function durationText(micros: number): string {
  if (micros < 1000) return `${micros} µs`
  if (micros < 1_000_000) return `${Number((micros / 1000).toPrecision(3))} ms`
  if (micros < 120_000_000) return `${Number((micros / 1_000_000).toPrecision(3))} s`
  return `${Math.round(micros / 60_000_000)} min`
}
