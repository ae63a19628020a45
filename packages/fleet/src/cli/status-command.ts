// SPDX-License-Identifier: Apache-2.0
import type { Command } from 'commander'
import type { ShownNode } from '../nodes/list/shown-node.ts'
import { fleetClient } from './fleet-client.ts'
import { tableLines } from './table-lines.ts'

type Env = Readonly<Record<string, string | undefined>>

/** `fleet status`: whether the fleet can work, what it holds of what may be seen, and how far its nodes are. One that cannot refuses, in its own words. */
export function statusCommand(program: Command, env: Env, version: string): void {
  program
    .command('status')
    .description('health, versions, sizes and lag, in a few lines (FLEET_URL, FLEET_TOKEN)')
    .option('--json', 'as JSON')
    .action(async ({ json }: { readonly json?: boolean }) => {
      const found = await statusOf(env, version)
      const lines = json === true ? [JSON.stringify(found)] : statusLines(found)
      process.stdout.write(`${lines.join('\n')}\n`)
    })
}

interface Status {
  readonly status: string
  readonly name: string
  readonly protocol: string
  readonly command: string
  readonly tenants: number
  readonly logs: number
  readonly rows: number
  readonly nodes: number
  readonly silent: number
  readonly software: readonly string[]
  readonly lag_rows: number
  readonly lag_seconds: number
  readonly alarms: number
}

async function statusOf(env: Env, version: string): Promise<Status> {
  const client = fleetClient(env)
  const about = (await client.ask('GET', '/ingest/v1')) as {
    readonly name: string
    readonly protocol: string
  }
  const { status } = (await client.ask('GET', '/readyz')) as { readonly status: string }
  const { tenants } = (await client.ask('GET', '/api/v1/tenants')) as {
    readonly tenants: readonly { readonly logs: number; readonly rows: number }[]
  }
  const nodes: ShownNode[] = []
  for (let after = ''; ;) {
    const page = (await client.ask('GET', `/api/v1/nodes?revoked=false${after}`)) as {
      readonly nodes: readonly ShownNode[]
      readonly next?: string
    }
    nodes.push(...page.nodes)
    if (page.next === undefined) break
    after = `&after=${encodeURIComponent(page.next)}`
  }
  return {
    status,
    name: about.name,
    protocol: about.protocol,
    command: version,
    tenants: tenants.length,
    logs: tenants.reduce((sum, { logs }) => sum + logs, 0),
    rows: tenants.reduce((sum, { rows }) => sum + rows, 0),
    nodes: nodes.length,
    silent: nodes.filter(({ chain }) => chain === 'silent').length,
    software: [...new Set(nodes.flatMap(({ software }) => software ?? []))].sort(),
    lag_rows: nodes.reduce((sum, { lag }) => sum + lag.rows, 0),
    lag_seconds: nodes.reduce((most, { lag }) => Math.max(most, lag.seconds), 0),
    alarms: nodes.reduce((sum, { alarms }) => sum + alarms.length, 0),
  }
}

function statusLines(found: Status): readonly string[] {
  const lag =
    found.lag_rows === 0
      ? 'none'
      : `${found.lag_rows} rows, the oldest for ${Math.round(found.lag_seconds)} s at least`
  return tableLines(
    ['fleet', found.name],
    [
      ['status', found.status],
      ['protocol', found.protocol],
      ['this command', found.command],
      ['rows', `${found.rows} in ${found.logs} logs of ${found.tenants} tenants, expired ones included`],
      ['nodes', `${found.nodes}, ${found.silent} of them silent`],
      ['their software', found.software.length === 0 ? null : found.software.join(', ')],
      ['behind', lag],
      ['alarms', `${found.alarms} at nodes: fleet alarms`],
    ],
  )
}
