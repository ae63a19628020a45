// SPDX-License-Identifier: Apache-2.0
// Verification beside the least it has to do: hashing the same leaves.
import { hash as digest } from 'node:crypto'
import { DatabaseSync } from 'node:sqlite'
import { createLogVerifier } from 'fasten/core'
import { verdictOf } from '../subjects/stored-rows.ts'
import { answer } from './answer.ts'

export interface VerifyParams {
  readonly database: string
  readonly rounds: number
}

export interface VerifyResult {
  readonly rows: number
  /** Rows per second on one thread, one figure for each round. */
  readonly hashing: readonly number[]
  readonly leaves: readonly number[]
  readonly store: readonly number[]
}

await answer(async ({ database, rounds }: VerifyParams): Promise<VerifyResult> => {
  const file = new DatabaseSync(database, { readOnly: true })
  const head = file.prepare('SELECT log, size, head_hash FROM fasten_logs').get()
  const log = String(head?.['log'])
  const rows = file
    .prepare('SELECT monotonic_seq, hash, leaf FROM audit_log ORDER BY monotonic_seq')
    .all()
    .map((row) => ({
      monotonic_seq: Number(row['monotonic_seq']),
      hash: String(row['hash']),
      leaf: Buffer.from(String(row['leaf'])),
      columns: {},
    }))
  file.close()
  const prefixed = rows.map(({ leaf }) => Buffer.concat([Buffer.of(0), leaf]))
  const sha256 = (bytes: Uint8Array): string => digest('sha256', bytes, 'hex')

  function hashing(): void {
    for (const [i, bytes] of prefixed.entries())
      if (sha256(bytes) !== rows[i]?.hash) throw new Error(`row ${i} does not hash to its hash`)
  }
  function leaves(): void {
    const verifier = createLogVerifier({
      log,
      head: { size: Number(head?.['size']), head_hash: String(head?.['head_hash']) },
      digest: sha256,
      columns: false,
    })
    for (const row of rows) verifier.push(row)
    const { verdict, rows_checked } = verifier.finish()
    if (verdict !== 'PASS' || rows_checked !== rows.length)
      throw new Error(`${verdict} after ${rows_checked} of ${rows.length} leaves`)
  }
  async function store(): Promise<void> {
    const { verdict, rows_checked } = await verdictOf(database)
    if (verdict !== 'PASS' || rows_checked !== rows.length)
      throw new Error(`${verdict} after ${rows_checked} of ${rows.length} rows`)
  }

  const result = { rows: rows.length, hashing: [] as number[], leaves: [] as number[], store: [] as number[] }
  for (let round = -1; round < rounds; round++) {
    for (const [name, work] of Object.entries({ hashing, leaves, store })) {
      const start = performance.now()
      await work()
      const rowsPerSecond = (rows.length / (performance.now() - start)) * 1000
      // The first round warms up.
      if (round >= 0) result[name as 'hashing' | 'leaves' | 'store'].push(rowsPerSecond)
    }
  }
  return result
})
