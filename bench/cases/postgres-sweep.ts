// SPDX-License-Identifier: Apache-2.0
// Rows past their time: swept with their hashes kept and the sweep on record, beside a partition of the same rows that is dropped,
// and beside deleting the rows by SQL.
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { ask } from '../subjects/postgres-rows.ts'
import { answer } from './answer.ts'

export interface PostgresSweepParams {
  readonly dsn: string
  readonly folder: string
  readonly rows: number
}

export interface PostgresSweepResult {
  readonly swept: number
  readonly deleted: number
  readonly dropped: number
}

const daysAgo = 1000
const realNow = Date.now

await answer(async ({ dsn, folder, rows }: PostgresSweepParams): Promise<PostgresSweepResult> => {
  // The rows are emitted by a process whose clock is behind, so that they are old; all else is as ever.
  Date.now = () => realNow() - daysAgo * 86_400_000
  const [{ default: fasten }, { emitOrder, startService }] = await Promise.all([
    import('fasten'),
    import('../subjects/fasten.ts'),
  ])
  const places = { audit_dsn: dsn, spool_dir: join(folder, 'spool'), key_dir: join(folder, 'keys') }
  const service = startService('', { ...places, stdout: [] })
  await service.ready(30_000)
  for (let i = 0; i < rows; i++) {
    emitOrder(service, i)
    if (i % 50 === 49) await turn()
  }
  if (!(await service.flush(600_000))) throw new Error('not every row was stored')
  await fasten.close()
  Date.now = realNow

  await ask(dsn, `CREATE TABLE to_delete AS SELECT * FROM audit_log; CREATE INDEX ON to_delete (position)`)
  await ask(dsn, `CREATE TABLE to_drop AS SELECT * FROM audit_log`)
  const rate = async (work: () => Promise<unknown>): Promise<number> => {
    const start = performance.now()
    await work()
    return rows / ((performance.now() - start) / 1000)
  }
  const dropped = await rate(() => ask(dsn, 'DROP TABLE to_drop'))
  const deleted = await rate(async () => {
    await ask(dsn, 'DELETE FROM to_delete')
    await ask(dsn, 'VACUUM to_delete')
  })
  const main = new URL('../../packages/fasten/dist/cli/main.js', import.meta.url).pathname
  const env = {
    ...process.env,
    FASTEN_KEY_DIR: join(folder, 'keys'),
    FASTEN_SPOOL_DIR: join(folder, 'spool'),
  }
  const swept = await rate(async () =>
    execFileSync(process.execPath, [main, 'retention', 'run', '--trust-clock', '--store', dsn], {
      env,
      stdio: 'pipe',
    }),
  )
  const [left] = await ask(dsn, `SELECT count(leaf)::int AS rows FROM audit_log WHERE code = 'ORDER_PLACED'`)
  if (left?.['rows'] !== 0) throw new Error(`${String(left?.['rows'])} of ${rows} rows were not swept`)
  return { swept, deleted, dropped }
})
