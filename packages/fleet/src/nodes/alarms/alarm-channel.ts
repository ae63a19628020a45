// SPDX-License-Identifier: Apache-2.0
import type { Alarm } from './alarm.ts'

/** One thing that a channel tells: that an alarm was raised, or that it is over. */
export interface AlarmNotice {
  /** The same however often it is told: receivers know by it what they have already. */
  readonly notice_id: string
  readonly event: 'raised' | 'cleared'
  /** The fleet's name. */
  readonly fleet: string
  readonly alarm: Alarm
}

/**
 * A way to people.
 *
 * - `tell` MUST resolve only when the other side has said that it has the notice, and reject otherwise, within half a minute in either case.
 * - It MUST NOT try again by itself: who calls it keeps count over restarts and servers.
 * - A notice may come again after it was told, when the fleet could not note that it was. `notice_id` MUST reach the receiver, and be the same then.
 * - It MUST NOT put its secret into what it throws.
 */
export interface AlarmChannel {
  /** Names it in the table of deliveries; one channel of a name. */
  readonly name: string
  tell(notice: AlarmNotice): Promise<void>
  close?(): Promise<void>
}

/** One line for people. */
export function headlineOf({ event, fleet, alarm }: AlarmNotice): string {
  const { message } = alarm.detail
  const text = `[${fleet}] ${event === 'raised' ? 'ALARM' : 'over'}: ${typeof message === 'string' ? message : alarm.kind}`
  return text.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ').slice(0, 300)
}
