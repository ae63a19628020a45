// SPDX-License-Identifier: Apache-2.0
import type { PoolClient } from 'pg'
import { now } from '../../access/access-deps.ts'
import type { TenantScope } from '../../database/tenant-scope.ts'
import type { NodesDeps } from '../nodes-deps.ts'
import { alarmColumns, shownAlarm, type Alarm, type AlarmKind, type AlarmRow } from './alarm.ts'

export interface NewAlarm {
  readonly kind: AlarmKind
  /** As in `Alarm`. */
  readonly subject: string
  /** Undefined where it is about no node. */
  readonly node_id?: string | undefined
  /** Whose things it names; `all` for what concerns nobody in particular, which only those see who see everything. */
  readonly tenants: TenantScope
  /** One sentence for people, without secrets and without contents of rows. */
  readonly message: string
  readonly detail?: Readonly<Record<string, unknown>>
}

export interface AlarmBookDeps extends Pick<NodesDeps, 'fasten' | 'clock'> {
  /** Names of the channels that are told. */
  readonly channels: readonly string[]
}

/** What stands, in the caller's transaction: an alarm, its row in the fleet's log, and the telling of it become true with what it is about. */
export interface AlarmBook {
  /** Resolves to false where one of this kind and subject stands already: it is raised once, by whichever server is first. */
  raise(sql: PoolClient, alarm: NewAlarm): Promise<boolean>
  /** The reason is gone. Alarms that have ended already are left out. */
  clear(sql: PoolClient, alarms: readonly Pick<Alarm, 'alarm_id'>[], reason: string): Promise<void>
}

export function createAlarmBook({ fasten, clock, channels }: AlarmBookDeps): AlarmBook {
  const at = (): Date => now({ clock })

  const announce = (sql: PoolClient, alarm_id: string, event: 'raised' | 'cleared') =>
    sql.query(
      `INSERT INTO fleet_alarm_deliveries (alarm_id, event, channel, made_at, due_at)
      SELECT $1, $2, channel, $3, $3 FROM unnest($4::text[]) AS c (channel) ON CONFLICT DO NOTHING`,
      [alarm_id, event, at(), channels],
    )

  return {
    async raise(sql, { kind, subject, node_id, tenants, message, detail = {} }) {
      const { rows } = await sql.query<AlarmRow>(
        `INSERT INTO fleet_alarms (kind, subject, node_id, tenants, raised_at, detail) VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (kind, subject) WHERE cleared_at IS NULL DO NOTHING RETURNING ${alarmColumns}`,
        [kind, subject, node_id ?? null, tenants === 'all' ? null : tenants, at(), { message, ...detail }],
      )
      const [row] = rows
      if (row === undefined) return false
      await announce(sql, row.alarm_id, 'raised')
      await fasten.emit(sql, {
        code: 'ALARM_RAISED',
        target: `alarm:${row.alarm_id}`,
        target_kind: 'alarm',
        reason: message,
        detail: { kind, subject, ...(node_id === undefined ? {} : { node_id }) },
      })
      return true
    },
    async clear(sql, alarms, reason) {
      const { rows } = await sql.query<AlarmRow>(
        `UPDATE fleet_alarms SET cleared_at = $2 WHERE alarm_id = ANY ($1) AND cleared_at IS NULL RETURNING ${alarmColumns}`,
        [alarms.map(({ alarm_id }) => alarm_id), at()],
      )
      for (const row of rows) {
        await announce(sql, row.alarm_id, 'cleared')
        const { kind, subject, node_id } = shownAlarm(row)
        await fasten.emit(sql, {
          code: 'ALARM_CLEARED',
          target: `alarm:${row.alarm_id}`,
          target_kind: 'alarm',
          reason,
          detail: { kind, subject, node_id },
        })
      }
    },
  }
}
