// SPDX-License-Identifier: Apache-2.0
import { readJson } from 'fasten/core'
import type { Pool } from 'pg'
import { quantile } from '../duration-sketch.ts'
import {
  addMeasure,
  addStored,
  emptyMeasure,
  type Exemplar,
  type Measure,
  type StoredMeasure,
} from '../measure.ts'
import { isoOf, tiers } from '../tiers.ts'
import { Problem } from '../../web/problem.ts'
import type { AnsweredRange } from './range.ts'

export const redNames = ['tenant', 'service', 'node', 'route', 'method'] as const
export type RedName = (typeof redNames)[number]

export interface RedAsked {
  readonly range: AnsweredRange
  readonly step: number | undefined
  readonly groupBy: readonly RedName[]
  readonly filters: Readonly<Partial<Record<RedName, readonly string[] | undefined>>>
}

/** Counts and sums are exact; durations at a percentile are within 1 % of one that occurred there. Microseconds. */
export interface RedNumbers {
  readonly requests: number
  /** Answered 5xx. */
  readonly errors: number
  /** Answered 4xx. */
  readonly client_errors: number
  readonly requests_per_s: number
  readonly error_share: number | null
  /** As text: it may be more than a number holds. */
  readonly sum_us: string
  readonly max_us: number
  readonly p50_us: number | null
  readonly p95_us: number | null
  readonly p99_us: number | null
}

export interface RedGroup extends RedNumbers {
  readonly group: Readonly<Partial<Record<RedName, string>>>
  readonly exemplars: { readonly slowest: Exemplar | null; readonly latest_error: Exemplar | null }
  readonly steps?: readonly (RedNumbers & { readonly at: string })[]
}

export interface RedAnswer {
  readonly total: RedGroup
  /** Those with most requests first. */
  readonly groups: readonly RedGroup[]
  /** By service, method and route, without steps; those with most requests first. */
  readonly routes: readonly RedGroup[]
}

/** Buckets that one answer is merged from at most: some seconds of work, and some hundred megabytes. */
const bucketsMax = 200_000

/** Throws `Problem` 422 where the answer would be merged from too many buckets. The connection shows what whoever asks may see. */
export async function askRed(sql: Pick<Pool, 'query'>, asked: RedAsked): Promise<RedAnswer> {
  const { range, step, groupBy } = asked
  const total = createTally()
  const groups = new Map<string, Tally>()
  const routes = new Map<string, Tally>()
  for (const row of await bucketsOf(sql, asked)) {
    const at = step === undefined ? undefined : Number(row.at) - (Number(row.at) % step)
    total.add(row, at)
    tallyIn(groups, groupBy, row).add(row, at)
    tallyIn(routes, routeNames, row).add(row, undefined)
  }
  const seconds = range.until - range.since
  const about = { seconds, steps: step === undefined ? undefined : { ...range, step } }
  return {
    total: total.numbers({}, about),
    groups: numbersByGroup(groups, groupBy, about),
    routes: numbersByGroup(routes, routeNames, { seconds, steps: undefined }),
  }
}

const routeNames = ['service', 'route', 'method'] as const

function tallyIn(tallies: Map<string, Tally>, names: readonly RedName[], row: BucketRow): Tally {
  const key = JSON.stringify(names.map((name) => row[name]))
  const known = tallies.get(key)
  if (known !== undefined) return known
  const tally = createTally()
  tallies.set(key, tally)
  return tally
}

function numbersByGroup(
  tallies: ReadonlyMap<string, Tally>,
  names: readonly RedName[],
  about: About,
): readonly RedGroup[] {
  return [...tallies]
    .map(([key, tally]) => {
      const values = readJson(key) as string[]
      return {
        key,
        numbers: tally.numbers(Object.fromEntries(names.map((name, i) => [name, values[i] ?? ''])), about),
      }
    })
    .sort((a, b) => b.numbers.requests - a.numbers.requests || (a.key < b.key ? -1 : 1))
    .map(({ numbers }) => numbers)
}

type BucketRow = StoredMeasure &
  Readonly<Record<RedName, string>> & { readonly at: string; readonly status_class: number }

async function bucketsOf(
  sql: Pick<Pool, 'query'>,
  { range, filters }: RedAsked,
): Promise<readonly BucketRow[]> {
  const values: unknown[] = []
  const given = (value: unknown): string => `$${values.push(value)}`
  const stretches = range.stretches.map(
    ({ tier, from, to }) =>
      `(f.tier = ${tiers[tier]} AND f.at >= ${given(isoOf(from))} AND f.at < ${given(isoOf(to))})`,
  )
  const wanted = redNames.flatMap((name) => {
    const those = filters[name]
    return those === undefined ? [] : [`s.${name} = ANY (${given(those)}::text[])`]
  })
  const { rows } = await sql.query<BucketRow>(
    `SELECT extract(epoch FROM f.at)::bigint AS at, ${redNames.map((name) => `s.${name}`).join(', ')}, f.status_class, f.requests, f.sum_us,
      f.max_us, f.sketch, f.slowest, f.latest
    FROM fleet_red f JOIN fleet_red_series s USING (series_id)
    WHERE ${[`(${stretches.join(' OR ') || 'false'})`, ...wanted].join(' AND ')} LIMIT ${bucketsMax + 1}`,
    values,
  )
  if (rows.length > bucketsMax)
    throw new Problem(
      422,
      'TOO_MUCH_TO_MERGE',
      `the answer would be made of more than ${bucketsMax} buckets`,
      {
        hint: 'ask for a shorter range, wider steps, or with a filter',
      },
    )
  return rows
}

interface About {
  readonly seconds: number
  readonly steps: { readonly since: number; readonly until: number; readonly step: number } | undefined
}

/** What is known of one group, in all and by step, apart by class of status. */
function createTally() {
  const steps = new Map<number, Measure[]>()
  const all: Measure[] = []
  const into = (measures: Measure[], row: BucketRow): void => {
    addStored((measures[row.status_class] ??= emptyMeasure()), row)
  }
  return {
    add(row: BucketRow, at: number | undefined): void {
      into(all, row)
      if (at === undefined) return
      let measures = steps.get(at)
      if (measures === undefined) steps.set(at, (measures = []))
      into(measures, row)
    },
    numbers(group: RedGroup['group'], { seconds, steps: asked }: About): RedGroup {
      const whole = merged(all)
      const numbers = numbersOf(all, whole, seconds)
      const exemplars = { slowest: whole.slowest ?? null, latest_error: whole.latest ?? null }
      if (asked === undefined) return { group, ...numbers, exemplars }
      const each: (RedNumbers & { at: string })[] = []
      for (let at = asked.since; at < asked.until; at += asked.step) {
        const own = steps.get(at) ?? []
        each.push({ at: isoOf(at), ...numbersOf(own, merged(own), asked.step) })
      }
      return { group, ...numbers, exemplars, steps: each }
    },
  }
}

type Tally = ReturnType<typeof createTally>

function merged(measures: readonly (Measure | undefined)[]): Measure {
  const whole = emptyMeasure()
  for (const measure of measures) if (measure !== undefined) addMeasure(whole, measure)
  return whole
}

function numbersOf(classes: readonly (Measure | undefined)[], whole: Measure, seconds: number): RedNumbers {
  const errors = classes[5]?.requests ?? 0
  return {
    requests: whole.requests,
    errors,
    client_errors: classes[4]?.requests ?? 0,
    requests_per_s: whole.requests / seconds,
    error_share: whole.requests === 0 ? null : errors / whole.requests,
    sum_us: String(whole.sumUs),
    max_us: whole.maxUs,
    p50_us: quantile(whole.sketch, 0.5),
    p95_us: quantile(whole.sketch, 0.95),
    p99_us: quantile(whole.sketch, 0.99),
  }
}
