// SPDX-License-Identifier: Apache-2.0
import type { Clock } from 'fasten/core'
import type { PoolClient } from 'pg'
import type { FleetDatabase } from '../../database/fleet-database.ts'
import { bucketOf, isoOf, tiers, timedTiers, type TimedTier } from '../tiers.ts'

/** Days, by width; counters that stood still so long go as well, as if their series had never been. */
export type Retention = Readonly<Record<TimedTier | 'counters', number>>

export const defaultRetention: Retention = { minute: 8, hour: 100, day: 1100, counters: 40 }

/**
 * Deletes buckets that are older than they are kept, and names that nothing holds any more, a few thousand at a time. Where buckets begin is moved
 * first and never back, under the lock of both cursors, so that no answer takes a range for complete that is half deleted.
 */
export async function sweepBuckets(
  database: Pick<FleetDatabase, 'transact' | 'pool'>,
  clock: Clock,
  retention: Retention = defaultRetention,
): Promise<void> {
  const now = Math.floor(clock.nowMicros() / 1_000_000)
  const since = (kept: keyof Retention): number =>
    Math.max(0, bucketOf('day', now - retention[kept] * 86_400))
  await underCursors(database, async (sql) => {
    for (const tier of timedTiers)
      await sql.query('UPDATE fleet_red_kept SET since = $2 WHERE tier = $1 AND since < $2', [
        tiers[tier],
        isoOf(since(tier)),
      ])
  })
  for (const table of ['fleet_red', 'fleet_red_codes']) {
    await untilNone(database, (sql) =>
      sql.query(
        `DELETE FROM ${table} WHERE ctid = ANY (ARRAY(SELECT f.ctid FROM ${table} f JOIN fleet_red_kept k USING (tier)
          WHERE f.at < k.since LIMIT ${stepRows}))`,
      ),
    )
    // A counter goes when no day that is left names its series and it has stood still.
    await untilNone(database, (sql) =>
      sql.query(
        `DELETE FROM ${table} WHERE ctid = ANY (ARRAY(SELECT f.ctid FROM ${table} f WHERE f.tier = ${tiers.ever} AND NOT EXISTS (
          SELECT FROM ${table} d WHERE d.tier = ${tiers.day} AND d.series_id = f.series_id AND d.at >= $1) LIMIT ${stepRows}))`,
        [isoOf(since('counters'))],
      ),
    )
  }
  for (const [series, buckets] of [
    ['fleet_red_series', 'fleet_red'],
    ['fleet_red_code_series', 'fleet_red_codes'],
  ])
    await untilNone(database, (sql) =>
      sql.query(
        `DELETE FROM ${series} WHERE series_id = ANY (ARRAY(SELECT s.series_id FROM ${series} s WHERE NOT EXISTS (
          SELECT FROM ${buckets} f WHERE f.series_id = s.series_id) LIMIT ${stepRows}))`,
      ),
    )
  for (const table of ['fleet_red_names', 'fleet_red_days'])
    await untilNone(database, (sql) =>
      sql.query(
        `DELETE FROM ${table} WHERE ctid = ANY (ARRAY(SELECT ctid FROM ${table} WHERE day < $1 LIMIT ${stepRows}))`,
        [isoOf(since('minute'))],
      ),
    )
}

const stepRows = 5000

async function untilNone(
  database: Pick<FleetDatabase, 'transact'>,
  work: (sql: PoolClient) => Promise<{ readonly rowCount: number | null }>,
): Promise<void> {
  for (;;) {
    const { rowCount } = await underCursors(database, work)
    if ((rowCount ?? 0) < stepRows) return
  }
}

/** While nobody counts. Followers pass over a line that is locked and come back. */
function underCursors<T>(
  database: Pick<FleetDatabase, 'transact'>,
  work: (sql: PoolClient) => Promise<T>,
): Promise<T> {
  return database.transact(async (sql) => {
    await sql.query("SET LOCAL statement_timeout = '60s'")
    await sql.query('SELECT FROM fleet_red_cursors ORDER BY stream FOR UPDATE')
    return work(sql)
  })
}
