// SPDX-License-Identifier: Apache-2.0
import type { Command } from 'commander'
import { readFleetConfig } from '../config/config.ts'
import { publicKeyHex } from '../nodes/public-key.ts'

type Variables = Readonly<Record<string, string | undefined>>

interface NodeOptions {
  readonly service?: string
  readonly tenant?: string[]
  readonly publicKey: string[]
}

/** `fleet admin node`: a node without an enrolment, for those that cannot reach the fleet yet. */
export function adminNodeCommand(admin: Command, env: Variables): void {
  admin
    .command('node')
    .description('print the credential of a new node; its key is what fasten key show prints there')
    .argument('<source-node-id>', 'as its rows say it: FASTEN_NODE_ID')
    .requiredOption('--public-key <key...>', 'what it signs with: a verifier key, or 64 hex')
    .option('--service <id>', 'only rows of this service')
    .option('--tenant <tenant...>', 'only rows of these tenants; _ for rows of none')
    .action(async (source_node_id: string, options: NodeOptions) => {
      const { node_id, credential } = await makeNode(env, source_node_id, options)
      process.stdout.write(`${credential}\n`)
      process.stderr.write(`node ${node_id}; the credential is not shown again\n`)
    })
}

async function makeNode(env: Variables, source_node_id: string, { service, tenant, publicKey }: NodeOptions) {
  const public_keys = publicKey.map(publicKeyHex)
  const { onMachine } = await import('../server/on-machine.ts')
  const { createNode } = await import('../nodes/create-node.ts')
  return onMachine(readFleetConfig(env), ({ database, fasten }) =>
    database.transact(async (sql) => {
      const order = {
        source_node_id,
        tenants: tenant ?? 'all',
        public_keys,
        ...(service === undefined ? {} : { service_id: service }),
      } as const
      const made = await createNode(sql, order, { seals: database.seals })
      await fasten.emit(sql, {
        code: 'NODE_ENROLLED',
        target: `node:${made.node_id}`,
        detail: { source_node_id, public_keys, tenants: tenant ?? 'all' },
      })
      return made
    }),
  )
}
