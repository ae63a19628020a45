// SPDX-License-Identifier: Apache-2.0
// Rows that were emitted while Postgres was down, from its return until all of them are stored.
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import fasten from 'fasten'
import { startPostgres } from '../../packages/fasten/src/store/postgres/fixtures/server.ts'
import { emitOrder, startService } from '../subjects/fasten.ts'
import { checkPostgresRows } from '../subjects/postgres-rows.ts'
import { answer } from './answer.ts'

export interface CatchUpParams {
  readonly folder: string
  readonly rows: number
}

export interface CatchUpResult {
  readonly rowsPerSecond: number
}

await answer(async ({ folder, rows }: CatchUpParams): Promise<CatchUpResult> => {
  const server = await startPostgres({ own: true })
  try {
    const dsn = await server.freshDatabase()
    const places = { audit_dsn: dsn, spool_dir: join(folder, 'spool'), key_dir: join(folder, 'keys') }
    const service = startService('', { ...places, stdout: [] })
    await service.ready(30_000)
    await server.stop('immediate')
    for (let i = 0; i < rows; i++) {
      emitOrder(service, i)
      if (i % 50 === 49) await turn()
    }
    await server.start()
    const start = performance.now()
    if (!(await service.flush(600_000))) throw new Error('not every row was stored')
    const seconds = (performance.now() - start) / 1000
    await fasten.close()
    await checkPostgresRows(dsn, rows)
    return { rowsPerSecond: rows / seconds }
  } finally {
    await server.remove()
  }
})
