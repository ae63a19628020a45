// SPDX-License-Identifier: Apache-2.0
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { FastenError } from 'fasten'
import { readJson } from 'fasten/core'
import type { Pool } from 'pg'
import { isAway } from '../database/is-away.ts'

/**
 * How many rows the database had, as this server last saw it, in a file of the data directory: whoever puts an older copy in the database's place does
 * not reach it. Throws FastenError `FLEET_ROLLED_BACK` where there are fewer now.
 */
export async function refuseRolledBack(pool: Pick<Pool, 'query'>, dataDir: string): Promise<void> {
  const seen = placeIn(dataDir)
  const here = await placeOf(pool)
  if (seen === undefined || seen.store !== here.store || seen.position <= here.position) return
  throw new FastenError(
    'FLEET_ROLLED_BACK',
    `the database has ${here.position} rows, and this server has seen ${seen.position} in it`,
    {
      at: join(dataDir, fileName),
      hint: 'somebody put an older copy in its place; where that was you, restore with `fleet restore`, or delete this file',
    },
  )
}

/** Writes that file, whole or not at all. A database that is away leaves the one from before. */
export async function rememberPlace(pool: Pick<Pool, 'query'>, dataDir: string): Promise<void> {
  try {
    const place = await placeOf(pool)
    const path = join(dataDir, fileName)
    writeFileSync(`${path}.new`, `${JSON.stringify(place)}\n`, { mode: 0o600 })
    renameSync(`${path}.new`, path)
  } catch (error) {
    if (!isAway(error)) throw error
  }
}

/** What is put in place of the database may be older. */
export function forgetPlace(dataDir: string): void {
  rmSync(join(dataDir, fileName), { force: true })
}

const fileName = 'place.json'

interface Place {
  readonly store: string
  readonly position: number
}

async function placeOf(pool: Pick<Pool, 'query'>): Promise<Place> {
  const { rows } = await pool.query<{ store: string; position: string }>(
    `SELECT (SELECT value FROM fasten_meta WHERE key = 'store_id') AS store,
      coalesce((SELECT value FROM fasten_counters WHERE name = 'position'), 0) AS position`,
  )
  return { store: rows[0]?.store ?? '', position: Number(rows[0]?.position ?? 0) }
}

function placeIn(dataDir: string): Place | undefined {
  try {
    return readJson(readFileSync(join(dataDir, fileName), 'utf8')) as Place
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
