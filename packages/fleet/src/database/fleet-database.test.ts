// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
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

/** Without what only fasten reads in it. */
function plain(dsn: string): string {
  const url = new URL(dsn)
  url.searchParams.delete('schema')
  return url.href
}

test('a scope sees the rows, logs and places of its tenants, and nothing when it has none', async () => {
  const { database } = await filled()
  const seen = async (scope: readonly string[] | 'all') => {
    const store = await openForReading(await database.readerUrl(scope))
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

test('thousands of tenants are one scope, and a session widens its own by nothing that it says', async () => {
  const { database } = await filled()
  const many = Array.from({ length: 2_000 }, (_, index) => `tenant-${String(index).padStart(30, '0')}`)
  const client = new Client({ connectionString: plain(await database.readerUrl([...many, 'acme'])) })
  // Where an assertion fails before its end, the server goes first.
  client.on('error', () => {})
  await client.connect()
  const seen = async (): Promise<unknown> =>
    (await client.query("SELECT DISTINCT coalesce(tenant_id, '_') AS tenant FROM fleet.audit_log")).rows
  assert.deepEqual(await seen(), [{ tenant: 'acme' }])
  const whole = new URL(await database.readerUrl('all')).searchParams.get('options') ?? ''
  const token = whole.split('=')[1] ?? ''
  await client.query("SET fleet.tenants = 'all'")
  await client.query('SET default_transaction_read_only = off')
  assert.deepEqual(await seen(), [{ tenant: 'acme' }], 'the setting of earlier versions says nothing')
  for (const statement of [
    'SELECT * FROM fleet.fleet_scopes',
    'SELECT * FROM fleet.fleet_scope()',
    "INSERT INTO fleet.fleet_scopes VALUES (sha256('x'), true, '{}')",
    "CREATE FUNCTION pg_temp.fleet_tenants() RETURNS text[] LANGUAGE sql AS $$ SELECT '{}'::text[] $$; SELECT * FROM fleet.fleet_scopes",
  ])
    await assert.rejects(client.query(statement), { code: '42501' }, statement)
  for (const guess of ['', 'all', 'x', createHash('sha256').update(token).digest('hex')]) {
    await client.query(`SELECT set_config('fleet.scope', $1, false)`, [guess])
    if (guess === '') await assert.rejects(seen(), { code: '55000' }, 'an older server is told')
    else assert.deepEqual(await seen(), [], `the token ${guess}`)
  }
  await client.query(`SELECT set_config('fleet.scope', $1, false)`, [token])
  assert.equal(((await seen()) as unknown[]).length, 3, 'the token itself is the key')
  await client.end()
  await database.close()
})

test('the reading role cannot write, see secrets, or become somebody else', async () => {
  const { database } = await filled()
  const client = new Client({ connectionString: plain(await database.readerUrl(['acme'])) })
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
