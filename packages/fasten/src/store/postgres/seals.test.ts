// SPDX-License-Identifier: Apache-2.0
import { after } from 'node:test'
import pg from 'pg'
import { streams } from '../../core/row.ts'
import { describeSeals } from '../../testing/seal-contract.ts'
import { openStore, type StoreTarget } from '../open.ts'
import { createSystemClock, createSystemIds, sha256 } from '../platform.ts'
import { startPostgres } from './fixtures/server.ts'

const server = await startPostgres()
after(() => server.remove())

describeSeals('Postgres', async () => {
  const url = await server.freshStore()
  const target: StoreTarget = { dsn: { kind: 'postgres', url }, streams }
  /** As the owner of the tables, who can lift what refuses to change rows. */
  const asOwner = async (
    ...statements: readonly [sql: string, values?: readonly unknown[]][]
  ): Promise<void> => {
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    try {
      await client.query("SET fasten.sweep = 'on'")
      for (const [sql, values = []] of statements) await client.query(sql, [...values])
    } finally {
      await client.end()
    }
  }
  return {
    open: (signing) =>
      openStore(target, { digest: sha256, clock: createSystemClock(), ids: createSystemIds(), signing }),
    cut: (rows, head_hash) =>
      asOwner(
        ['DELETE FROM audit_log WHERE monotonic_seq >= $1', [rows]],
        ['UPDATE fasten_logs SET size = $1, head_hash = $2', [rows, head_hash]],
        ['DELETE FROM fasten_checkpoints'],
      ),
    wipe: () => asOwner(['DROP SCHEMA public CASCADE'], ['CREATE SCHEMA public']),
    remove: () => server.release(url),
  }
})
