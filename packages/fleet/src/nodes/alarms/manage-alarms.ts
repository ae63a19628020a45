// SPDX-License-Identifier: Apache-2.0
import { now } from '../../access/access-deps.ts'
import type { TenantScope } from '../../database/tenant-scope.ts'
import { Problem } from '../../web/problem.ts'
import type { Principal } from '../../web/principal.ts'
import type { NodesDeps } from '../nodes-deps.ts'
import { alarmColumns, endedByPerson, shownAlarm, type Alarm, type AlarmRow } from './alarm.ts'
import type { AlarmBook } from './raise-alarm.ts'

export interface AlarmFilter {
  /** Alarms that name things of these tenants only. */
  readonly scope: TenantScope
  readonly state: 'standing' | 'over' | 'all'
  /** Older ones than this. */
  readonly before?: number | undefined
  readonly limit: number
}

/** Newest first. */
export async function listAlarms(
  { database }: Pick<NodesDeps, 'database'>,
  { scope, state, before, limit }: AlarmFilter,
): Promise<readonly Alarm[]> {
  const { rows } = await database.pool.query<AlarmRow>(
    `SELECT ${alarmColumns} FROM fleet_alarms WHERE ($1::text[] IS NULL OR tenants <@ $1)
      AND ($2 = 'all' OR (cleared_at IS NULL) = ($2 = 'standing')) AND ($3::bigint IS NULL OR alarm_id < $3)
    ORDER BY alarm_id DESC LIMIT $4`,
    [scope === 'all' ? null : scope, state, before ?? null, limit],
  )
  return rows.map(shownAlarm)
}

export interface Acknowledgement {
  readonly alarm_id: number
  readonly note?: string | undefined
}

/**
 * A person has taken note, which the first of them is remembered for. What nothing else unsays is over with that; every other alarm
 * ends with its reason. Throws Problem 404 `NO_SUCH_ALARM`.
 */
export async function acknowledgeAlarm(
  deps: NodesDeps & { readonly book: AlarmBook },
  { actor, tenants }: Pick<Principal, 'actor' | 'tenants'>,
  { alarm_id, note }: Acknowledgement,
): Promise<Alarm> {
  return deps.database.transact(async (sql) => {
    const found = await sql.query<AlarmRow>(
      `SELECT ${alarmColumns} FROM fleet_alarms WHERE alarm_id = $1 AND ($2::text[] IS NULL OR tenants <@ $2) FOR UPDATE`,
      [alarm_id, tenants === 'all' ? null : tenants],
    )
    const [before] = found.rows
    if (before === undefined)
      throw new Problem(404, 'NO_SUCH_ALARM', `there is no alarm ${alarm_id} that you may acknowledge`)
    if (before.acknowledged_at !== null) return shownAlarm(before)
    await sql.query(
      'UPDATE fleet_alarms SET acknowledged_at = $2, acknowledged_by = $3, note = $4 WHERE alarm_id = $1',
      [alarm_id, now(deps), actor, note ?? null],
    )
    await deps.fasten.emit(sql, {
      code: 'ALARM_ACKNOWLEDGED',
      target: `alarm:${alarm_id}`,
      target_kind: 'alarm',
      detail: { kind: before.kind, subject: before.subject, ...(note === undefined ? {} : { note }) },
    })
    if (endedByPerson.has(before.kind))
      await deps.book.clear(sql, [shownAlarm(before)], 'a person has taken note')
    const { rows } = await sql.query<AlarmRow>(
      `SELECT ${alarmColumns} FROM fleet_alarms WHERE alarm_id = $1`,
      [alarm_id],
    )
    return shownAlarm(rows[0] ?? before)
  })
}
