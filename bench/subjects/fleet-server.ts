// SPDX-License-Identifier: Apache-2.0
import { readFileSync, readdirSync } from 'node:fs'
import { createSystemClock } from 'fasten/store'
import { createApiKey } from '../../packages/fleet/src/access/api-keys/create-api-key.ts'
import { readFleetConfig } from '../../packages/fleet/src/config/config.ts'
import { openFleetDatabase } from '../../packages/fleet/src/database/fleet-database.ts'
import { createNode } from '../../packages/fleet/src/nodes/create-node.ts'
import { fleetProcess } from '../../packages/fleet/src/testing/fixtures/fleet-process.ts'
import { layRows } from '../../packages/fleet/src/trail/lay-rows.ts'
import { openTrail } from '../../packages/fleet/src/trail/trail.ts'
import { permissionsOf } from '../../packages/fleet/src/web/principal.ts'
import { smallNode, tenantOf } from './fleet-rows.ts'

const secret = 'be'.repeat(32)

/** Of a fleet at this database, as its only server has them. */
function variables(databaseUrl: string, dataDir: string): Record<string, string> {
  return {
    FLEET_DATABASE_URL: databaseUrl,
    FLEET_DATA_DIR: dataDir,
    FLEET_SECRET: secret,
    FLEET_SERVER_ID: 's1',
    FLEET_LISTEN: '127.0.0.1:0',
    FLEET_LOG: 'silent',
    // What is measured is the answer, and not when the next one may be asked for.
    FLEET_RATE_LIMIT: '1000000',
    FLEET_RATE_LIMIT_ADDRESS: '1000000',
  }
}

export interface NodeToEnrol {
  readonly source_node_id: string
  readonly publicKey: string
}

export interface LaidFleet {
  /** By `source_node_id`. */
  readonly credentials: Readonly<Record<string, string>>
  /** Of somebody who may see everything, one tenant, and one that has few rows. */
  readonly keys: { readonly all: string; readonly tenant: string; readonly small: string }
}

/** The tables of a fleet in an empty database, and no row in them. */
export async function layTables(databaseUrl: string): Promise<void> {
  await (await openFleetDatabase({ url: databaseUrl, secret: Buffer.from(secret, 'hex'), layRows })).close()
}

/** A fleet in an empty database, its nodes enrolled, and keys to read with; no server runs afterwards. */
export async function layFleet(
  databaseUrl: string,
  dataDir: string,
  nodes: readonly NodeToEnrol[],
): Promise<LaidFleet> {
  const database = await openFleetDatabase({ url: databaseUrl, secret: Buffer.from(secret, 'hex'), layRows })
  const fasten = await openTrail(readFleetConfig(variables(databaseUrl, dataDir)), database)
  try {
    const credentials: Record<string, string> = {}
    for (const { source_node_id, publicKey } of nodes) {
      const made = await database.transact((sql) =>
        createNode(
          sql,
          { source_node_id, tenants: 'all', public_keys: [publicKey] },
          { seals: database.seals },
        ),
      )
      credentials[source_node_id] = made.credential
    }
    const permissions = [
      ...new Set([...permissionsOf.admin, ...permissionsOf.auditor, ...permissionsOf.operator]),
    ]
    const maker = {
      actor: 'os:bench',
      rights: [{ permissions: new Set(permissions), tenants: 'all' as const }],
    }
    const deps = { database, fasten, clock: createSystemClock() }
    const order = { name: 'bench', permissions, expiresInDays: 1 }
    const all = await createApiKey(deps, maker, { ...order, tenants: 'all' })
    const reading = [...permissionsOf.auditor]
    const ofOne = async (node: number): Promise<string> =>
      (await createApiKey(deps, maker, { ...order, permissions: reading, tenants: [tenantOf(node)] })).key
    return { credentials, keys: { all: all.key, tenant: await ofOne(0), small: await ofOne(smallNode) } }
  } finally {
    await fasten.close()
    await database.close()
  }
}

/** A server as `fleet serve` is. */
export interface RunningFleet {
  readonly url: string
  /** Of the server's process, in MiB. */
  residentMiB(): number
  close(): Promise<void>
}

export async function serveFleet(databaseUrl: string, dataDir: string): Promise<RunningFleet> {
  const server = fleetProcess(['serve'], variables(databaseUrl, dataDir))
  const url = await server.url
  return {
    url,
    residentMiB: () => kibibytes(`/proc/${server.child.pid}/status`, 'VmRSS') / 1024,
    async close() {
      server.child.kill('SIGTERM')
      const how = await server.ended
      if (how !== 0) throw new Error(`the fleet ended with ${how}: ${server.err()}`)
    },
  }
}

/**
 * What the server of a data directory holds, in MiB: memory that its processes share is counted once. 0 where the system does not tell.
 */
export function postgresMiB(dataDirectory: string): number {
  const [postmaster = ''] = readFileSync(`${dataDirectory}/postmaster.pid`, 'utf8').split('\n')
  const own = readdirSync('/proc').filter(
    (pid) => /^\d+$/.test(pid) && (pid === postmaster || parentOf(pid) === postmaster),
  )
  return own.reduce((sum, pid) => sum + (kibibytes(`/proc/${pid}/smaps_rollup`, 'Pss') || 0), 0) / 1024
}

function parentOf(pid: string): string | undefined {
  return /^PPid:\s+(\d+)/m.exec(textOf(`/proc/${pid}/status`))?.[1]
}

function kibibytes(path: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(textOf(path))?.[1] ?? Number.NaN)
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    // The process ended since it was listed.
    return ''
  }
}
