// SPDX-License-Identifier: Apache-2.0
import type { PoolClient } from 'pg'
import { now } from '../../access/access-deps.ts'
import { alarmColumns, shownAlarm, type AlarmRow } from '../../nodes/alarms/alarm.ts'
import type { AlarmBook, NewAlarm } from '../../nodes/alarms/raise-alarm.ts'
import { scopeOf } from '../../nodes/node.ts'
import type { NodesDeps } from '../../nodes/nodes-deps.ts'

export interface WatchSourcesDeps extends NodesDeps {
  readonly book: AlarmBook
  /** Seconds that a source may fail before that is an alarm. */
  readonly failingS: number
}

/**
 * Looks at every source once: raises what is alarming, and ends what is over. Servers that look at the same time raise it once (`fleet_alarms_open`). Silence is only alarming where
 * somebody said how long a source may be silent: a service has no heartbeat that we knew of.
 */
export async function watchSources(deps: WatchSourcesDeps): Promise<void> {
  await deps.database.transact(async (sql) => {
    const found = await conditions(sql, deps)
    const { rows } = await sql.query<AlarmRow>(
      `SELECT ${alarmColumns} FROM fleet_alarms WHERE cleared_at IS NULL AND kind IN ('source_silent', 'source_failing')`,
    )
    const standing = rows.map(shownAlarm)
    const isStanding = new Set(standing.map(keyOf))
    for (const alarm of found) if (!isStanding.has(keyOf(alarm))) await deps.book.raise(sql, alarm)
    const isFound = new Set(found.map(keyOf))
    await deps.book.clear(
      sql,
      standing.filter((alarm) => !isFound.has(keyOf(alarm))),
      'the reason is gone',
    )
  })
}

const keyOf = ({ kind, subject }: Pick<NewAlarm, 'kind' | 'subject'>): string => `${kind} ${subject}`

async function conditions(sql: PoolClient, deps: WatchSourcesDeps): Promise<readonly NewAlarm[]> {
  const at = now(deps).getTime()
  const { rows } = await sql.query<{
    source_id: string
    name: string
    tenants: string[] | null
    silent_after_s: number | null
    failing_since: Date | null
    last_error: string | null
    last_row_at: Date | null
    created_at: Date
  }>(
    `SELECT source_id, name, tenants, silent_after_s, failing_since, last_error, last_row_at, created_at FROM fleet_sources
    WHERE removed_at IS NULL AND paused_at IS NULL AND (silent_after_s IS NOT NULL OR failing_since IS NOT NULL)`,
  )
  return rows.flatMap((row) => {
    const about = { subject: `source:${row.source_id}`, tenants: scopeOf(row.tenants) }
    const secondsSince = (time: Date): number => Math.round((at - time.getTime()) / 1000)
    const alarms: NewAlarm[] = []
    if (row.failing_since !== null && secondsSince(row.failing_since) > deps.failingS)
      alarms.push({
        ...about,
        kind: 'source_failing',
        message: `source "${row.name}" cannot be asked for ${secondsSince(row.failing_since)} s: ${row.last_error ?? ''}`,
        detail: { since: row.failing_since.toISOString() },
      })
    const last = row.last_row_at ?? row.created_at
    if (row.silent_after_s !== null && secondsSince(last) > row.silent_after_s)
      alarms.push({
        ...about,
        kind: 'source_silent',
        message: `no row of source "${row.name}" came for ${secondsSince(last)} s`,
        detail: { last_row_at: row.last_row_at?.toISOString() ?? null },
      })
    return alarms
  })
}
