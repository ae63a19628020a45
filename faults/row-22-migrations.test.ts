// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { loadSqliteDriver } from '../packages/fasten/src/store/sqlite/driver.ts'
import { migrate } from '../packages/fasten/src/store/sqlite/migrate.ts'
import type { PostgresServer } from '../packages/fasten/src/store/postgres/fixtures/server.ts'
import { migrations as postgresMigrations } from '../packages/fasten/src/store/postgres/schema.ts'
import { migrations } from '../packages/fasten/src/store/sqlite/schema.ts'
import { createSampleDrafts } from '../packages/fasten/src/testing/sample-drafts.ts'
import { addUp } from './harness/add-up.ts'
import { createChance } from './harness/chance.ts'
import { batchOf, openPlace } from './harness/drafts.ts'
import { judge, type Judgement } from './harness/judge.ts'
import { makeFolder, sqlitePlace, subfolder } from './harness/place.ts'
import { postgresPlace } from './harness/postgres-place.ts'
import { report, reportControl } from './harness/report.ts'
import { isTorture, onlyTorture } from './harness/scale.ts'
import { openBeside } from '../packages/fasten/src/store/sqlite/fixtures/beside.ts'

const chance = createChance()
const tables = { audit: 'audit_log', sys: 'sys_log', api: 'api_log' }
const by = { createdAt: '2031-03-01T00:00:00.000000Z', createdBy: 'fasten 0.0.0' }

/** A migrating process is killed at each statement in turn, from an empty file and from every released layout. */
describe('row 22: kill at every statement of every migration', () => {
  test('the layout is the old one or the new one, and the next start finishes the work', async (t) => {
    const folder = makeFolder(t)
    const fresh = shapeOf(await migrated(join(folder, 'fresh.db'), migrations.length))
    const judged: Judgement[] = []
    let kills = 0
    for (let from = 0; from < migrations.length; from++) {
      const statements = await countStatements(join(folder, `count-${from}.db`), from)
      const all = Array.from({ length: statements }, (_, index) => index + 1)
      for (const at of isTorture ? all : [...new Set([chance.between(1, statements), statements])]) {
        const place = sqlitePlace(subfolder(folder, `${from}-${at}`))
        const path = place.dsn.replace('sqlite:///', '')
        await migrated(path, from)
        const before = from === 0 ? '' : shapeOf(path)
        assert.equal(await killedAt(path, at), 'SIGKILL')
        kills++
        assert.ok([before, fresh].includes(shapeOf(path)), `half migrated from ${from}, killed at ${at}`)
        const store = await openPlace(place, ['audit', 'sys', 'api'])
        const drafts = [createSampleDrafts().audit()]
        await store.append(batchOf('00000000000000aa', 1, drafts))
        await store.close()
        assert.equal(shapeOf(path), fresh)
        judged.push(await judge(place, new Set(drafts.map(({ id }) => id))))
      }
    }
    report(t, { row: 22, attacked: 'kill -9 of a migration, SQLite', times: kills }, addUp(judged))
  })

  test('the same on Postgres', { skip: onlyTorture }, async (t) => {
    const { server, place } = await postgresPlace(t, true)
    const judged: Judgement[] = []
    let kills = 0
    const known = postgresMigrations.length
    const count = Number(await migratePostgres(await server.freshDatabase(), 'count', 0, known))
    const fresh = await server.freshDatabase()
    await migratePostgres(fresh, 'count', 0, known)
    const finished = await postgresShape(server, fresh)
    const all = Array.from({ length: count }, (_, index) => index + 1)
    for (const at of isTorture ? all : [...new Set([chance.between(2, count), count])]) {
      const dsn = await server.freshDatabase()
      assert.equal(await migratePostgres(dsn, 'kill', at, known), 'SIGKILL')
      kills++
      // The server learns of the death when it next looks at the connection.
      await untilAlone(server, dsn)
      assert.ok([finished, '[]'].includes(await postgresShape(server, dsn)), `half migrated, killed at ${at}`)
      const here = { ...place, dsn }
      const store = await openPlace(here, ['audit', 'sys', 'api'])
      const drafts = [createSampleDrafts().audit()]
      await store.append(batchOf('00000000000000aa', 1, drafts))
      await store.close()
      judged.push(await judge(here, new Set(drafts.map(({ id }) => id))))
    }
    report(t, { row: 22, attacked: 'kill -9 of a migration, Postgres', times: kills }, addUp(judged))
  })

  test('an older program is refused by a code, and changes nothing', async (t) => {
    const path = await migrated(join(makeFolder(t), 'newer.db'), migrations.length)
    const before = shapeOf(path)
    const database = openBeside(path)
    database.exec("UPDATE fasten_meta SET value = '99' WHERE key = 'schema_version'")
    database.close()
    await assert.rejects(openPlace(sqlitePlaceOf(path)), { code: 'STORE_SCHEMA_NEWER' })
    assert.equal(shapeOf(path), before)
  })

  test('bites: the same statements without a transaction leave half a layout', async (t) => {
    const path = join(makeFolder(t), 'naive.db')
    await killedAt(path, 8, 'bare')
    const fresh = shapeOf(await migrated(join(makeFolder(t), 'fresh.db'), migrations.length))
    const isHalf = ![fresh, ''].includes(shapeOf(path))
    reportControl(t, 22, { broken: 'no transaction', harm: 'layouts left half done', count: Number(isHalf) })
  })
})

const sqlitePlaceOf = (path: string) => ({ ...sqlitePlace(''), dsn: `sqlite:///${path}` })

/** A file with the first `version` migrations; none for 0. */
async function migrated(path: string, version: number): Promise<string> {
  if (version === 0) return path
  const connection = (await loadSqliteDriver()).open(path, { isReadOnly: false, busyTimeoutMs: 1000 })
  migrate(connection, { path, tables, ...by, migrations: migrations.slice(0, version) })
  connection.close()
  return path
}

async function countStatements(path: string, from: number): Promise<number> {
  await migrated(path, from)
  const child = migrator(path, 'count')
  let text = ''
  child.stdout.on('data', (bytes: Buffer) => (text += bytes.toString()))
  await once(child, 'close')
  return Number(text)
}

/** The signal that ended a process which migrates the file and dies before statement `at`. */
async function killedAt(path: string, at: number, how = 'kill'): Promise<string | null> {
  const [, signal] = (await once(migrator(path, how, at), 'close')) as [number | null, string | null]
  return signal
}

function migrator(path: string, how: string, at = 0) {
  const entry = join(import.meta.dirname, 'harness/migrator.ts')
  const args = ['--conditions=fasten-source', entry, path, how, String(at), JSON.stringify(tables)]
  return spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
}

/** Everything that the file says of its own layout; of a copy, so that looking changes nothing. */
function shapeOf(path: string): string {
  const copy = `${path}.look`
  copyFileSync(path, copy)
  const database = openBeside(copy)
  const rows = database.prepare('SELECT type, name, sql FROM sqlite_schema ORDER BY type, name').all()
  const hasMeta = rows.some(({ name }) => name === 'fasten_meta')
  const version = hasMeta
    ? database.prepare("SELECT value FROM fasten_meta WHERE key = 'schema_version'").get()
    : undefined
  database.close()
  return rows.length === 0
    ? ''
    : JSON.stringify([rows, version?.['value'] === '99' ? String(migrations.length) : version?.['value']])
}

/** What it printed, or the signal that ended it. */
async function migratePostgres(dsn: string, how: string, at: number, known: number): Promise<string> {
  const entry = join(import.meta.dirname, 'harness/postgres-migrator.ts')
  const args = ['--conditions=fasten-source', entry, dsn, how, String(at), String(known)]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  child.stdout.on('data', (bytes: Buffer) => (text += bytes.toString()))
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null]
  return signal ?? (code === 0 ? text.trim() : `ended with ${code}`)
}

/** Tables with their columns and indices, as text; `[]` for an empty schema. */
async function postgresShape(server: PostgresServer, dsn: string): Promise<string> {
  const rows = await server.query(
    `SELECT c.relname, c.relkind, array_agg(a.attname::text ORDER BY a.attnum) AS columns
     FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
     WHERE c.relnamespace = 'public'::regnamespace GROUP BY 1, 2 ORDER BY 1`,
    [],
    dsn,
  )
  return JSON.stringify(rows)
}

async function untilAlone(server: PostgresServer, dsn: string): Promise<void> {
  for (const deadline = performance.now() + 60_000; ;) {
    const [others] = await server.query(
      'SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
      [],
      dsn,
    )
    if (others?.['n'] === 0) return
    assert.ok(performance.now() < deadline, 'the server still waits for a client that is dead')
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
}
