// SPDX-License-Identifier: Apache-2.0
import type { Pool } from 'pg'
import { countUpTo } from '../duration-sketch.ts'
import {
  addMeasure,
  addStored,
  emptyMeasure,
  type Exemplar,
  type Measure,
  type StoredMeasure,
} from '../measure.ts'
import { secondOf, tiers } from '../tiers.ts'
import { Problem } from '../../web/problem.ts'
import type { Family, Sample } from './family.ts'

/** What one scrape may be made of. A scraper that wants more asks by tenant or service, which keep to their own. */
const seriesMax = 20_000

export interface ExposedFilters {
  readonly tenant: readonly string[] | undefined
  readonly service: readonly string[] | undefined
}

/**
 * Counters of everything since the fleet began, over all nodes: requests by class of status, a histogram of durations, and audit rows by code. A
 * counter that stood still for as long as counters are kept is gone, as that of an application that ended is.
 *
 * Throws `Problem` 422 for more than 20,000 series.
 */
export async function redFamilies(
  sql: Pick<Pool, 'query'>,
  { tenant, service }: ExposedFilters,
): Promise<readonly Family[]> {
  const filter = (values: unknown[]): string =>
    Object.entries({ tenant, service })
      .flatMap(([name, those]) =>
        those === undefined ? [] : [` AND s.${name} = ANY ($${values.push(those)}::text[])`],
      )
      .join('')
  const values: unknown[] = []
  const { rows } = await sql.query<StoredMeasure & Labels & { readonly status_class: number }>(
    `SELECT s.tenant, s.service, s.route, s.method, f.status_class, f.requests, f.sum_us, f.max_us, f.sketch, f.slowest, f.latest
      FROM fleet_red f JOIN fleet_red_series s USING (series_id) WHERE f.tier = ${tiers.ever}${filter(values)} LIMIT ${seriesMax + 1}`,
    values,
  )
  const codeValues: unknown[] = []
  const { rows: codes } = await sql.query<{
    tenant: string
    service: string
    code: string
    outcome: string
    rows: string
  }>(
    `SELECT s.tenant, s.service, s.code, s.outcome, f.rows FROM fleet_red_codes f JOIN fleet_red_code_series s USING (series_id)
      WHERE f.tier = ${tiers.ever}${filter(codeValues)} LIMIT ${seriesMax + 1}`,
    codeValues,
  )
  if (rows.length + codes.length > seriesMax)
    throw new Problem(422, 'TOO_MANY_SERIES', `there are more than ${seriesMax} series`, {
      hint: 'scrape them apart, with ?tenant= or ?service=',
    })
  const byClass = new Map<string, { readonly labels: ClassLabels; readonly measure: Measure }>()
  for (const row of rows) {
    const labels = {
      ...labelsOf(row),
      status_class: row.status_class === 0 ? 'none' : `${row.status_class}xx`,
    }
    const key = JSON.stringify(labels)
    const known = byClass.get(key) ?? { labels, measure: emptyMeasure() }
    addStored(known.measure, row)
    byClass.set(key, known)
  }
  const whole = new Map<string, { readonly labels: Labels; readonly measure: Measure }>()
  for (const { labels, measure } of byClass.values()) {
    const own = labelsOf(labels)
    const key = JSON.stringify(own)
    const known = whole.get(key) ?? { labels: own, measure: emptyMeasure() }
    addMeasure(known.measure, measure)
    whole.set(key, known)
  }
  return [
    {
      name: 'fasten_requests_total',
      type: 'counter',
      help: 'Requests that nodes answered, by class of status.',
      samples: [...byClass.values()].map(({ labels, measure }) => ({
        labels,
        value: measure.requests,
        ...exemplarOf(measure.latest, 1),
      })),
    },
    {
      name: durations,
      type: 'histogram',
      help: 'How long answers took. Counts at a bound are exact to 1 % of the bound.',
      samples: [...whole.values()].flatMap(({ labels, measure }) => histogram(labels, measure)),
    },
    {
      name: 'fasten_audit_rows_total',
      type: 'counter',
      help: 'Audit rows by code and outcome.',
      samples: codes.map(({ rows: value, ...labels }) => ({ labels, value: Number(value) })),
    },
  ]
}

const durations = 'fasten_request_duration_seconds'
const bounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

type ClassLabels = Readonly<Record<keyof Labels | 'status_class', string>>
type Labels = Readonly<Record<'tenant' | 'service' | 'route' | 'method', string>>

const labelsOf = ({ tenant, service, route, method }: Labels): Labels => ({ tenant, service, route, method })

function histogram(labels: Labels, { sketch, sumUs, slowest }: Measure): readonly Sample[] {
  const slowestS = slowest === undefined ? undefined : slowest.duration_us / 1e6
  let below = 0
  const buckets = [...bounds, Infinity].map((bound): Sample => {
    const isHome = slowestS !== undefined && slowestS <= bound && slowestS > below
    below = bound
    return {
      name: `${durations}_bucket`,
      labels: { ...labels, le: bound === Infinity ? '+Inf' : String(bound) },
      value: bound === Infinity ? sketch.count : countUpTo(sketch, bound * 1e6),
      ...(isHome ? exemplarOf(slowest, slowestS) : {}),
    }
  })
  return [
    ...buckets,
    { name: `${durations}_sum`, labels, value: Number(sumUs) / 1e6 },
    { name: `${durations}_count`, labels, value: sketch.count },
  ]
}

/** OpenMetrics allows 128 characters of names and values together; what does not fit is left out rather than cut. */
function exemplarOf(exemplar: Exemplar | undefined, value: number): Pick<Sample, 'exemplar'> {
  if (exemplar === undefined) return {}
  const { request_id, trace_id, at } = exemplar
  const both: Record<string, string> = trace_id === null ? { request_id } : { request_id, trace_id }
  const labelSet = [both, { request_id }].find(
    (set) => Object.entries(set).reduce((sum, [name, text]) => sum + name.length + text.length, 0) <= 128,
  )
  return labelSet === undefined ? {} : { exemplar: { labelSet, value, timestamp: secondOf(at) ?? 0 } }
}
