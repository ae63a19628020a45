// SPDX-License-Identifier: Apache-2.0
import type { Command } from 'commander'
import type { Hold } from 'fasten/store'
import { fleetClient } from './fleet-client.ts'
import { tableLines } from './table-lines.ts'

type Env = Readonly<Record<string, string | undefined>>

interface Retention {
  readonly follow: readonly string[] | 'all'
  readonly policy: unknown
  readonly sweeps: readonly Readonly<Record<string, unknown>>[]
}

interface HoldOptions {
  readonly code?: string
  readonly actor?: string
  readonly target?: string
  readonly req?: string
  readonly tenant?: string
  readonly since?: string
  readonly until?: string
  readonly reason: string
}

/** `fleet retention` and `fleet holds`: what of the nodes' rows goes, and what stays whatever its time. */
export function retentionCommands(program: Command, env: Env): void {
  program
    .command('retention')
    .description(
      'what the nodes and the fleet let go, and how much of it is gone here (FLEET_URL, FLEET_TOKEN)',
    )
    .option('--json', 'as JSON')
    .action(async ({ json }: { readonly json?: boolean }) => {
      const answer = (await fleetClient(env).ask('GET', '/api/v1/retention')) as Retention
      print(json === true ? [JSON.stringify(answer)] : retentionLines(answer))
    })
  const holds = program
    .command('holds')
    .description('rows that stay whatever their time (FLEET_URL, FLEET_TOKEN)')
  holds
    .command('list')
    .description('the holds that stand')
    .option('--all', 'those that were released, too')
    .option('--json', 'as JSON')
    .action(async ({ all = false, json }: { readonly all?: boolean; readonly json?: boolean }) => {
      const answer = (await fleetClient(env).ask('GET', `/api/v1/holds?all=${all}`)) as {
        holds: readonly Hold[]
      }
      print(json === true ? [JSON.stringify(answer)] : holdLines(answer.holds))
    })
  holds
    .command('add')
    .description('keep all rows that fit everything that is given')
    .requiredOption('--reason <text>', 'why, for the record')
    .option('--tenant <tenant>', 'rows of this tenant')
    .option('--code <code>', 'audit rows of this code, or of a beginning and *')
    .option('--actor <actor>', 'what this actor did, or what was done on their behalf')
    .option('--target <target>', 'what was done to this')
    .option('--req <request id>', 'rows of this request')
    .option('--since <time>', 'rows of this time and later, as 2026-11-26T12:00:00Z')
    .option('--until <time>', 'rows of this time and before')
    .action(async ({ reason, tenant, req, ...rest }: HoldOptions) => {
      const rows = {
        ...rest,
        ...(tenant === undefined ? {} : { tenant_id: tenant }),
        ...(req === undefined ? {} : { request_id: req }),
      }
      const hold = (await fleetClient(env).ask('POST', '/api/v1/holds', { rows, reason })) as Hold
      print([hold.hold_id])
    })
  holds
    .command('release')
    .description('end a hold')
    .argument('<hold_id>', 'as the list shows it: hold-…')
    .requiredOption('--reason <text>', 'why, for the record')
    .action(async (holdId: string, { reason }: { readonly reason: string }) => {
      await fleetClient(env).ask('POST', `/api/v1/holds/${encodeURIComponent(holdId)}/release`, { reason })
      print([`${holdId} is released`])
    })
}

function retentionLines({ follow, policy, sweeps }: Retention): readonly string[] {
  const followed = follow === 'all' ? 'all tenants' : follow.length === 0 ? 'nobody' : follow.join(', ')
  const columns = ['tenant', 'told_by', 'rows', 'gone', 'held', 'there']
  return [
    `follows what nodes let go of: ${followed}`,
    `lets go by itself: ${JSON.stringify(policy)}`,
    ...(sweeps.length === 0
      ? ['nothing was let go yet']
      : tableLines(
          columns,
          sweeps.map((line) => columns.map((name) => line[name])),
        )),
  ]
}

function holdLines(holds: readonly Hold[]): readonly string[] {
  if (holds.length === 0) return ['no holds']
  return tableLines(
    ['hold', 'rows', 'reason', 'placed_by', 'placed_at', 'released_at'],
    holds.map((hold) => [
      hold.hold_id,
      hold.rows,
      hold.reason,
      hold.placed_by,
      hold.placed_at,
      hold.released_at,
    ]),
  )
}

function print(lines: readonly string[]): void {
  process.stdout.write(`${lines.join('\n')}\n`)
}
