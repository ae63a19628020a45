// SPDX-License-Identifier: Apache-2.0
import type { PostgresServer } from '../../packages/fasten/src/store/postgres/fixtures/server.ts'
import type { FleetShape } from '../subjects/fleet-rows.ts'
import { verdictOf } from '../subjects/stored-rows.ts'
import type { Scale } from './scale.ts'

/** MiB of the server's process, and of Postgres with what its processes share counted once. */
export interface FleetMemory {
  readonly server: number
  readonly postgres: number
}

/** Of one body, as a shipper sends at most. */
export const rowsPerBody = 5000

/** The requests of which each node pushes the audit rows. */
export const pushedShape = ({ fleet }: Scale): FleetShape => ({
  nodes: 6,
  requests: Math.floor(fleet.pushed / 3),
  endMicros: Date.now() * 1000,
  spanMicros: 3_600_000_000,
})

/** Throws unless the verdict over a log, or all, is PASS over at least so many rows. */
export async function mustVerify(url: string, log: string | undefined, least: number): Promise<void> {
  const { verdict, rows_checked } = await verdictOf(`${url}?schema=fleet`, log === undefined ? {} : { log })
  if (verdict !== 'PASS' || rows_checked < least)
    throw new Error(`${verdict} after ${rows_checked} of ${least} rows of ${log ?? 'all logs'}`)
}

export async function dataDirectoryOf(postgres: PostgresServer): Promise<string> {
  const [row] = await postgres.query('SHOW data_directory')
  return String(row?.['data_directory'])
}

/** Looks five times a second; the answer ends it and says the most that was seen. */
export function watchMemory(seen: () => FleetMemory): () => FleetMemory {
  let most = seen()
  const timer = setInterval(() => {
    const now = seen()
    most = {
      server: Math.max(most.server, now.server),
      postgres: Math.max(most.postgres, now.postgres),
    }
  }, 200)
  return () => {
    clearInterval(timer)
    return most
  }
}
