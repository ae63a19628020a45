// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path'
import { createFasten, type Fasten } from 'fasten'
import { createCodeRegistry } from 'fasten/core'
import type { FleetConfig } from '../config/config.ts'
import type { FleetDatabase } from '../database/fleet-database.ts'
import { fleetCodes } from './fleet-codes.ts'

/**
 * The fleet's own fasten: its audit rows, log lines and accesses are rows among all others in the same database, in logs of their own
 * (`…/fleet/<server id>/…`), chained and signed like those of every node. They wait in a spool below the data directory while the database is away.
 */
export async function openTrail(
  config: FleetConfig,
  database: Pick<FleetDatabase, 'ownerUrl'>,
): Promise<Fasten> {
  const fasten = createFasten({
    registry: createCodeRegistry(),
    service_id: config.name,
    node_id: config.serverId,
    audit_dsn: database.ownerUrl,
    sys_dsn: database.ownerUrl,
    api_dsn: database.ownerUrl,
    spool_dir: join(config.dataDir, 'spool'),
    key_dir: join(config.dataDir, 'keys'),
    stdout: config.log === 'silent' ? [] : ['sys'],
    ...(config.log === 'silent' ? {} : { log_format: config.log }),
  })
  fasten.register('fleet', fleetCodes)
  await fasten.ready(60_000)
  return fasten
}
