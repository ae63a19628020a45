// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, test } from 'node:test'
import { builtinPolicy } from '../../core/retention-policy.ts'
import { createSampleDrafts, sampleTime } from '../../testing/sample-drafts.ts'
import { assertSound } from '../../testing/store-contract.ts'
import { createSystemClock, sha256 } from '../platform.ts'
import type { Store } from '../ports.ts'
import { encodeSealed } from '../privacy/sealed.ts'
import { createSweeper, type SweepEvent } from '../retention/sweeper.ts'
import { defaultTables } from '../row-tables.ts'
import { batch, openAt, sqlAt } from './fixtures/places.ts'
import { startPostgres } from './fixtures/server.ts'
import { applyGrants, grantStatements } from './grants.ts'
import { rights, rowRights } from './rights.ts'

const server = await startPostgres()
// Roles belong to the whole server, which other tests may share.
const tag = randomBytes(4).toString('hex')
const roles = {
  writer: `fasten_writer_${tag}`,
  reader: `fasten_reader_${tag}`,
  sweeper: `fasten_sweeper_${tag}`,
}
for (const role of Object.values(roles)) await server.query(`CREATE ROLE ${role} LOGIN PASSWORD 'pw'`)
after(async () => {
  await server.dropDatabases()
  for (const role of Object.values(roles)) await server.query(`DROP ROLE ${role}`)
  await server.remove()
})

/** A database with rows, its roles granted, and the URL of each. */
async function granted() {
  const url = await server.freshDatabase()
  const store = await openAt(url)
  await store.append(batch([createSampleDrafts().audit()], 1))
  await store.close()
  const sql = await sqlAt(url)
  const statements = await grantStatements(sql, 'public', roles)
  for (let round = 0; round < 2; round++) await applyGrants(sql, statements, 'here')
  await sql.client.end()
  const as = (role: string): string => {
    const own = new URL(url)
    own.username = role
    own.password = 'pw'
    return own.href
  }
  return { url, writer: as(roles.writer), reader: as(roles.reader), sweeper: as(roles.sweeper) }
}

const denied = { code: '42501', message: /^permission denied/ }

test('a writer opens, appends, opens logs and enters months, and can neither change, delete nor create', async () => {
  const { url, writer } = await granted()
  const store = await openAt(writer)
  const samples = createSampleDrafts({ boot_id: '00000000000000b1' })
  await store.append(batch([samples.audit(), samples.sys()], 1, '00000000000000b1'))
  const about = { tenant: '', subject: 'a'.repeat(32), kek: 'b'.repeat(16), made_at: sampleTime(0) }
  const keys = [{ ...about, id: 'c'.repeat(32), wrapped: 'AAAA' }]
  const sealed = encodeSealed({ keys, values: [{ pointer: '/actor', key: 'c'.repeat(32), box: 'AAAA' }] })
  const { drafts, ...rest } = batch([samples.audit()], 2, '00000000000000b1')
  await store.append({ ...rest, drafts: drafts.map((draft) => ({ ...draft, sealed: Buffer.from(sealed) })) })
  await store.forgetSpool('00000000000000b1')
  await assertSound(store)
  await store.close()
  await server.query("SELECT fasten_make_months('audit_log', '2040-01-01', 2)", [], writer)
  const [part] = await server.query('SELECT tableoid::regclass::text AS name FROM audit_log LIMIT 1', [], url)
  for (const sql of [
    "UPDATE audit_log SET actor = 'x'",
    'DELETE FROM audit_log',
    'TRUNCATE audit_log',
    `UPDATE ${String(part?.['name'])} SET actor = 'x'`,
    `DELETE FROM ${String(part?.['name'])}`,
    "SET fasten.sweep = 'on'; DELETE FROM audit_log",
    'DELETE FROM fasten_logs',
    "UPDATE fasten_logs SET log = 'x'",
    'DELETE FROM fasten_counters',
    "UPDATE fasten_meta SET value = '0'",
    'CREATE TABLE mine (x int)',
    'DROP TABLE audit_log',
    'ALTER TABLE audit_log DISABLE TRIGGER ALL',
  ])
    await assert.rejects(server.query(sql, [], writer), { code: '42501' }, sql)
})

test('a sweeper sweeps with its own rights alone; a writer is asked for nothing, and says so once', async () => {
  const { writer, sweeper } = await granted()
  const timestamp = '2020-01-01T00:00:00.000000Z'
  const samples = createSampleDrafts({ boot_id: '00000000000000bb' })
  const rows = batch([samples.audit({ timestamp, retention_class: 'short' })], 2)
  const [one, other] = [await openAt(writer), await openAt(sweeper)]
  await one.append(rows)
  const events: SweepEvent[] = []
  const sweepBy = async (store: Store, awaited: SweepEvent['event']): Promise<void> => {
    let turns = 0
    const sweeping = createSweeper({
      needsReplication: false,
      settings: { policy: builtinPolicy, sweepIntervalMs: 200, service_id: 'gateway' },
      store: async () => {
        turns++
        return store
      },
      digest: sha256,
      clock: createSystemClock(),
      uptime: () => ({ machine: 'one', uptimeMicros: 0 }),
      needsCheckpoint: false,
      onEvent: (event) => void events.push(event),
    })
    const until = async (isSo: () => boolean): Promise<void> => {
      for (const deadline = performance.now() + 60_000; !isSo();) {
        assert.ok(performance.now() < deadline, `${awaited} was not told within a minute`)
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    }
    await until(() => events.some(({ event }) => event === awaited))
    // Some turns more: what is told once must not be told by the next.
    const before = turns
    await until(() => turns >= before + 3)
    await sweeping.stop()
  }
  await sweepBy(one, 'retention_not_permitted')
  assert.deepEqual(
    events.map(({ event }) => event),
    ['retention_not_permitted'],
  )
  await sweepBy(other, 'retention_swept')
  assert.deepEqual(
    events.slice(1).map(({ event }) => event),
    ['retention_first_sweep', 'retention_swept'],
  )
  await one.close()
  await other.close()
})

test('a writer without rights of the owner says when the layout is old, and the owner mends it', async () => {
  const { url, writer } = await granted()
  await assert.rejects(openAt(writer, { tables: { audit: 'another' } }), {
    code: 'STORE_SCHEMA_OLDER',
    hint: /fasten postgres migrate/,
  })
  await server.query("UPDATE fasten_meta SET value = '0' WHERE key = 'schema_version'", [], url)
  await assert.rejects(openAt(writer), { code: 'STORE_SCHEMA_OLDER', message: /layout \d/ })
})

test('a writer that was never granted anything is told how it is', async () => {
  const url = await server.freshDatabase()
  await (await openAt(url)).close()
  await server.query('REVOKE ALL ON ALL TABLES IN SCHEMA public FROM PUBLIC', [], url)
  const own = new URL(url)
  own.username = roles.writer
  own.password = 'pw'
  await assert.rejects(openAt(own.href), { code: 'STORE_READONLY', hint: /fasten postgres grants/ })
})

test('a reader answers every question and changes nothing', async () => {
  const { reader } = await granted()
  const store = await openAt(reader, { mode: 'read' })
  await assertSound(store)
  assert.equal(
    (await store.scan({ stream: 'audit', order: 'newest', limit: 5, filter: { has: ['detail'] } })).length,
    2,
  )
  assert.equal((await store.describe()).rows, 2)
  await store.close()
  for (const sql of [
    "INSERT INTO fasten_meta VALUES ('a', 'b')",
    'INSERT INTO audit_log (stored_on, position, log_id, monotonic_seq) VALUES (now(), 9, 9, 9)',
    'UPDATE fasten_logs SET size = 0',
    "SELECT fasten_make_months('audit_log', '2040-01-01', 1)",
  ])
    await assert.rejects(server.query(sql, [], reader), denied, sql)
})

test('every table of the layout has its line of rights, and each role may do what it says and no more', async () => {
  const { url } = await granted()
  const tables = await server.query(
    `SELECT c.relname AS name FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace
    AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1`,
    [],
    url,
  )
  const names = tables.map(({ name }) => String(name))
  const rows = Object.values(defaultTables)
  assert.deepEqual(names, [...rows, ...Object.keys(rights)].sort())
  const verbs = ['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']
  for (const name of names) {
    const wanted = rows.includes(name) ? rowRights : rights[name]
    for (const kind of ['writer', 'reader', 'sweeper'] as const) {
      // Rights on some columns stand in brackets; they are no rights on the table.
      const allowed = (wanted?.[kind] ?? '').replace(/\w+ \([^)]*\)/g, '').match(/\w+/g) ?? []
      const found = await server.query(
        'SELECT verb FROM unnest($1::text[]) AS verb WHERE has_table_privilege($2, $3, verb)',
        [verbs, roles[kind], name],
        url,
      )
      assert.deepEqual(found.map(({ verb }) => verb).sort(), allowed.sort(), `${kind} on ${name}`)
    }
  }
})

test('a sweeper takes the content out of rows, on purpose only', async () => {
  const { sweeper } = await granted()
  await assert.rejects(server.query('UPDATE audit_log SET leaf = NULL', [], sweeper), {
    code: '42501',
    message: /refused/,
  })
  const sql = await sqlAt(sweeper)
  await sql.run("SET fasten.sweep = 'on'")
  assert.equal(await sql.change('UPDATE audit_log SET leaf = NULL WHERE monotonic_seq = 1'), 1)
  await sql.client.end()
  await assert.rejects(server.query('DELETE FROM fasten_logs', [], sweeper), denied)
})

test('a role that does not exist is named, and nothing was granted', async () => {
  const url = await server.freshDatabase()
  await (await openAt(url)).close()
  const sql = await sqlAt(url)
  const statements = await grantStatements(sql, 'public', { reader: roles.reader, writer: 'no "such" role' })
  await assert.rejects(applyGrants(sql, statements, 'here'), {
    code: 'STORE_AUTH',
    message: /no "such" role/,
  })
  await sql.client.end()
  const [row] = await server.query(
    `SELECT has_table_privilege($1, 'audit_log', 'SELECT') AS may`,
    [roles.reader],
    url,
  )
  assert.deepEqual(row, { may: false })
})
