// SPDX-License-Identifier: Apache-2.0
import { durationText } from 'fasten/reader/remote'
import { secondsSince } from './age.ts'

/** How a node stands, as the server tells it (docs/guides/fleet.md). */
export interface NodeFacts {
  readonly node_id: string
  readonly source_node_id: string
  readonly service_id: string | null
  readonly tenants: readonly string[] | 'all'
  readonly software: string | null
  readonly revoked_at: string | null
  readonly last_seen_at: string | null
  readonly silent_after_s: number
  readonly clock: { readonly offset_ms: number; readonly bound_ms: number | null } | null
  readonly spool: { readonly rows: number; readonly bytes: number; readonly bytes_max: number | null } | null
  readonly lag: { readonly rows: number; readonly seconds: number }
  readonly chain: 'forked' | 'rolled_back' | 'refused' | 'silent' | 'pass' | 'empty'
  readonly alarms: readonly string[]
  readonly logs: readonly LogFacts[]
}

export interface LogFacts {
  readonly log: string
  readonly node_size: number | null
  readonly size: number
  readonly signed_size: number
  readonly lag_rows: number
  readonly lag_seconds: number
  readonly chain: 'pass' | 'forked' | 'empty'
}

export interface AlarmFacts {
  readonly alarm_id: number
  readonly kind: string
  readonly subject: string
  readonly node_id: string | null
  readonly raised_at: string
  readonly cleared_at: string | null
  readonly acknowledged_at: string | null
  readonly acknowledged_by: string | null
  readonly detail: { readonly message: string }
}

/** How a node is to be looked at: `bad` needs somebody now, `warn` soon. */
export type Standing = 'good' | 'warn' | 'bad' | 'off'

export function standingOf({ revoked_at, chain, alarms, lag }: NodeFacts): Standing {
  if (revoked_at !== null) return 'off'
  if (chain === 'forked' || chain === 'rolled_back') return 'bad'
  if (chain === 'refused' || chain === 'silent' || alarms.length > 0 || lag.seconds > 60) return 'warn'
  return 'good'
}

/** How often a node says how it is; it does from the day on which it ships by itself. */
const statusS = 30

/**
 * Whether a node has been quiet for longer than it usually is: three times it was to say how it is and did not. One that never did, because its
 * rows are handed in by a program, is late when the server calls it silent.
 */
export function isLate(
  { last_seen_at, software, silent_after_s, revoked_at }: NodeFacts,
  nowMicros: number,
): boolean {
  if (revoked_at !== null || last_seen_at === null) return false
  const after = software === null ? silent_after_s : Math.min(silent_after_s, 3 * statusS)
  return secondsSince(last_seen_at, nowMicros) > after
}

/** What is here of all logs of a node, and how much of it the node has signed. */
export function rowsOf({ logs }: Pick<NodeFacts, 'logs'>): {
  readonly rows: number
  readonly signed: number
} {
  return {
    rows: logs.reduce((sum, { size }) => sum + size, 0),
    signed: logs.reduce((sum, { signed_size }) => sum + signed_size, 0),
  }
}

/** How all of them stand, in one line: those that need somebody, those that are quiet, and what is here of theirs. */
export function fleetWords(nodes: readonly NodeFacts[], nowMicros: number): string {
  const needing = nodes.filter((each) => ['bad', 'warn'].includes(standingOf(each)))
  const late = nodes.filter((each) => !needing.includes(each) && isLate(each, nowMicros))
  const rows = nodes.reduce((sum, each) => sum + rowsOf(each).rows, 0)
  const behind = nodes.reduce((sum, { lag }) => sum + lag.rows, 0)
  return [
    `${nodes.length} ${nodes.length === 1 ? 'node' : 'nodes'}`,
    ...(needing.length > 0 ? [`${needing.length} to look at`] : []),
    ...(late.length > 0 ? [`${late.length} quiet`] : []),
    ...(needing.length + late.length === 0 ? ['all as they should be'] : []),
    `${rows.toLocaleString('en')} ${rows === 1 ? 'row' : 'rows'} here`,
    ...(behind > 0 ? [`${behind.toLocaleString('en')} on their way`] : []),
  ].join(' · ')
}

const order: readonly Standing[] = ['bad', 'warn', 'good', 'off']

/** Those that need somebody first; by name among equals. */
export const byNeed = (nodes: readonly NodeFacts[]): readonly NodeFacts[] =>
  nodes.toSorted(
    (a, b) =>
      order.indexOf(standingOf(a)) - order.indexOf(standingOf(b)) ||
      (a.source_node_id < b.source_node_id ? -1 : a.source_node_id > b.source_node_id ? 1 : 0),
  )

/** The words for a chain's state. */
export const chainWords: Readonly<Record<NodeFacts['chain'], string>> = {
  pass: 'holds',
  empty: 'no rows yet',
  silent: 'silent',
  refused: 'rows refused',
  rolled_back: 'went back',
  forked: 'forked',
}

/** A clock's offset: the middle of where it may be, and how far that is from either end. It is at least `offset_ms`, and more by at most `bound_ms`. */
export function clockText(clock: NodeFacts['clock']): string {
  if (clock === null) return '–'
  const { offset_ms, bound_ms } = clock
  const middle = offset_ms + (bound_ms ?? 0) / 2
  const sign = middle < 0 ? '−' : '+'
  const bound = bound_ms === null ? '' : ` ± ${durationText(Math.ceil(bound_ms * 500))}`
  return `${sign}${durationText(Math.round(Math.abs(middle) * 1000))}${bound}`
}

/** Bytes in the unit that leaves at most four digits. */
export function bytesText(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let value = bytes
  let unit = 0
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000
    unit++
  }
  return `${Number(value.toPrecision(3))} ${units[unit]}`
}
