// SPDX-License-Identifier: Apache-2.0
import { now } from '../../access/access-deps.ts'
import type { NodesDeps } from '../nodes-deps.ts'
import { alarmColumns, shownAlarm, type AlarmRow } from './alarm.ts'
import type { AlarmChannel } from './alarm-channel.ts'

export interface DeliverDeps extends NodesDeps {
  readonly channels: readonly AlarmChannel[]
  /** The fleet's name. */
  readonly name: string
}

interface DueRow extends AlarmRow {
  readonly delivery_id: string
  readonly event: 'raised' | 'cleared'
  readonly channel: string
  readonly attempts: number
  readonly made_at: Date
}

/**
 * Tells every channel what is due for it, and answers how much was told. Who tries takes the line for a minute first: another server skips it meanwhile, and
 * tries it when this one died over it. So a notice is told at least once, by one server at a time. After a failure it is due again
 * in 5 s, and each time twice as long up to an hour; after three days it is given up, which the log says.
 */
export async function deliverDue(deps: DeliverDeps): Promise<number> {
  let told = 0
  for (;;) {
    const due = await take(deps)
    if (due === undefined) return told
    if (await deliver(deps, due)) told++
  }
}

async function take({ database, channels, clock }: DeliverDeps): Promise<DueRow | undefined> {
  const at = now({ clock })
  const { rows } = await database.pool.query<DueRow>(
    `WITH due AS (
      SELECT delivery_id FROM fleet_alarm_deliveries
      WHERE delivered_at IS NULL AND given_up_at IS NULL AND due_at <= $1 AND channel = ANY ($2)
      ORDER BY due_at, delivery_id LIMIT 1 FOR UPDATE SKIP LOCKED
    )
    UPDATE fleet_alarm_deliveries d SET attempts = d.attempts + 1, due_at = $3 FROM due, fleet_alarms a
    WHERE d.delivery_id = due.delivery_id AND a.alarm_id = d.alarm_id
    RETURNING d.delivery_id, d.event, d.channel, d.attempts, d.made_at, ${alarmColumns
      .split(', ')
      .map((column) => `a.${column}`)
      .join(', ')}`,
    [at, channels.map(({ name }) => name), new Date(at.getTime() + takenMs)],
  )
  return rows[0]
}

async function deliver(
  { database, fasten, channels, name, clock }: DeliverDeps,
  due: DueRow,
): Promise<boolean> {
  const channel = channels.find((each) => each.name === due.channel)
  const alarm = shownAlarm(due)
  try {
    await channel?.tell({
      notice_id: `${alarm.alarm_id}-${due.event}-${due.raised_at.getTime()}`,
      event: due.event,
      fleet: name,
      // What was over meanwhile is told next, in a notice of its own.
      alarm: due.event === 'raised' ? { ...alarm, cleared_at: null } : alarm,
    })
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    const at = now({ clock })
    const isGivenUp = at.getTime() - due.made_at.getTime() >= giveUpMs
    await database.pool.query(
      `UPDATE fleet_alarm_deliveries SET last_error = $2, due_at = $3, given_up_at = $4
      WHERE delivery_id = $1 AND attempts = $5 AND delivered_at IS NULL`,
      [
        due.delivery_id,
        reason.slice(0, 500),
        new Date(at.getTime() + pauseMs(due.attempts)),
        isGivenUp ? at : null,
        due.attempts,
      ],
    )
    const about = { alarm_id: alarm.alarm_id, channel: due.channel, attempts: due.attempts, reason }
    if (isGivenUp) fasten.log.error('alarm_not_told', about)
    else fasten.log.warn('alarm_told_later', about)
    return false
  }
  await database.pool.query(
    'UPDATE fleet_alarm_deliveries SET delivered_at = $2, last_error = NULL WHERE delivery_id = $1',
    [due.delivery_id, now({ clock })],
  )
  return true
}

/** Longer than any channel takes for one attempt. */
const takenMs = 60_000
const giveUpMs = 3 * 86_400_000

const pauseMs = (attempts: number): number => Math.min(5000 * 2 ** (attempts - 1), 3_600_000)
