// SPDX-License-Identifier: Apache-2.0
// From the first emit until the last row has its place, hash and indices in Postgres.
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import fasten from 'fasten'
import { emitOrder, startService } from '../subjects/fasten.ts'
import { checkPostgresRows } from '../subjects/postgres-rows.ts'
import { answer } from './answer.ts'

export interface PostgresStoredParams {
  /** An empty database; it is left behind with the rows. */
  readonly dsn: string
  /** For spool and keys. */
  readonly folder: string
  readonly rows: number
  /** Whether the ends of logs are signed. */
  readonly signing: boolean
}

export interface PostgresStoredResult {
  readonly rowsPerSecond: number
  readonly cpuMicros: number
}

await answer(async ({ dsn, folder, rows, signing }: PostgresStoredParams): Promise<PostgresStoredResult> => {
  const places = { audit_dsn: dsn, spool_dir: join(folder, 'spool'), key_dir: join(folder, 'keys') }
  const service = startService('', { ...places, signing, stdout: [] })
  await service.ready(30_000)
  const cpuBefore = process.cpuUsage()
  const start = performance.now()
  for (let i = 0; i < rows; i++) {
    emitOrder(service, i)
    if (i % 50 === 49) await turn()
  }
  if (!(await service.flush(600_000))) throw new Error('not every row was stored')
  const seconds = (performance.now() - start) / 1000
  const cpu = process.cpuUsage(cpuBefore)
  await fasten.close()
  await checkPostgresRows(dsn, rows)
  return { rowsPerSecond: rows / seconds, cpuMicros: (cpu.user + cpu.system) / rows }
})
