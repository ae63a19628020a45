// SPDX-License-Identifier: Apache-2.0
// Verification of a store in Postgres beside the machine's raw SHA-256 of the same bytes.
import { hash as digest } from 'node:crypto'
import { ask } from '../subjects/postgres-rows.ts'
import { verdictOf } from '../subjects/stored-rows.ts'
import { answer } from './answer.ts'

export interface PostgresVerifyParams {
  readonly dsn: string
  readonly rounds: number
}

export interface PostgresVerifyResult {
  /** Rows per second on one thread, one figure for each round. */
  readonly hashing: readonly number[]
  readonly store: readonly number[]
}

await answer(async ({ dsn, rounds }: PostgresVerifyParams): Promise<PostgresVerifyResult> => {
  const rows = await ask(dsn, 'SELECT hash, leaf FROM audit_log ORDER BY position')
  const prefixed = rows.map(({ leaf }) => Buffer.concat([Buffer.of(0), Buffer.from(String(leaf))]))
  function hashing(): void {
    for (const [i, bytes] of prefixed.entries())
      if (digest('sha256', bytes, 'hex') !== rows[i]?.['hash'])
        throw new Error(`row ${i} does not hash to its hash`)
  }
  async function store(): Promise<void> {
    const { verdict, rows_checked } = await verdictOf(dsn)
    if (verdict !== 'PASS' || rows_checked !== rows.length)
      throw new Error(`${verdict} after ${rows_checked} of ${rows.length} rows`)
  }
  const result = { hashing: [] as number[], store: [] as number[] }
  for (let round = -1; round < rounds; round++) {
    for (const [name, work] of Object.entries({ hashing, store })) {
      const start = performance.now()
      await work()
      // The first round warms up.
      if (round >= 0)
        result[name as 'hashing' | 'store'].push((rows.length / (performance.now() - start)) * 1000)
    }
  }
  return result
})
