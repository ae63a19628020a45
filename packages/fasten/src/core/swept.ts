// SPDX-License-Identifier: Apache-2.0
import { builtinDomain } from './builtin-codes.ts'
import { ownBootPrefix } from './emission.ts'
import type { JsonObject } from './row.ts'

/** Rows of one log and class that one sweep has taken away: all of `runs`, which ascend and do not touch. */
export interface Swept {
  readonly log: string
  readonly from: number
  readonly to: number
  /** The retention class of the rows; `sys` or `api` for rows of those streams. */
  readonly class: string
  readonly count: number
  readonly policy_hash: string
  readonly runs: readonly SweptRun[]
}

/** First and last number, inclusive. */
export type SweptRun = readonly [from: number, to: number]

/** The facts of `RETENTION_SWEPT` and `DISCLOSURES_SWEPT`. `places` names the rows where they are not all of `from` to `to`. Source: spec/chain.md#expired-rows. */
export function sweptFacts({ log, from, to, class: of, count, policy_hash, runs }: Swept): JsonObject {
  return {
    class: of,
    count,
    from,
    log,
    ...(runs.length === 1 ? {} : { places: placesText(runs) }),
    policy_hash,
    to,
  }
}

/** The runs of ascending numbers. */
export function runsOf(seqs: Iterable<number>): readonly SweptRun[] {
  const runs: [number, number][] = []
  for (const seq of seqs) addToRuns(runs, seq)
  return runs
}

/** Adds a number that is larger than all in `runs`. */
export function addToRuns(runs: [from: number, to: number][], seq: number): void {
  const last = runs.at(-1)
  if (last !== undefined && last[1] === seq - 1) last[1] = seq
  else runs.push([seq, seq])
}

/**
 * What a row says was swept before it: rows, or by `code` the personal values of their details. Undefined when it is no such row of
 * the store, or says what cannot be: places that do not ascend, lie outside `from` to `to` or at or behind the row itself, or are
 * not as many as `count`.
 */
export function sweptBy(row: unknown, code: SweepCode = sweptCode): Swept | undefined {
  if (!isRecord(row)) return undefined
  const { boot_id, log: home, monotonic_seq: seq } = row
  if (typeof boot_id !== 'string' || !boot_id.startsWith(ownBootPrefix) || !isSweep(row, code))
    return undefined
  const facts = row['stream'] === 'sys' ? row['fields'] : row['detail']
  const swept = isRecord(facts) && facts['log'] === home ? sweptIn(facts) : undefined
  return swept !== undefined && typeof seq === 'number' && swept.to < seq ? swept : undefined
}

function sweptIn(facts: Readonly<Record<string, unknown>>): Swept | undefined {
  const { log, from, to, class: of, count, policy_hash, places } = facts
  if (typeof of !== 'string' || typeof policy_hash !== 'string') return undefined
  if (!isPlace(from) || !isPlace(to) || from > to) return undefined
  const runs = places === undefined ? [[from, to] as const] : parsePlaces(places)
  if (runs === undefined || runs[0]?.[0] !== from || runs.at(-1)?.[1] !== to) return undefined
  const rows = runs.reduce((sum, [first, last]) => sum + last - first + 1, 0)
  return rows === count ? { log: String(log), from, to, class: of, count, policy_hash, runs } : undefined
}

/**
 * Which rows of another store's log a row says were let go in the store that keeps a copy of that log: its facts are those of a sweep, and it lies in
 * a log that this store writes itself, as whoever asks has to know. Undefined when it is no such row. Source: spec/chain.md#expired-rows.
 */
export function replicaSweptBy(row: unknown): Swept | undefined {
  if (!isRecord(row) || row['stream'] !== 'audit' || row['code'] !== replicaSweptCode) return undefined
  const facts = row['detail']
  return isRecord(facts) && facts['log'] !== row['log'] ? sweptIn(facts) : undefined
}

function isSweep(row: Readonly<Record<string, unknown>>, code: SweepCode): boolean {
  if (row['stream'] === 'sys') return row['event'] === code && row['logger'] === builtinDomain
  if (row['stream'] === 'api') return row['path'] === `/${code}`
  return row['code'] === code && row['domain'] === builtinDomain
}

/** Says that rows were swept. */
export const sweptCode = 'RETENTION_SWEPT'
/** Says that the personal values of the details of rows were swept; the rows stay. */
export const disclosuresSweptCode = 'DISCLOSURES_SWEPT'
/** Says, in a log of a store that keeps copies, that rows of another store's log were let go there. */
export const replicaSweptCode = 'REPLICA_SWEPT'
export type SweepCode = typeof sweptCode | typeof disclosuresSweptCode

/** Whether a personal value is one of those that leave a row with `pii_in_detail` on the clock of the class `short`. */
export const isInDetail = (pointer: string): boolean =>
  pointer === '/detail' || pointer.startsWith('/detail/')

const placesText = (runs: readonly SweptRun[]): string =>
  runs.map(([from, to]) => (from === to ? String(from) : `${from}-${to}`)).join(',')

/** `3,5-9,12`: ascending, none twice. */
function parsePlaces(text: unknown): readonly SweptRun[] | undefined {
  if (typeof text !== 'string' || !/^\d{1,15}(?:-\d{1,15})?(?:,\d{1,15}(?:-\d{1,15})?)*$/.test(text))
    return undefined
  let before = -1
  const runs: SweptRun[] = []
  for (const part of text.split(',')) {
    const [from = 0, to = from] = part.split('-').map(Number)
    if (from <= before || to < from) return undefined
    before = to
    runs.push([from, to])
  }
  return runs
}

const isPlace = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0
const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
