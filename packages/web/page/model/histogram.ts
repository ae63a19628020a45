// SPDX-License-Identifier: Apache-2.0
import { formatMicros, parseTime, type StreamName } from 'fasten/core'
import type { PageQuery, ReaderRow } from 'fasten/reader/remote'
import { rowFace } from './row-face.ts'

/** How rows of one stretch of time ended. */
export interface Bar {
  /** Where it begins, microseconds since 1970. */
  readonly at: number
  readonly plain: number
  readonly warn: number
  readonly bad: number
}

/** Two instants, microseconds since 1970; the second is not part of it. */
export interface TimeRange {
  readonly from: number
  readonly to: number
}

export interface Histogram extends TimeRange {
  readonly step: number
  /** One for each step of the range, in order. */
  readonly bars: readonly Bar[]
  /** Before this nothing was counted, since only so many rows were read; `from` where all of the window was. */
  readonly countedFrom: number
}

const ms = 1000
const second = 1_000_000
const minute = 60 * second
const hour = 60 * minute
const day = 24 * hour
const steps = [
  ...[1, 5, 10, 50, 100, 500].map((each) => each * ms),
  ...[1, 5, 10, 30].map((each) => each * second),
  ...[1, 2, 5, 10, 15, 30].map((each) => each * minute),
  ...[1, 2, 3, 6, 12].map((each) => each * hour),
  ...[1, 2, 7, 14, 30, 90, 365, 3650].map((each) => each * day),
]
const barsMax = 96

/** The narrowest step that makes no more than 96 bars of the range, and is no narrower than `stepMin`. */
export const stepFor = ({ from, to }: TimeRange, stepMin = 0): number =>
  steps.find((step) => step >= stepMin && (to - from) / step <= barsMax - 1) ?? (to - from) / barsMax

/** The window that a question asks for; undefined where it has no beginning. */
export function rangeOfFilter(filter: PageQuery['filter'], nowMicros: number): TimeRange | undefined {
  if (filter.since === undefined) return undefined
  const from = parseTime(filter.since, nowMicros)
  const to = filter.until === undefined ? nowMicros : parseTime(filter.until, nowMicros)
  return from === undefined || to === undefined || to <= from ? undefined : { from, to: to + 1 }
}

/** Rows counted one by one. `isWhole` says that these are all the rows of the range. */
export function histogramOfRows(rows: readonly ReaderRow[], range: TimeRange, isWhole: boolean): Histogram {
  const told = rows.map((row) => ({ at: parseTime(row.timestamp, 0) ?? 0, tone: rowFace(row).tone }))
  const oldest = told.reduce((least, { at }) => Math.min(least, at), range.to)
  return histogram(
    range,
    stepFor(range),
    told.map(({ at, tone }) => ({
      at,
      plain: tone === 'plain' || tone === 'quiet' ? 1 : 0,
      warn: tone === 'warn' ? 1 : 0,
      bad: tone === 'bad' ? 1 : 0,
    })),
    isWhole ? range.from : oldest,
  )
}

/** Numbers that a fleet has counted, of steps no wider than `step`. */
export const histogramOfCounts = (counts: readonly Bar[], range: TimeRange, step: number): Histogram =>
  histogram(range, step, counts, range.from)

function histogram(range: TimeRange, step: number, counts: readonly Bar[], countedFrom: number): Histogram {
  const first = Math.floor(range.from / step)
  const bars = Array.from({ length: Math.max(1, Math.ceil(range.to / step) - first) }, (_, index) => ({
    at: (first + index) * step,
    plain: 0,
    warn: 0,
    bad: 0,
  }))
  for (const { at, plain, warn, bad } of counts) {
    const bar = bars[Math.floor(at / step) - first]
    if (bar === undefined) continue
    bar.plain += plain
    bar.warn += warn
    bar.bad += bad
  }
  return { ...range, step, bars, countedFrom }
}

/** What is asked of `/metrics/codes` or `/metrics/red` for the same numbers, where these can tell rows apart by all that the question names. */
export interface CountQuestion {
  readonly path: '/api/v1/metrics/codes' | '/api/v1/metrics/red'
  readonly search: Readonly<Record<string, string>>
  readonly step: number
}

const countable: Readonly<Partial<Record<StreamName, Readonly<Record<string, string>>>>> = {
  audit: { tenant_id: 'tenant', service_id: 'service', code: 'code', outcome: 'outcome' },
  api: { tenant_id: 'tenant', service_id: 'service', source_node_id: 'node', method: 'method' },
}

/** Undefined for what was not counted: system logs, prefixes, words, and windows that are short beside a minute. */
export function countQuestionOf({ stream, filter }: PageQuery, range: TimeRange): CountQuestion | undefined {
  const named = countable[stream]
  const { since: _since, until: _until, ...asked } = filter
  if (named === undefined || range.to - range.from < 10 * minute) return undefined
  const search: Record<string, string> = {}
  for (const [member, value] of Object.entries(asked)) {
    if (value === undefined) continue
    const name = named[member]
    if (name === undefined || typeof value !== 'string' || value.endsWith('*')) return undefined
    search[name] = value
  }
  const step = stepFor(range, minute)
  return {
    path: stream === 'audit' ? '/api/v1/metrics/codes' : '/api/v1/metrics/red',
    search: {
      ...search,
      since: formatMicros(range.from),
      until: formatMicros(range.to),
      step: String(step / second),
      ...(stream === 'audit' ? { group_by: 'outcome' } : {}),
    },
    step,
  }
}

/** What `/metrics/codes` and `/metrics/red` answer, as far as it is counted here. */
export interface CountAnswer {
  readonly groups: readonly {
    readonly group: { readonly outcome?: string }
    readonly steps?: readonly { readonly at: string; readonly rows: number }[]
  }[]
  readonly total?: {
    readonly steps?: readonly {
      readonly at: string
      readonly requests: number
      readonly errors: number
      readonly client_errors: number
    }[]
  }
}

export function countsIn({ groups, total }: CountAnswer): readonly Bar[] {
  const at = (text: string): number => parseTime(text, 0) ?? 0
  if (total?.steps !== undefined)
    return total.steps.map(({ at: text, requests, errors, client_errors }) => ({
      at: at(text),
      plain: requests - errors - client_errors,
      warn: client_errors,
      bad: errors,
    }))
  return groups.flatMap(({ group: { outcome }, steps: own = [] }) =>
    own.map(({ at: text, rows }) => ({
      at: at(text),
      plain: outcome === 'failure' || outcome === 'denied' ? 0 : rows,
      warn: outcome === 'denied' ? rows : 0,
      bad: outcome === 'failure' ? rows : 0,
    })),
  )
}

/** The window of the bars from one place to another, both included and in either order, as times that an address can say. */
export function windowOfBars(
  { bars, step, from, to }: Histogram,
  one: number,
  other: number,
): { readonly since: string; readonly until: string } {
  const begin = bars[Math.min(one, other)]?.at ?? from
  const end = (bars[Math.max(one, other)]?.at ?? to) + step
  return { since: formatMicros(Math.max(begin, from)), until: formatMicros(Math.min(end, to) - 1) }
}
