// SPDX-License-Identifier: Apache-2.0
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { FastenError, type Fasten } from 'fasten'
import { readJson } from 'fasten/core'
import type { FleetDatabase } from '../database/fleet-database.ts'

/**
 * Rows of access that bear no seal are sealed once in a fleet's life: when it is brought to the version that has seals. A file in the data
 * directory remembers it, where whoever administers the database does not reach, so that he cannot have it done again for rows of his own by taking
 * the seals away. Throws FastenError `FLEET_SEALS_REMOVED` then.
 */
export function refuseSealingAgain(dataDir: string): void {
  if (!existsSync(join(dataDir, fileName))) return
  throw new FastenError(
    'FLEET_SEALS_REMOVED',
    'the seals of users, grants and keys were taken out of the database',
    {
      at: join(dataDir, fileName),
      hint: 'keep the database as evidence and restore a backup; `fleet restore` takes one of a version without seals, too',
    },
  )
}

/** From now on this data directory knows of a database with seals. */
export function rememberSealing(dataDir: string): void {
  // With FLEET_SECRET nothing may have been kept there yet.
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  writeFileSync(join(dataDir, fileName), 'rows of access are sealed in the database of this fleet\n', {
    mode: 0o600,
  })
}

/** What is put in place of the database may be older than seals are. */
export function forgetSealing(dataDir: string): void {
  rmSync(join(dataDir, fileName), { force: true })
}

const fileName = 'seals'

/** Tells ACCESS_SEALED, how much was believed at that moment, once; whichever server comes first does it. */
export async function tellSealing({
  database,
  fasten,
}: {
  readonly database: Pick<FleetDatabase, 'transact'>
  readonly fasten: Fasten
}): Promise<void> {
  await database.transact(async (sql) => {
    const { rows } = await sql.query<{ value: string }>(
      "DELETE FROM fleet_meta WHERE key = 'first_sealing' RETURNING value",
    )
    const [counted] = rows
    if (counted === undefined) return
    await fasten.emit(sql, {
      code: 'ACCESS_SEALED',
      target: 'access',
      actor: 'fleet',
      actor_kind: 'system',
      reason: 'the fleet was brought to a version that seals rows of access',
      detail: { sealed: readJson(counted.value) },
    })
  })
}
