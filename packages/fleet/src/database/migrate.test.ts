// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { appendFileSync, cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { createFasten } from 'fasten'
import { openForReading } from 'fasten/store'
import { Client, type PoolClient } from 'pg'
import { startPostgres } from '../../../fasten/src/store/postgres/fixtures/server.ts'
import { layRows } from '../trail/lay-rows.ts'
import { openFleetDatabase, ownerPool, ownerUrlOf } from './fleet-database.ts'
import { layFleet } from './lay-fleet.ts'
import { migrateFleet } from './migrate.ts'

const server = await startPostgres()
const folder = mkdtempSync(join(tmpdir(), 'fleet-migrate-'))
after(async () => {
  await server.remove()
  rmSync(folder, { recursive: true })
})

/** What the first version of the fleet had, as it was then; kept beside the tests, because a step that has landed is never edited. */
const firstLayout = join(import.meta.dirname, 'fixtures/layout-1')
const newest = join(import.meta.dirname, 'migrations')
const secret = randomBytes(32)

/** A database as the first version left it, with rows, a user, a grant and a key. */
async function asItWas(): Promise<string> {
  const url = await server.freshDatabase()
  const pool = ownerPool(url, 2)
  const sql = await pool.connect()
  await sql.query('CREATE SCHEMA fleet')
  await layFleet(sql, { secret, layRows: () => layRows(ownerUrlOf(url)), folder: firstLayout })
  await sql.query(`INSERT INTO fleet_users (user_id, name, password, created_at, created_by)
    VALUES ('u_1', 'ada', '$argon2id$x', now(), 'os:test')`)
  await sql.query(`INSERT INTO fleet_grants (grant_id, user_id, role, tenants, created_at, created_by)
    VALUES ('g_1', 'u_1', 'viewer', '{acme}', now(), 'os:test')`)
  await sql.query(`INSERT INTO fleet_api_keys (prefix, secret_sha256, name, permissions, tenants, created_at, created_by, expires_at)
    VALUES ('k_1', '\\x00', 'ci', '{audit:read}', '{acme}', now(), 'os:test', now())`)
  sql.release()
  await pool.end()
  const fasten = createFasten({
    service_id: 'shop',
    node_id: 'n1',
    tenant_id: 'acme',
    audit_dsn: ownerUrlOf(url),
    spool_dir: join(folder, randomBytes(4).toString('hex')),
    stdout: [],
    signing: false,
  })
  for (let at = 0; at < 20; at++) fasten.emit({ code: 'CLOCK_STEP', target: `t${at}` })
  assert.ok(await fasten.flush(60_000))
  await fasten.close()
  return url
}

async function asked(url: string, statement: string): Promise<readonly string[]> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    const { rows } = await client.query<{ line: string }>(statement)
    return rows.map(({ line }) => line)
  } finally {
    await client.end()
  }
}

const kept = ['audit_log', 'fasten_logs', 'fleet_users', 'fleet_grants', 'fleet_api_keys']

test('a database of the first version is brought to this one without loss', async () => {
  const url = await asItWas()
  const columns = new Map<string, string>()
  const before: (readonly string[])[] = []
  for (const table of kept) {
    const [names = ''] = await asked(
      url,
      `SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) AS line FROM pg_attribute
      WHERE attrelid = 'fleet.${table}'::regclass AND attnum > 0 AND NOT attisdropped`,
    )
    columns.set(table, names)
    before.push(await asked(url, `SELECT ROW(${names})::text AS line FROM fleet.${table} ORDER BY 1`))
  }
  assert.deepEqual(
    before.map((lines) => lines.length > 0),
    kept.map(() => true),
  )
  const database = await openFleetDatabase({ url, secret, layRows })
  const found: (readonly string[])[] = []
  for (const table of kept)
    found.push(
      await asked(url, `SELECT ROW(${columns.get(table)})::text AS line FROM fleet.${table} ORDER BY 1`),
    )
  assert.deepEqual(found, before)
  assert.deepEqual(
    await asked(url, 'SELECT name AS line FROM fleet.fleet_migrations ORDER BY 1'),
    readdirSync(newest).filter((name) => name.endsWith('.sql')),
  )
  const store = await openForReading(await database.readerUrl(['acme']))
  const seen = await store.scan({ stream: 'audit', order: 'oldest', limit: 100 })
  assert.equal(seen.filter(({ leaf }) => leaf?.includes('"code":"CLOCK_STEP"')).length, 20)
  await store.close()
  await database.close()
})

test('each step of the first version is still what it was', () => {
  for (const name of readdirSync(firstLayout)) assert.ok(readdirSync(newest).includes(name), name)
})

test('a step that this version does not know, and one that was edited, are refused with nothing changed', async () => {
  const url = await server.freshDatabase()
  await (await openFleetDatabase({ url, secret, layRows })).close()
  const pool = ownerPool(url, 2)
  const own = join(folder, 'edited')
  cpSync(newest, own, { recursive: true })
  appendFileSync(join(own, '0001-tenancy.sql'), '\n-- a better word\n')
  const names = { schema: 'fleet', reader: 'x', analyst: 'y' }
  const sql = await pool.connect()
  await assert.rejects(migrateFleet(sql, { names, folder: own }), {
    code: 'FLEET_SCHEMA_DIFFERS',
    at: '0001-tenancy.sql',
  })
  await sql.query("INSERT INTO fleet_migrations (name, digest) VALUES ('9000-later.sql', 'x')")
  sql.release()
  await assert.rejects(openFleetDatabase({ url, secret, layRows }), {
    code: 'FLEET_SCHEMA_NEWER',
    at: '9000-later.sql',
  })
  await pool.end()
})

test('a server that is killed in the middle of a step leaves the step before, and the next one goes on', async () => {
  const url = await server.freshDatabase()
  const steps = join(folder, 'steps')
  cpSync(firstLayout, steps, { recursive: true })
  writeFileSync(join(steps, '0900-one.sql'), 'CREATE TABLE one (a int);')
  // Half of it is done, and then it takes for ever.
  writeFileSync(join(steps, '0901-two.sql'), 'CREATE TABLE two (a int); SELECT pg_sleep(3600);')
  const child = spawn(
    process.execPath,
    ['--conditions=fasten-source', '--input-type=module', '-e', program],
    {
      env: { ...process.env, AT: url, STEPS: steps, SECRET: secret.toString('hex') },
      stdio: ['ignore', 'inherit', 'inherit'],
    },
  )
  const exit = once(child, 'exit')
  await until(async () => (await sleeping(url)).length > 0)
  child.kill('SIGKILL')
  await exit
  // Postgres learns of it when it wants to answer; an administrator, or keepalives, are faster.
  await asked(
    url,
    "SELECT pg_terminate_backend(pid)::text AS line FROM pg_stat_activity WHERE query LIKE '%pg_sleep(3600)%' AND pid <> pg_backend_pid()",
  )
  await until(async () => (await sleeping(url)).length === 0)
  assert.deepEqual(await asked(url, "SELECT relname AS line FROM pg_class WHERE relname IN ('one', 'two')"), [
    'one',
  ])
  writeFileSync(join(steps, '0901-two.sql'), 'CREATE TABLE two (a int);')
  const pool = ownerPool(url, 2)
  const sql: PoolClient = await pool.connect()
  await layFleet(sql, { secret, layRows: () => layRows(ownerUrlOf(url)), folder: steps })
  sql.release()
  await pool.end()
  assert.deepEqual(
    await asked(url, "SELECT name AS line FROM fleet.fleet_migrations WHERE name LIKE '09%' ORDER BY 1"),
    ['0900-one.sql', '0901-two.sql'],
  )
})

const program = `
import { ownerPool, ownerUrlOf } from ${JSON.stringify(join(import.meta.dirname, 'fleet-database.ts'))}
import { alone } from ${JSON.stringify(join(import.meta.dirname, 'alone.ts'))}
import { layFleet } from ${JSON.stringify(join(import.meta.dirname, 'lay-fleet.ts'))}
import { layRows } from ${JSON.stringify(join(import.meta.dirname, '../trail/lay-rows.ts'))}
const { AT, STEPS, SECRET } = process.env
await alone(ownerPool(AT, 2), async (sql) => {
  await sql.query('CREATE SCHEMA fleet')
  await layFleet(sql, { secret: Buffer.from(SECRET, 'hex'), layRows: () => layRows(ownerUrlOf(AT)), folder: STEPS })
})`

const sleeping = (url: string): Promise<readonly string[]> =>
  asked(
    url,
    "SELECT pid::text AS line FROM pg_stat_activity WHERE query LIKE '%pg_sleep(3600)%' AND datname = current_database() AND pid <> pg_backend_pid()",
  )

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (const deadline = performance.now() + 120_000; performance.now() < deadline; await pause(50))
    if (await holds()) return
  throw new Error('it did not come within two minutes')
}
