// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { columnNames } from '../../core/columns.ts'
import { createSampleDrafts } from '../../testing/sample-drafts.ts'
import { assertSound } from '../../testing/store-contract.ts'
import { openStore } from '../open.ts'
import { loadSqliteDriver, type SqliteConnection } from './driver.ts'
import { batch, createPlaces, tamper, targetOf, using } from './fixtures/places.ts'
import { migrate, ownTables, refuseForeignTables, schemaVersion, type MigrateOptions } from './migrate.ts'
import { migrations, type Migration } from './schema.ts'

const place = createPlaces()
const fresh = (): string => join(place(), 'rows.db')

test('a row table has the projected columns, and only the indices that earn their price', async () => {
  const path = fresh()
  await using(targetOf(path), async () => {})
  for (const stream of ['audit', 'sys', 'api'] as const) {
    const columns = tamper(path, `SELECT name FROM pragma_table_info('${stream}_log')`).map(
      ({ name }) => name,
    )
    assert.deepEqual(columns, ['position', 'log_id', 'monotonic_seq', 'hash', ...columnNames[stream], 'leaf'])
  }
  const indices = tamper(path, "SELECT name FROM pragma_index_list('audit_log') ORDER BY name").map(
    ({ name }) => name,
  )
  assert.deepEqual(indices, [
    'audit_log_actor',
    'audit_log_cause',
    'audit_log_code',
    'audit_log_id',
    'audit_log_place',
    'audit_log_request',
    'audit_log_time',
  ])
})

test('commits are made to survive power loss', async () => {
  const path = fresh()
  const asked = new Map<string, unknown>()
  const driver = await loadSqliteDriver()
  const { openSqliteWriter } = await import('./writer.ts')
  const { createSystemClock, createSystemIds, sha256 } = await import('../platform.ts')
  const writer = openSqliteWriter({
    path,
    driver,
    tables: { audit: 'audit_log' },
    digest: sha256,
    clock: createSystemClock(),
    ids: createSystemIds(),
    software: { name: 'fasten', version: '0' },
    busyTimeoutMs: 100,
  })
  for (const name of ['journal_mode', 'synchronous', 'fullfsync', 'mmap_size', 'foreign_keys'])
    asked.set(name, Object.values(writer.connection().prepare(`PRAGMA ${name}`).get() ?? {})[0])
  writer.close()
  assert.deepEqual(Object.fromEntries(asked), {
    journal_mode: 'wal',
    synchronous: 2,
    fullfsync: 1,
    mmap_size: 0,
    foreign_keys: 0,
  })
})

test('tables of two services share a file and keep their own logs', async () => {
  const path = fresh()
  const samples = createSampleDrafts()
  await using(targetOf(path, { streams: ['audit'] }), (store) => store.append(batch([samples.audit()], 1)))
  await using(
    targetOf(path, { streams: ['audit', 'sys'], tables: { audit: 'Other_Audit' } }),
    async (store) => {
      const { appended } = await store.append(batch([samples.audit(), samples.sys()], 2, '00000000000000bb'))
      assert.deepEqual(
        appended.map(({ monotonic_seq }) => monotonic_seq),
        [1, 1],
      )
      await assertSound(store)
    },
  )
  await using(targetOf(path, { streams: ['audit'] }), async (store) => {
    assert.deepEqual(
      (await store.heads()).map(({ size }) => size),
      [2],
    )
    await assertSound(store)
  })
})

test('a table of somebody else is never written, nor anything else in its file', async () => {
  const path = fresh()
  tamper(path, 'CREATE TABLE audit_log (id TEXT PRIMARY KEY, note TEXT)')
  const before = readFileSync(path)
  for (const target of [
    targetOf(path),
    targetOf(path, { streams: ['audit'], tables: { audit: 'AUDIT_LOG' } }),
  ]) {
    await assert.rejects(openStore(target), { code: 'TABLE_FOREIGN', at: path })
    assert.deepEqual([readFileSync(path).equals(before), existsSync(`${path}-wal`)], [true, false])
  }
  await using(targetOf(path, { streams: ['audit'], tables: { audit: 'audit_log_2' } }), async (store) => {
    await store.append(batch([createSampleDrafts().audit()], 1))
    await assertSound(store)
  })
  assert.deepEqual(tamper(path, 'SELECT count(*) AS rows FROM audit_log'), [{ __proto__: null, rows: 0 }])
})

test('a table of ours keeps its stream', async () => {
  const path = fresh()
  await using(targetOf(path), async () => {})
  await assert.rejects(openStore(targetOf(path, { streams: ['sys'], tables: { sys: 'audit_log' } })), {
    code: 'TABLE_FOREIGN',
    message: /holds the audit stream, not sys/,
  })
})

test('two streams cannot share a table', async () => {
  const dsn = { kind: 'sqlite', path: fresh(), isMemory: false, table: 'rows' } as const
  await assert.rejects(openStore({ dsn, streams: ['audit', 'sys'] }), { name: 'TypeError', message: /share/ })
})

const newest = migrations.at(-1)?.version ?? 0

test('a layout from a newer version is refused, for writing and for reading', async () => {
  const path = fresh()
  await using(targetOf(path), async () => {})
  tamper(path, "UPDATE fasten_meta SET value = '99' WHERE key = 'schema_version'")
  const before = readFileSync(path)
  for (const mode of ['write', 'read'] as const) {
    await assert.rejects(openStore(targetOf(path, { mode })), {
      code: 'STORE_SCHEMA_NEWER',
      message: new RegExp(`layout 99.*up to ${newest}`),
      at: path,
    })
  }
  assert.ok(readFileSync(path).equals(before))
})

const later: Migration = {
  version: newest + 1,
  statements: ['CREATE TABLE fasten_notes (note TEXT) STRICT', "INSERT INTO fasten_notes VALUES ('once')"],
  tableStatements: (_stream, table) => [
    `ALTER TABLE ${table} ADD COLUMN shipped_at TEXT`,
    `CREATE INDEX ${table}_shipped ON ${table} (shipped_at)`,
  ],
}

test('a step of the layout reaches every table, old and new, and leaves the rows alone', async () => {
  const path = fresh()
  await using(targetOf(path, { streams: ['audit'] }), (store) =>
    store.append(batch([createSampleDrafts().audit()], 1)),
  )
  const rows = tamper(path, 'SELECT * FROM audit_log')
  const connection = await connected(path)
  const options = optionsOf(path, { audit: 'audit_log', sys: 'sys_log' }, [...migrations, later])
  migrate(connection, options)
  migrate(connection, options)
  assert.deepEqual(
    [schemaVersion(connection, path, options.migrations), [...ownTables(connection).keys()]],
    [newest + 1, ['audit_log', 'sys_log']],
  )
  connection.close()
  assert.deepEqual(
    tamper(path, 'SELECT * FROM audit_log'),
    rows.map((row) => ({ ...row, __proto__: null, shipped_at: null })),
  )
  assert.deepEqual(tamper(path, 'SELECT shipped_at FROM sys_log'), [])
  assert.equal(tamper(path, 'SELECT * FROM fasten_notes').length, 1)
})

test('stopped at any statement, a step is not half taken, and the next start takes it', async () => {
  const steps = [...migrations, later]
  for (let stop = 1, isDone = false; !isDone; stop++) {
    const path = fresh()
    await using(targetOf(path, { streams: ['audit'] }), (store) =>
      store.append(batch([createSampleDrafts().audit()], 1)),
    )
    const schema = (): unknown => tamper(path, 'SELECT sql FROM sqlite_schema ORDER BY name')
    const before = schema()
    const connection = await connected(path)
    let left = stop
    const stopping: SqliteConnection = {
      ...connection,
      exec(sql) {
        if (--left === 0) throw new Error('stopped')
        connection.exec(sql)
      },
    }
    const options = optionsOf(path, { audit: 'audit_log', sys: 'sys_log' }, steps)
    try {
      migrate(stopping, options)
      isDone = true
    } catch (error) {
      assert.match(String(error), /stopped/)
      assert.deepEqual(schema(), before)
    }
    migrate(connection, options)
    assert.equal(schemaVersion(connection, path, steps), newest + 1)
    connection.close()
    if (isDone) assert.ok(stop > 8, 'every statement was stopped at')
  }
})

test('tables that another process makes while one looks for them are nobody else’s', async () => {
  const path = fresh()
  const [connection, other] = [await connected(path), await connected(path)]
  connection.exec('PRAGMA journal_mode = WAL')
  const options = optionsOf(path, { audit: 'audit_log' }, migrations)
  let asked = 0
  const looking: SqliteConnection = {
    ...connection,
    prepare(...given) {
      if (++asked === 2) migrate(other, options)
      return connection.prepare(...given)
    },
  }
  refuseForeignTables(looking, options)
  assert.ok(asked >= 2)
  other.close()
  connection.close()
})

test('several processes that start at once on nothing all get to work', async () => {
  const path = fresh()
  const entry = fileURLToPath(new URL('../fixtures/append-child.ts', import.meta.url))
  const exits = Array.from({ length: 4 }, (_, index) => {
    const id = `000000000000000${index}`
    const job = { source_node_id: `edge-${index}`, boot_id: id, spool: id, batches: 3, rowsPerBatch: 2 }
    const args = [entry, JSON.stringify(targetOf(path)), JSON.stringify(job)]
    return once(spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] }), 'exit')
  })
  assert.deepEqual(
    await Promise.all(exits),
    exits.map(() => [0, null]),
  )
  await using(targetOf(path, { mode: 'read' }), async (store) => {
    assert.deepEqual(
      (await store.heads()).map(({ size }) => size),
      [7, 7, 7, 7],
    )
    await assertSound(store)
  })
})

async function connected(path: string): Promise<SqliteConnection> {
  return (await loadSqliteDriver()).open(path, { isReadOnly: false, busyTimeoutMs: 1000 })
}

function optionsOf(
  path: string,
  tables: MigrateOptions['tables'],
  steps: readonly Migration[],
): MigrateOptions {
  return { path, tables, migrations: steps, createdAt: '2031-03-01T00:00:00.000000Z', createdBy: 'test' }
}
