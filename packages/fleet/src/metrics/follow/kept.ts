// SPDX-License-Identifier: Apache-2.0
import type { Pool, PoolClient } from 'pg'
import { timedTiers, tiers, type TierName, type TimedTier } from '../tiers.ts'

/** All widths, narrow to wide. */
export const widths: readonly TierName[] = [...timedTiers, 'ever']

/** Seconds since the epoch, by width: buckets that begin before are swept or about to be, and nothing is put there any more. */
export type Kept = Readonly<Record<TimedTier, number>>

export async function readKept(sql: Pick<Pool, 'query'> | PoolClient): Promise<Kept> {
  const { rows } = await sql.query<{ tier: number; since: string }>(
    'SELECT tier, extract(epoch FROM since)::bigint AS since FROM fleet_red_kept',
  )
  const since = (tier: TimedTier): number => Number(rows.find((row) => row.tier === tiers[tier])?.since ?? 0)
  return { minute: since('minute'), hour: since('hour'), day: since('day') }
}

export function isKept(kept: Kept, tier: TierName, at: number): boolean {
  return tier === 'ever' || at >= kept[tier]
}
