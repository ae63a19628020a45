// SPDX-License-Identifier: Apache-2.0
// From the first emit until the last row has its place, hash and indices in SQLite.
import { setImmediate as turn } from 'node:timers/promises'
import fasten from 'fasten'
import { emitOrder, startService } from '../subjects/fasten.ts'
import { checkRows } from '../subjects/stored-rows.ts'
import { answer } from './answer.ts'

export interface StoredParams {
  /** A file that does not exist yet; it is left behind for peers to insert the same rows again. */
  readonly database: string
  readonly rows: number
}

export interface StoredResult {
  readonly rowsPerSecond: number
  readonly cpuMicros: number
}

await answer(async ({ database, rows }: StoredParams): Promise<StoredResult> => {
  const service = startService(database, { stdout: [] })
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
  await checkRows(database, rows)
  return { rowsPerSecond: rows / seconds, cpuMicros: (cpu.user + cpu.system) / rows }
})
