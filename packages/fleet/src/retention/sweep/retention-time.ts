// SPDX-License-Identifier: Apache-2.0
import { parseTime, type Clock } from 'fasten/core'
import { createSystemIds, createUptime } from 'fasten/store'
import { advanceRetentionTime } from 'fasten/store/replica'
import type { Pool } from 'pg'

/**
 * Answers how late it is for what is to be taken away: never later than time has demonstrably passed, so that a clock which jumps ahead lets nothing go
 * (docs/decisions/0014-the-age-of-a-row.md). What passes is noted by the fleet's own fasten, which sweeps its own rows in the same database.
 */
export function createRetentionTime(clock: Clock): (sql: Pick<Pool, 'query'>) => Promise<number> {
  const uptime = createUptime(createSystemIds())
  return async (sql) => {
    const { rows: marks } = await sql.query<{ machine: string; uptime: string; trusted: string }>(
      'SELECT machine, uptime, trusted FROM fasten_clock',
    )
    const { rows } = await sql.query<{ newest: string | null }>(
      'SELECT max(moved_at) AS newest FROM fasten_logs',
    )
    const newest = rows[0]?.newest ?? null
    const known = marks.map(({ machine, uptime: up, trusted }) => ({
      machine,
      uptimeMicros: Number(up),
      trustedMicros: Number(trusted),
    }))
    return advanceRetentionTime(
      { ...uptime(), wallMicros: clock.nowMicros() },
      known,
      newest === null ? null : (parseTime(newest, 0) ?? null),
    ).nowMicros
  }
}
