// SPDX-License-Identifier: Apache-2.0
import type { PoolClient } from 'pg'
import { bucketOf, isoOf, tiers, type TierName } from '../tiers.ts'
import { admitNames, other, type NameAsked, type NameLimits } from './admit-names.ts'
import { isKept, widths, type Kept } from './kept.ts'
import { seriesIds, type SeriesNames } from './series-ids.ts'
import type { AuditSample } from './take-rows.ts'

/** Adds audit rows to the counts of their codes, of all widths, in the caller's transaction. */
export async function countAudit(
  sql: PoolClient,
  samples: readonly (AuditSample & { readonly second: number })[],
  { limits, kept }: { readonly limits: NameLimits; readonly kept: Kept },
): Promise<void> {
  if (samples.length === 0) return
  const asking = samples.map(({ tenant, second, service, code, outcome }): NameAsked => {
    return { tenant, second, kind: 'codes', name: [service, code, outcome] }
  })
  const admission = await admitNames(sql, limits, asking)
  const series = new Map<string, SeriesNames>()
  const counts = new Map<string, { tier: TierName; at: number; series: string; rows: number }>()
  for (const asked of asking) {
    const isAdmitted = admission.isAdmitted(asked)
    if (!isAdmitted) admission.countOther(asked)
    const names = [asked.tenant, ...(isAdmitted ? asked.name : [other, other, other])]
    const key = JSON.stringify(names)
    series.set(key, names)
    for (const tier of widths) {
      const at = bucketOf(tier, asked.second)
      if (!isKept(kept, tier, at)) continue
      const place = `${tier} ${at} ${key}`
      const count = counts.get(place) ?? { tier, at, series: key, rows: 0 }
      count.rows++
      counts.set(place, count)
    }
  }
  await admission.save()
  const ids = await seriesIds(sql, 'fleet_red_code_series', [...series.values()])
  const idOf = new Map([...series.keys()].map((key, i) => [key, ids[i] ?? '']))
  const all = [...counts.values()]
  await sql.query(
    `INSERT INTO fleet_red_codes AS f (tier, at, series_id, tenant, rows)
      SELECT * FROM unnest($1::smallint[], $2::timestamptz[], $3::bigint[], $4::text[], $5::bigint[])
      ON CONFLICT (tier, at, series_id) DO UPDATE SET rows = f.rows + excluded.rows`,
    [
      all.map(({ tier }) => tiers[tier]),
      all.map(({ at }) => isoOf(at)),
      all.map((count) => idOf.get(count.series)),
      all.map((count) => series.get(count.series)?.[0]),
      all.map(({ rows }) => rows),
    ],
  )
}
