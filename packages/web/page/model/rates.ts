// SPDX-License-Identifier: Apache-2.0
import { parseTime } from 'fasten/core'

/** By what requests are counted apart. */
export const rateNames = ['tenant', 'service', 'node', 'method', 'route'] as const
export type RateName = (typeof rateNames)[number]

/** What the dashboard looks at; all of it stands in the address. */
export interface RateView {
  readonly since: string
  readonly until: string | null
  readonly only: Readonly<Partial<Record<RateName, string>>>
  /** Beside the same time of the day before. */
  readonly isCompared: boolean
}

export function readRateView(search: string): RateView {
  const given = new URLSearchParams(search)
  const only = rateNames.flatMap((name) => {
    const value = given.get(name)
    return value === null ? [] : [[name, value] as const]
  })
  return {
    since: given.get('since') ?? '-1h',
    until: given.get('until'),
    only: Object.fromEntries(only),
    isCompared: given.get('compare') === '1',
  }
}

export function writeRateView({ since, until, only, isCompared }: RateView): string {
  const search = new URLSearchParams()
  if (since !== '-1h') search.set('since', since)
  if (until !== null) search.set('until', until)
  for (const name of rateNames) {
    const value = only[name]
    if (value !== undefined) search.set(name, value)
  }
  if (isCompared) search.set('compare', '1')
  return search.size === 0 ? '' : `?${search}`
}

/** Two instants, whole seconds since 1970. */
export interface Range {
  readonly from: number
  readonly to: number
}

/** The instants that a view means at `nowMicros`; undefined where one of its times is none. */
export function rangeOf(
  { since, until }: Pick<RateView, 'since' | 'until'>,
  nowMicros: number,
): Range | undefined {
  const from = parseTime(since, nowMicros)
  const to = until === null ? nowMicros : parseTime(until, nowMicros)
  if (from === undefined || to === undefined || from >= to) return undefined
  return { from: Math.floor(from / 1e6), to: Math.ceil(to / 1e6) }
}

const steps = [60, 300, 900, 3600, 6 * 3600, 86_400]

/** The narrowest step, in seconds, that makes no more than `pointsMax` points of the range. */
export const stepOf = ({ from, to }: Range, pointsMax: number): number =>
  steps.find((step) => (to - from) / step <= pointsMax) ?? 86_400

/** What the server answers, as far as it is shown (docs/guides/fleet-red.md). */
export interface RateNumbers {
  readonly requests: number
  readonly errors: number
  readonly client_errors: number
  readonly requests_per_s: number
  readonly error_share: number | null
  readonly p50_us: number | null
  readonly p95_us: number | null
  readonly p99_us: number | null
}

export interface RateExemplar {
  readonly request_id: string
  readonly duration_us: number
  readonly at: string
}

export interface RateGroup extends RateNumbers {
  readonly group: Readonly<Partial<Record<RateName, string>>>
  readonly exemplars: { readonly slowest: RateExemplar | null; readonly latest_error: RateExemplar | null }
  readonly steps?: readonly (RateNumbers & { readonly at: string })[]
}

export interface RateAnswer {
  readonly since: string
  readonly until: string
  readonly complete: boolean
  readonly total: RateGroup
  readonly groups: readonly RateGroup[]
  readonly groups_left: number
}

/** Lines over one row of instants: `null` where nothing was counted, so that a gap is not drawn as a zero. */
export interface Lines {
  readonly seconds: readonly number[]
  readonly values: readonly (readonly (number | null)[])[]
}

type Steps = NonNullable<RateGroup['steps']>

/** `then` is the same range of the day before, moved onto this one. Before the first request nothing was counted, which is not the same as nobody asking. */
export function linesOf(
  now: Steps,
  then: Steps | undefined,
  pick: (numbers: RateNumbers) => readonly (number | null)[],
): Lines {
  const secondOf = (at: string): number => Math.floor(Date.parse(at) / 1000)
  const before = new Map((then ?? []).map((each) => [secondOf(each.at) + 86_400, each]))
  const begins = now.findIndex(({ requests }) => requests > 0)
  const picked = now.map((each) => pick(each))
  const width = picked[0]?.length ?? 0
  const values = Array.from({ length: width }, (_, line) =>
    picked.map((each, index) => (begins < 0 || index < begins ? null : (each[line] ?? null))),
  )
  if (then !== undefined)
    values.push(
      now.map((each) => {
        const past = before.get(secondOf(each.at))
        return past === undefined ? null : (pick(past).at(-1) ?? null)
      }),
    )
  return { seconds: now.map(({ at }) => secondOf(at)), values }
}

export type SortName =
  | 'requests'
  | 'client_errors'
  | 'errors'
  | 'error_share'
  | 'p50_us'
  | 'p95_us'
  | 'p99_us'

/** By what matters, the fleet's own routes after those of the services that it is there for. */
export const sorted = (groups: readonly RateGroup[], by: SortName): readonly RateGroup[] =>
  groups.toSorted(
    (a, b) => Number(isOwn(a)) - Number(isOwn(b)) || (b[by] ?? -1) - (a[by] ?? -1) || b.requests - a.requests,
  )

/** Of the fleet itself. */
export const isOwn = ({ group }: Pick<RateGroup, 'group'>): boolean => group.service === 'fleet'

/** The top of an axis of shares: what the data needs, at least five in a hundred, so that one failure in a thousand does not look like all of them. */
export const shareTop = (max: number): number => Math.min(1, Math.max(0.05, max * 1.1))
