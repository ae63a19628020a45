// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { createFasten } from 'fasten'
import { openForReading } from 'fasten/store'
import { Client } from 'pg'
import { startPostgres } from '../../../fasten/src/store/postgres/fixtures/server.ts'
import { layRows } from '../trail/lay-rows.ts'
import { openFleetDatabase } from './fleet-database.ts'

const server = await startPostgres()
const folder = mkdtempSync(join(tmpdir(), 'fleet-database-'))
after(async () => {
  await server.remove()
  rmSync(folder, { recursive: true })
})

async function filled() {
  const secret = randomBytes(32)
  const url = await server.freshDatabase()
  const database = await openFleetDatabase({ url, secret, layRows })
  for (const tenant of ['acme', 'b/b', undefined]) {
    const fasten = createFasten({
      service_id: 'shop',
      node_id: 'n1',
      audit_dsn: database.ownerUrl,
      spool_dir: join(folder, randomBytes(4).toString('hex')),
      stdout: [],
      signing: false,
      ...(tenant === undefined ? {} : { tenant_id: tenant }),
    })
    await fasten.emit({ code: 'CLOCK_STEP', target: 'a' }).stored
    await fasten.close()
  }
  return { url, secret, database }
}

test('a scope sees the rows, logs and places of its tenants, and nothing when it has none', async () => {
  const { database } = await filled()
  const seen = async (scope: readonly string[] | 'all') => {
    const store = await openForReading(database.readerUrl(scope))
    try {
      const rows = await store.scan({ stream: 'audit', order: 'oldest', limit: 100 })
      return {
        rows: rows
          .map(({ row }) => row.tenant_id ?? null)
          .filter((tenant, i, all) => all.indexOf(tenant) === i),
        logs: (await store.heads()).map(({ log }) => log),
      }
    } finally {
      await store.close()
    }
  }
  assert.deepEqual(await seen(['acme']), { rows: ['acme'], logs: ['acme/shop/n1/audit'] })
  assert.deepEqual(await seen(['b/b']), { rows: ['b/b'], logs: ['b%2Fb/shop/n1/audit'] })
  assert.deepEqual(await seen(['_']), { rows: [null], logs: ['_/shop/n1/audit'] })
  assert.deepEqual(await seen([]), { rows: [], logs: [] })
  assert.equal((await seen('all')).logs.length, 3)
  await database.close()
})

test('the reading role cannot write, see secrets, or become somebody else', async () => {
  const { database } = await filled()
  const url = new URL(database.readerUrl(['acme']))
  url.searchParams.delete('schema')
  const client = new Client({ connectionString: url.href })
  await client.connect()
  await client.query('SET default_transaction_read_only = off')
  for (const statement of [
    'DELETE FROM fleet.audit_log',
    'UPDATE fleet.fasten_logs SET size = 0',
    'SELECT * FROM fleet.fleet_meta',
    'SELECT * FROM fleet.fasten_outbox',
    'SELECT * FROM fleet.fasten_data_keys',
    'SET ROLE postgres',
    'CREATE TABLE fleet.mine (a int)',
    'ALTER TABLE fleet.audit_log DISABLE ROW LEVEL SECURITY',
  ])
    await assert.rejects(client.query(statement), { code: '42501' }, statement)
  await client.end()
  await database.close()
})

test('a second server with the same secret finds everything made; another secret is refused', async () => {
  const { url, secret, database } = await filled()
  const second = await openFleetDatabase({ url, secret, layRows })
  await second.close()
  await assert.rejects(openFleetDatabase({ url, secret: randomBytes(32), layRows }), {
    code: 'FLEET_SECRET_DIFFERS',
  })
  await database.close()
})

test('a connection that is cut within a transaction fails that transaction, and neither the process nor the next one', async () => {
  const { database } = await filled()
  const cut = database.transact(async (sql) => {
    const ended = new Promise((resolve) => sql.once('end', resolve))
    const { rows } = await sql.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
    await database.pool.query('SELECT pg_terminate_backend($1)', [rows[0]?.pid])
    await ended
    await sql.query('SELECT 1')
  })
  await assert.rejects(cut)
  assert.equal(await database.transact(async (sql) => (await sql.query('SELECT 1')).rowCount), 1)
  await database.close()
})
