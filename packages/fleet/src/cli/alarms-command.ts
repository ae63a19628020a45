// SPDX-License-Identifier: Apache-2.0
import type { Command } from 'commander'
import type { Alarm } from '../nodes/alarms/alarm.ts'
import { wholeNumber } from './arguments.ts'
import { fleetClient } from './fleet-client.ts'
import { tableLines } from './table-lines.ts'

type Env = Readonly<Record<string, string | undefined>>

/** `fleet alarms`: what needs a person, and that a person has taken note. */
export function alarmsCommand(program: Command, env: Env): void {
  const alarms = program
    .command('alarms')
    .description('what needs a person, newest first (FLEET_URL, FLEET_TOKEN)')
    .option('--all', 'what is over, too')
    .option('--json', 'as JSON')
    .action(async ({ all = false, json }: { readonly all?: boolean; readonly json?: boolean }) => {
      const path = `/api/v1/alarms?state=${all ? 'all' : 'standing'}&limit=500`
      const answer = (await fleetClient(env).ask('GET', path)) as { alarms: readonly Alarm[]; next?: number }
      const lines = json === true ? [JSON.stringify(answer)] : alarmLines(answer.alarms)
      process.stdout.write(`${lines.join('\n')}\n`)
      if (answer.next !== undefined && json !== true) process.stderr.write('there are older ones, too\n')
    })
  alarms
    .command('acknowledge')
    .description('say that a person has taken note; what nothing else ends is over with it')
    .argument('<alarm_id>', 'as the list shows it', wholeNumber(1, 999_999_999))
    .option('--note <text>', 'what was found, or done')
    .action(async (alarmId: number, { note }: { readonly note?: string }) => {
      const body = note === undefined ? {} : { note }
      await fleetClient(env).ask('POST', `/api/v1/alarms/${alarmId}/acknowledge`, body)
      process.stdout.write(`${alarmId} is acknowledged\n`)
    })
}

function alarmLines(alarms: readonly Alarm[]): readonly string[] {
  if (alarms.length === 0) return ['no alarms']
  return tableLines(
    ['id', 'kind', 'since', 'until', 'about', 'what', 'acknowledged by'],
    alarms.map((alarm) => [
      String(alarm.alarm_id),
      alarm.kind,
      alarm.raised_at,
      alarm.cleared_at,
      alarm.subject,
      alarm.detail['message'],
      alarm.acknowledged_by,
    ]),
  )
}
