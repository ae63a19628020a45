// SPDX-License-Identifier: Apache-2.0
import type { PoolClient } from 'pg'
import { sketchBytes } from '../duration-sketch.ts'
import {
  addMeasure,
  addRequest,
  addStored,
  emptyMeasure,
  type Measure,
  type StoredMeasure,
} from '../measure.ts'
import { bucketOf, isoOf, tiers, type TierName } from '../tiers.ts'
import { admitNames, other, type NameAsked, type NameLimits } from './admit-names.ts'
import { isKept, widths, type Kept } from './kept.ts'
import { seriesIds, type SeriesNames } from './series-ids.ts'
import type { ApiSample } from './take-rows.ts'

/** Adds accesses to their buckets of all widths, in the caller's transaction. */
export async function countApi(
  sql: PoolClient,
  samples: readonly (ApiSample & { readonly second: number })[],
  { limits, kept }: { readonly limits: NameLimits; readonly kept: Kept },
): Promise<void> {
  if (samples.length === 0) return
  const minutes = measuresOf(await admitted(sql, samples, limits))
  const series = [...minutes.series]
  const ids = await seriesIds(
    sql,
    'fleet_red_series',
    series.map(([, names]) => names),
  )
  const idOf = new Map(series.map(([key], i) => [key, { id: ids[i] ?? '', tenant: series[i]?.[1][0] ?? '' }]))
  const buckets = widened(minutes.measures)
    .filter(({ tier, at }) => isKept(kept, tier, at))
    .map((bucket) => ({ ...bucket, ...(idOf.get(bucket.series) ?? { id: '', tenant: '' }) }))
  await addStoredBuckets(sql, buckets)
  await saveBuckets(sql, buckets)
}

interface NamedSample {
  readonly sample: ApiSample & { readonly second: number }
  readonly names: SeriesNames
}

async function admitted(
  sql: PoolClient,
  samples: readonly (ApiSample & { readonly second: number })[],
  limits: NameLimits,
): Promise<readonly NamedSample[]> {
  const asking = samples.map((sample) => {
    const { tenant, second, service, node, route, method } = sample
    const place: NameAsked = { tenant, second, kind: 'places', name: [service, node] }
    const way: NameAsked = { tenant, second, kind: 'routes', name: [service, method, route] }
    return { sample, place, way }
  })
  const admission = await admitNames(
    sql,
    limits,
    asking.flatMap(({ place, way }) => [place, way]),
  )
  const named = asking.map(({ sample, place, way }): NamedSample => {
    const { tenant, service, node, route, method } = sample
    const hasPlace = admission.isAdmitted(place)
    const hasWay = hasPlace && admission.isAdmitted(way)
    if (!hasWay) admission.countOther(place)
    return {
      sample,
      names: [
        tenant,
        ...(hasPlace ? [service, node] : [other, other]),
        ...(hasWay ? [route, method] : [other, other]),
      ],
    }
  })
  await admission.save()
  return named
}

interface Bucket {
  readonly tier: TierName
  readonly at: number
  readonly series: string
  readonly statusClass: number
  readonly measure: Measure
}

interface SavedBucket extends Bucket {
  readonly id: string
  readonly tenant: string
}

function measuresOf(samples: readonly NamedSample[]): {
  readonly measures: ReadonlyMap<string, Bucket>
  readonly series: ReadonlyMap<string, SeriesNames>
} {
  const series = new Map<string, SeriesNames>()
  const measures = new Map<string, Bucket>()
  for (const { sample, names } of samples) {
    const { second, statusClass, durationUs, exemplar } = sample
    const key = JSON.stringify(names)
    series.set(key, names)
    const at = bucketOf('minute', second)
    const { measure } = bucketIn(measures, { tier: 'minute', at, series: key, statusClass })
    addRequest(measure, { durationUs, isFailed: statusClass === 5, exemplar })
  }
  return { measures, series }
}

/** The minutes, and the wider buckets that they come to: each width is merged from the one below it. */
function widened(minutes: ReadonlyMap<string, Bucket>): readonly Bucket[] {
  const all = [...minutes.values()]
  let narrow: readonly Bucket[] = all
  for (const tier of widths.slice(1)) {
    const wide = new Map<string, Bucket>()
    for (const { at, series, statusClass, measure } of narrow)
      addMeasure(bucketIn(wide, { tier, at: bucketOf(tier, at), series, statusClass }).measure, measure)
    narrow = [...wide.values()]
    all.push(...narrow)
  }
  return all
}

function bucketIn(buckets: Map<string, Bucket>, place: Omit<Bucket, 'measure'>): Bucket {
  const key = `${place.at} ${place.statusClass} ${place.series}`
  const known = buckets.get(key)
  if (known !== undefined) return known
  const bucket = { ...place, measure: emptyMeasure() }
  buckets.set(key, bucket)
  return bucket
}

async function addStoredBuckets(sql: PoolClient, buckets: readonly SavedBucket[]): Promise<void> {
  const { rows } = await sql.query<StoredMeasure & { n: string }>(
    `SELECT w.n, f.requests, f.sum_us, f.max_us, f.sketch, f.slowest, f.latest
      FROM unnest($1::smallint[], $2::timestamptz[], $3::bigint[], $4::smallint[])
        WITH ORDINALITY AS w (tier, at, series_id, status_class, n)
      JOIN fleet_red f USING (tier, at, series_id, status_class)`,
    keysOf(buckets),
  )
  for (const { n, ...stored } of rows) {
    const bucket = buckets[Number(n) - 1]
    if (bucket !== undefined) addStored(bucket.measure, stored)
  }
}

async function saveBuckets(sql: PoolClient, buckets: readonly SavedBucket[]): Promise<void> {
  const measures = buckets.map(({ measure }) => measure)
  await sql.query(
    `INSERT INTO fleet_red (tier, at, series_id, status_class, tenant, requests, sum_us, max_us, sketch, slowest, latest)
      SELECT * FROM unnest($1::smallint[], $2::timestamptz[], $3::bigint[], $4::smallint[], $5::text[], $6::bigint[], $7::numeric[],
        $8::bigint[], $9::bytea[], $10::jsonb[], $11::jsonb[])
      ON CONFLICT (tier, at, series_id, status_class) DO UPDATE SET requests = excluded.requests, sum_us = excluded.sum_us,
        max_us = excluded.max_us, sketch = excluded.sketch, slowest = excluded.slowest, latest = excluded.latest`,
    [
      ...keysOf(buckets),
      buckets.map(({ tenant }) => tenant),
      measures.map(({ requests }) => requests),
      measures.map(({ sumUs }) => String(sumUs)),
      measures.map(({ maxUs }) => maxUs),
      measures.map(({ sketch }) => sketchBytes(sketch)),
      measures.map(({ slowest }) => (slowest === undefined ? null : JSON.stringify(slowest))),
      measures.map(({ latest }) => (latest === undefined ? null : JSON.stringify(latest))),
    ],
  )
}

function keysOf(buckets: readonly SavedBucket[]): [number[], string[], string[], number[]] {
  return [
    buckets.map(({ tier }) => tiers[tier]),
    buckets.map(({ at }) => isoOf(at)),
    buckets.map(({ id }) => id),
    buckets.map(({ statusClass }) => statusClass),
  ]
}
