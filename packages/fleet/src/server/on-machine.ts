// SPDX-License-Identifier: Apache-2.0
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { runWithContext, type Fasten } from 'fasten'
import type { FleetConfig } from '../config/config.ts'
import { openEmbeddedPostgres } from '../database/embedded/embedded-postgres.ts'
import { openFleetDatabase, type FleetDatabase } from '../database/fleet-database.ts'
import { layRows } from '../trail/lay-rows.ts'
import { openTrail } from '../trail/trail.ts'
import { refuseSealingAgain } from './seal-once.ts'
import { secretIn } from './secret-file.ts'

export interface OnMachine {
  readonly database: FleetDatabase
  /** Its rows lie in logs of their own, since the server beside has its logs open. */
  readonly fasten: Fasten
  /** The user of the operating system, as rows spell it. */
  readonly actor: string
}

/**
 * Runs `work` on the database of the fleet that this configuration describes, whether or not its server runs. Whoever can do that owns the
 * fleet already: there is no credential, and what is done is told as every other change is.
 */
export async function onMachine<T>(config: FleetConfig, work: (parts: OnMachine) => Promise<T>): Promise<T> {
  const closers: (() => Promise<unknown>)[] = []
  try {
    const secret = config.secret?.() ?? secretIn(config.dataDir)
    const embedded =
      config.databaseUrl === undefined
        ? await openEmbeddedPostgres({ folder: join(config.dataDir, 'postgres') })
        : undefined
    if (embedded !== undefined) closers.push(() => embedded.stop())
    const url = embedded?.url ?? config.databaseUrl?.() ?? ''
    const database = await openFleetDatabase({
      url,
      secret,
      layRows,
      onSealing: () => refuseSealingAgain(config.dataDir),
      connectionsMax: 4,
    })
    closers.push(() => database.close())
    const own = { ...config, serverId: `${config.serverId}-admin`, dataDir: join(config.dataDir, 'admin') }
    const fasten = await openTrail({ ...own, log: 'silent' }, database)
    closers.push(() => fasten.close())
    const actor = `os:${userInfo().username}`
    return await runWithContext(
      { request_id: fasten.mintID(), method: 'cli', actor, actor_kind: 'user', auth_method: 'os' },
      () => work({ database, fasten, actor }),
    )
  } finally {
    for (const close of closers.toReversed()) await close()
  }
}
