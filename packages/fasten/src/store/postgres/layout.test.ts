// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { createSampleDrafts } from '../../testing/sample-drafts.ts'
import { assertSound } from '../../testing/store-contract.ts'
import { batch, openAt, sqlAt } from './fixtures/places.ts'
import { startPostgres } from './fixtures/server.ts'
import { migrate } from './migrate.ts'
import { createMonths } from './months.ts'
import { migrations } from './schema.ts'
import { notBefore } from './stored-ids.ts'

const server = await startPostgres()
after(() => server.remove())

const at = 'postgres://here/db'
const about = { schema: 'public', at, createdAt: '2031-03-01T00:00:00.000000Z', createdBy: 'test/1' }

test('several processes that start at once make one layout', async () => {
  const url = await server.freshDatabase()
  const stores = await Promise.all(Array.from({ length: 6 }, () => openAt(url)))
  const samples = createSampleDrafts()
  await Promise.all(
    stores.map((store, index) => store.append(batch([samples.audit()], 1, `00000000000000b${index}`))),
  )
  assert.deepEqual(
    (await stores[0]?.heads())?.map(({ log, size }) => [log, size]),
    [['_/gateway/edge-1/audit', 7]],
  )
  for (const store of stores) await store.close()
})

test('a migration that fails leaves nothing of itself, and a newer layout is left alone', async () => {
  const url = await server.freshDatabase()
  const sql = await sqlAt(url)
  const [first] = migrations
  assert.ok(first)
  const broken = {
    version: 2,
    statements: () => ['CREATE TABLE half (x int)', 'SELECT 1/0'],
    tableStatements: () => [],
  }
  await assert.rejects(
    migrate(sql, { ...about, tables: { audit: 'audit_log' }, migrations: [first, broken] }),
    /division by zero/,
  )
  assert.deepEqual(
    await sql.run("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"),
    [],
  )

  const added = { ...broken, statements: () => ['CREATE TABLE whole (x int)'] }
  await migrate(sql, { ...about, tables: { audit: 'audit_log' }, migrations: [first] })
  await migrate(sql, { ...about, tables: { audit: 'audit_log', sys: 'sys_log' }, migrations: [first, added] })
  assert.deepEqual(
    await sql.run("SELECT to_regclass('whole')::text AS a, to_regclass('sys_log')::text AS b"),
    [{ a: 'whole', b: 'sys_log' }],
  )
  await sql.run(`UPDATE fasten_meta SET value = '99' WHERE key = 'schema_version'`)
  await sql.client.end()
  await assert.rejects(openAt(url), { code: 'STORE_SCHEMA_NEWER', message: /layout 99/ })
  await assert.rejects(openAt(url, { mode: 'read' }), { code: 'STORE_SCHEMA_NEWER' })
})

test("somebody else's table is not touched, and neither is a stream's by another", async () => {
  const url = await server.freshDatabase()
  await server.query('CREATE TABLE audit_log (x int)', [], url)
  await assert.rejects(openAt(url), { code: 'TABLE_FOREIGN', hint: /table=audit_log_2/ })
  assert.deepEqual(await server.query("SELECT to_regclass('fasten_meta') AS t", [], url), [{ t: null }])
  await (await openAt(url, { tables: { audit: 'trail' } })).close()
  await assert.rejects(openAt(url, { tables: { sys: 'trail' } }), {
    code: 'TABLE_FOREIGN',
    message: /holds the audit stream/,
  })
})

test('a schema is a store of its own, with a table of any name', async () => {
  const url = await server.freshDatabase()
  const table = 'a_table_whose_name_is_nearly_as_long_as_postgres_lets_it_be_yes'
  assert.equal(table.length, 63)
  const stores = [
    await openAt(url, { schema: 'one', tables: { audit: table } }),
    await openAt(url, { schema: 'Two' }),
  ]
  for (const store of stores) {
    await store.append(batch([createSampleDrafts().audit()], 1))
    await assertSound(store)
    assert.equal(await store.position('audit'), 2)
    await store.close()
  }
  await assert.rejects(openAt(url, { mode: 'read', schema: 'three' }), { code: 'STORE_EMPTY' })
})

test('rows are never changed, deleted or truncated, by their owner neither, unless the session says that it sweeps', async () => {
  const url = await server.freshDatabase()
  const store = await openAt(url)
  await store.append(batch([createSampleDrafts().audit()], 1))
  await store.close()
  const [month] = await server.query(
    `SELECT tableoid::regclass::text AS part FROM audit_log LIMIT 1`,
    [],
    url,
  )
  const part = String(month?.['part'])
  const refused = { code: '42501', message: /is refused, rows are only ever added/ }
  for (const sql of [
    "UPDATE audit_log SET actor = 'x'",
    `UPDATE ${part} SET actor = 'x'`,
    'DELETE FROM audit_log',
    `DELETE FROM ${part}`,
    'TRUNCATE audit_log',
    `TRUNCATE ${part}`,
    'DELETE FROM fasten_logs',
    'TRUNCATE fasten_logs',
  ])
    await assert.rejects(server.query(sql, [], url), refused, sql)
  const client = await sqlAt(url)
  await client.run("SET fasten.sweep = 'on'")
  assert.equal(await client.change("UPDATE audit_log SET actor = 'x'"), 2)
  assert.equal(await client.change('DELETE FROM audit_log'), 2)
  await client.client.end()
})

test('partitions are there before their month, made once, and guarded', async () => {
  const url = await server.freshDatabase()
  await (await openAt(url)).close()
  const sql = await sqlAt(url)
  const months = createMonths('public', { audit: 'audit_log' })
  assert.equal(months.through(), undefined)
  for (let round = 0; round < 2; round++) await months.make(sql, '2040-12-31')
  assert.equal(months.through(), '2040-12')
  const parts = await sql.run(
    `SELECT c.relname AS part, pg_get_expr(c.relpartbound, c.oid) AS bound,
      (SELECT count(*)::int FROM pg_trigger t WHERE t.tgrelid = c.oid) AS guards
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'audit_log'::regclass AND c.relname > 'audit_log_2040' ORDER BY 1`,
  )
  assert.deepEqual(parts, [
    { part: 'audit_log_2040_12', bound: "FOR VALUES FROM ('2040-12-01') TO ('2041-01-01')", guards: 2 },
    { part: 'audit_log_2041_01', bound: "FOR VALUES FROM ('2041-01-01') TO ('2041-02-01')", guards: 2 },
    { part: 'audit_log_2041_02', bound: "FOR VALUES FROM ('2041-02-01') TO ('2041-03-01')", guards: 2 },
  ])
  await assert.rejects(sql.run("SELECT fasten_make_months('pg_class', '2040-01-01', 1)"), { code: '42501' })
  await sql.client.end()
})

test('a writer that enters a month without partitions makes them', async () => {
  const url = await server.freshDatabase()
  const store = await openAt(url)
  const sql = await sqlAt(url)
  const [{ part } = {}] = await sql.run(
    "SELECT 'audit_log_' || to_char(now() AT TIME ZONE 'UTC', 'YYYY_MM') AS part",
  )
  await sql.run(`DROP TABLE "${String(part)}"`)
  await sql.client.end()
  // The store that is open was told that they are there, and makes them when it is tried again.
  const again = batch([createSampleDrafts().audit()], 1)
  await assert.rejects(store.append(again), { code: 'STORE_SCHEMA_OLDER', hint: /migrate/ })
  await store.append(again)
  await assertSound(store)
  assert.deepEqual((await store.describe()).warnings, [])
  await store.close()
})

test('ids are looked for from two days before they were minted, or everywhere when they do not say when', () => {
  assert.equal(notBefore(['evt-01JZ0000000000000000000000'], '2026-11-26'), '2025-06-28')
  assert.equal(notBefore(['evt-01JZ0000000000000000000000', 'mine'], '2026-11-26'), '1970-01-01')
  assert.equal(notBefore(['evt-7ZZZZZZZZZ0000000000000000'], '2026-11-26'), '2026-11-24')
  assert.equal(notBefore([], '2026-11-26'), '2026-11-24')
})
