// SPDX-License-Identifier: Apache-2.0
import type { ReaderRow } from './reader.ts'

/** How bad a row is, in four steps that every stream has. */
export type Tone = 'plain' | 'quiet' | 'warn' | 'bad'

/** `bad` for what failed, `warn` for what did not simply succeed, `quiet` for what only a developer looks for. */
export function toneOf(row: ReaderRow): Tone {
  if (row.stream === 'api') return row.status >= 500 ? 'bad' : row.status >= 400 ? 'warn' : 'plain'
  const word = row.stream === 'audit' ? row.severity : row.level
  const outcome = row.stream === 'audit' ? row.outcome : 'success'
  if (word === 'error' || word === 'critical' || word === 'fatal' || outcome === 'failure') return 'bad'
  if (word === 'warn' || outcome !== 'success') return 'warn'
  return word === 'debug' ? 'quiet' : 'plain'
}

/** What happened, in a few words: a code, an event, or a verb and a path. As the row has it, so not safe for a terminal. */
export function titleOf(row: ReaderRow): string {
  if (row.stream === 'audit') return row.code
  if (row.stream === 'sys') return row.event
  // Rows of the store have the shape of an access, and are none.
  return row.detail === undefined ? `${row.method} ${row.path}` : row.path.slice(1)
}

/** The short word in front: what came out, or the severity of what succeeded; a level; a status. */
export function markOf(row: ReaderRow): string {
  if (row.stream === 'api') return String(row.status)
  if (row.stream === 'sys') return row.level
  return row.outcome === 'success' ? row.severity : row.outcome
}

/** Microseconds as people compare them: three digits. `between` stands before the unit. */
export function durationText(micros: number, between = ' '): string {
  if (micros < 1000) return `${Math.round(micros)}${between}µs`
  if (micros < 1_000_000) return `${Number((micros / 1000).toPrecision(3))}${between}ms`
  if (micros < 120_000_000) return `${Number((micros / 1_000_000).toPrecision(3))}${between}s`
  return `${Math.round(micros / 60_000_000)}${between}min`
}
