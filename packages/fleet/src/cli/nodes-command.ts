// SPDX-License-Identifier: Apache-2.0
import type { Command } from 'commander'
import type { ShownNode } from '../nodes/list/shown-node.ts'
import { fleetClient } from './fleet-client.ts'
import { nodeJoiningCommands } from './node-joining-commands.ts'
import { tableLines } from './table-lines.ts'

interface NodesPage {
  readonly nodes: readonly ShownNode[]
  readonly next?: string
}

/** `fleet nodes`: every node that may be seen, in one line each; with `--json` all that is known of it. */
export function nodesCommand(program: Command, env: Readonly<Record<string, string | undefined>>): void {
  const command = program
    .command('nodes')
    .description(
      'the nodes that send: when they were heard of, and how far they are (FLEET_URL, FLEET_TOKEN)',
    )
    .option('--json', 'as JSON, with each log')
    .option('--revoked', 'those that were revoked, too')
    .action(async ({ json, revoked = false }: { readonly json?: boolean; readonly revoked?: boolean }) => {
      const client = fleetClient(env)
      const nodes: ShownNode[] = []
      for (let after: string | undefined = ''; after !== undefined;) {
        const more: string = after === '' ? '' : `&after=${encodeURIComponent(after)}`
        const page = (await client.ask('GET', `/api/v1/nodes?revoked=${revoked}${more}`)) as NodesPage
        nodes.push(...page.nodes)
        after = page.next
      }
      const lines =
        json === true ? [JSON.stringify({ nodes })] : nodes.length === 0 ? ['no nodes'] : nodeLines(nodes)
      process.stdout.write(`${lines.join('\n')}\n`)
    })
  nodeJoiningCommands(command, env)
}

const columns = [
  'node',
  'service',
  'tenants',
  'chain',
  'seen',
  'behind',
  'clock',
  'waiting',
  'software',
  'alarms',
  'id',
]

export function nodeLines(nodes: readonly ShownNode[]): readonly string[] {
  return tableLines(
    columns,
    nodes.map((node) => [
      node.source_node_id,
      node.service_id,
      node.tenants === 'all' ? 'all' : node.tenants.join(','),
      node.revoked_at === null ? node.chain : 'revoked',
      node.last_seen_at,
      node.lag.rows === 0 ? 0 : `${node.lag.rows} rows, ${Math.round(node.lag.seconds)} s`,
      node.clock === null ? null : clockOf(node.clock),
      node.spool === null ? null : spoolOf(node.spool),
      node.software,
      node.alarms.length === 0 ? null : node.alarms.join(','),
      node.node_id,
    ]),
  )
}

/** The middle of where it may be, and how far that is from either end. */
function clockOf({ offset_ms, bound_ms }: NonNullable<ShownNode['clock']>): string {
  return bound_ms === null
    ? `${Math.round(offset_ms)} ms`
    : `${Math.round(offset_ms + bound_ms / 2)} ± ${Math.ceil(bound_ms / 2)} ms`
}

function spoolOf({ rows, bytes, bytes_max }: NonNullable<ShownNode['spool']>): string {
  return bytes_max === null ? `${rows} rows` : `${rows} rows, ${Math.round((bytes / bytes_max) * 100)} %`
}
