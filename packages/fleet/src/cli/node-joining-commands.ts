// SPDX-License-Identifier: Apache-2.0
import { InvalidArgumentError, type Command } from 'commander'
import type { NewEnrolmentToken } from '../nodes/enrolment/create-enrolment-token.ts'
import { wholeNumber } from './arguments.ts'
import { fleetClient } from './fleet-client.ts'

interface EnrolOptions {
  readonly tenant?: readonly string[]
  readonly node?: string
  readonly service?: string
  readonly uses: number
  readonly expires: number
}

/** `fleet nodes enrol` and `fleet nodes revoke`: letting nodes in and out. */
export function nodeJoiningCommands(nodes: Command, env: Readonly<Record<string, string | undefined>>): void {
  nodes
    .command('enrol')
    .description('print the two variables with which a node joins')
    .option('--tenant <tenant...>', 'what it may write; _ for rows of no tenant; default: all that is yours')
    .option('--node <id>', 'only the node with this FASTEN_NODE_ID')
    .option('--service <id>', 'only this service')
    .option('--uses <uses>', 'how many nodes may join with it', wholeNumber(1, 10_000), 1)
    .option('--expires <time>', 'how long it may be used: 30s, 15m, 1h, 7d', duration, 3600)
    .action(async ({ tenant, node, service, uses, expires }: EnrolOptions) => {
      const made = (await fleetClient(env).ask('POST', '/api/v1/enrolment-tokens', {
        ...(tenant === undefined ? {} : { tenants: tenant }),
        ...(node === undefined ? {} : { source_node_id: node }),
        ...(service === undefined ? {} : { service_id: service }),
        uses,
        expires_in_s: expires,
      })) as NewEnrolmentToken
      const url = (env['FLEET_URL'] ?? '').replace(/\/+$/, '')
      process.stdout.write(`FASTEN_FLEET_URL=${url}\nFASTEN_FLEET_TOKEN=${made.token}\n`)
      process.stderr.write(`${made.token_id}, until ${made.expires_at}; it is not shown again\n`)
    })
  nodes
    .command('rotate')
    .description('a node changes its credential by itself, with its next report')
    .argument('<node_id>', 'as the list shows it')
    .action(async (nodeId: string) => {
      await fleetClient(env).ask('POST', `/api/v1/nodes/${encodeURIComponent(nodeId)}/rotate`, {})
      process.stdout.write(`${nodeId} is told to change its credential\n`)
    })
  nodes
    .command('revoke')
    .description('a node sends nothing from now on; what it sent stays')
    .argument('<node_id>', 'as the list shows it')
    .action(async (nodeId: string) => {
      await fleetClient(env).ask('POST', `/api/v1/nodes/${encodeURIComponent(nodeId)}/revoke`, {})
      process.stdout.write(`${nodeId} is revoked\n`)
    })
}

function duration(text: string): number {
  const [, count, unit = ''] = /^(\d{1,6})([smhd])$/.exec(text) ?? []
  const seconds = Number(count) * ({ s: 1, m: 60, h: 3600, d: 86_400 }[unit] ?? NaN)
  if (!(seconds >= 1 && seconds <= 7 * 86_400))
    throw new InvalidArgumentError('give a time up to seven days: 30s, 15m, 1h, 7d.')
  return seconds
}
