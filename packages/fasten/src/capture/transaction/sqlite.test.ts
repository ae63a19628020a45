// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, test, type TestContext } from 'node:test'
import { sql as drizzleSql } from 'drizzle-orm'
import { CompiledQuery, Kysely, SqliteDialect } from 'kysely'
import createKnex from 'knex'
import { DataSource } from 'typeorm'
import { bench } from '../fixtures/instance.ts'
import { retryQuarantine } from '../../store/quarantine-retry.ts'
import { listQuarantine } from '../../store/quarantine.ts'
import { openStore } from '../../store/open.ts'
import { importDrizzle, leadHere, openBetter, type BetterDatabase } from './fixtures/better-sqlite3.ts'
import { sqliteDatabase } from './fixtures/sqlite-database.ts'
import { describeTransactions, soundRows, type Library } from './fixtures/transaction-contract.ts'
import { openBeside } from '../../store/sqlite/fixtures/beside.ts'

/** A library whose connection is its transaction: BEGIN and COMMIT are sent by hand. */
function plain(connection: { exec(sql: string): unknown; close(): unknown }): Library {
  return {
    async transaction(work) {
      connection.exec('BEGIN IMMEDIATE')
      try {
        await work(connection, async (text) => connection.exec(text))
        connection.exec('COMMIT')
      } catch (error) {
        connection.exec('ROLLBACK')
        throw error
      }
    },
    close: async () => void connection.close(),
  }
}

leadHere()
const { drizzle } = await importDrizzle()
/** Whatever else its types know, it takes the connection as it is. */
const drizzleOn = (client: BetterDatabase) => drizzle(client as never)

const libraries: Readonly<Record<string, Parameters<typeof sqliteDatabase>>> = {
  'node:sqlite': ['node:sqlite', async (path) => plain(openBeside(path))],
  'better-sqlite3': ['better-sqlite3', async (path) => plain(openBetter(path))],
  Kysely: [
    'better-sqlite3',
    async (path) => {
      const db = new Kysely<Record<string, never>>({
        dialect: new SqliteDialect({ database: openBetter(path) as never }),
      })
      return {
        transaction: (work) =>
          db
            .transaction()
            .execute(async (trx) => work(trx, async (text) => trx.executeQuery(CompiledQuery.raw(text)))),
        close: () => db.destroy(),
      }
    },
  ],
  Knex: [
    'better-sqlite3',
    async (path) => {
      const knex = createKnex({
        client: 'better-sqlite3',
        connection: { filename: path },
        useNullAsDefault: true,
      })
      return {
        transaction: (work) => knex.transaction(async (trx) => work(trx, async (text) => trx.raw(text))),
        close: () => knex.destroy(),
      }
    },
  ],
  'TypeORM, EntityManager': [
    'better-sqlite3',
    async (path) => {
      const source = await new DataSource({ type: 'better-sqlite3', database: path }).initialize()
      return {
        transaction: (work) =>
          source.transaction(async (manager) => work(manager, async (text) => manager.query(text))),
        close: () => source.destroy(),
      }
    },
  ],
  'TypeORM, QueryRunner': [
    'better-sqlite3',
    async (path) => {
      const source = await new DataSource({ type: 'better-sqlite3', database: path }).initialize()
      return {
        async transaction(work) {
          const runner = source.createQueryRunner()
          await runner.startTransaction()
          try {
            await work(runner, async (text) => runner.query(text))
            await runner.commitTransaction()
          } catch (error) {
            await runner.rollbackTransaction()
            throw error
          } finally {
            await runner.release()
          }
        },
        close: () => source.destroy(),
      }
    },
  ],
}

for (const [name, place] of Object.entries(libraries))
  describeTransactions(`SQLite through ${name}`, () => sqliteDatabase(...place), {
    // What is below the library is the same for all of them.
    isBrief: name !== 'node:sqlite' && name !== 'better-sqlite3',
  })

describe('emit(tx, event) on SQLite', () => {
  test('a synchronous transaction holds the row when the call returns', async (t) => {
    const { dsn, fasten, path } = await started(t, 'better-sqlite3')
    const app = openBetter(path)
    const orm = drizzleOn(app)
    orm.transaction((tx) => {
      tx.run(drizzleSql`CREATE TABLE orgs (id TEXT)`)
      void fasten.emit(tx, { code: 'USER_CREATED', target: 'through Drizzle' })
    })
    app.transaction(() => void fasten.emit(app, { code: 'USER_CREATED', target: 'through the driver' }))()
    assert.throws(
      () =>
        app.transaction(() => {
          void fasten.emit(app, { code: 'USER_CREATED', target: 'never' })
          throw new Error('no')
        })(),
      /^Error: no$/,
    )
    assert.equal(await fasten.flush(), true)
    app.close()
    assert.deepEqual(
      (await soundRows(dsn)).map(({ target }) => target),
      ['through Drizzle', 'through the driver'],
    )
    assert.deepEqual(fasten.stats().transactional, { inserted: 3, moved: 2, outstanding: 1 })
  })

  test('a transaction on another database is refused, and takes nothing', async (t) => {
    const { fasten, folder } = await started(t)
    for (const path of [join(folder, 'other.db'), ':memory:']) {
      const app = openBeside(path)
      assert.throws(() => void fasten.emit(app, { code: 'USER_CREATED', target: 'x' }), {
        code: 'OUTBOX_ELSEWHERE',
      })
      app.close()
    }
  })

  test('a store in memory has no transactions of applications', async (t) => {
    const { start } = bench(t)
    const fasten = start({ audit_dsn: 'sqlite:///:memory:' })
    const app = new DatabaseSync(':memory:')
    assert.throws(() => void fasten.emit(app, { code: 'USER_CREATED', target: 'x' }), {
      code: 'OUTBOX_ELSEWHERE',
    })
    app.close()
  })

  test('a transaction through another copy of SQLite is refused: the two would not see each other', async (t) => {
    const { fasten, path } = await started(t)
    const app = openBetter(path)
    assert.throws(() => void fasten.emit(app, { code: 'USER_CREATED', target: 'x' }), {
      code: 'SQLITE_COPIES',
    })
    app.close()
    const knex = createKnex({
      client: 'better-sqlite3',
      connection: { filename: path },
      useNullAsDefault: true,
    })
    await assert.rejects(
      knex.transaction(async (trx) => void (await fasten.emit(trx, { code: 'USER_CREATED', target: 'x' }))),
      { code: 'SQLITE_COPIES' },
    )
    await knex.destroy()
  })

  test('before the first start has made the outbox, the transaction is told so', async (t) => {
    const { start, path } = bench(t)
    const app = openBeside(path)
    app.exec('PRAGMA journal_mode = WAL; BEGIN IMMEDIATE; CREATE TABLE t (a)')
    const fasten = start()
    assert.throws(() => void fasten.emit(app, { code: 'USER_CREATED', target: 'x' }), {
      code: 'OUTBOX_MISSING',
    })
    app.exec('COMMIT')
    await fasten.ready(60_000)
    await fasten.emit(app, { code: 'USER_CREATED', target: 'x' })
    app.close()
  })

  test('what is no draft goes to quarantine with its bytes, and the rest moves on', async (t) => {
    const { dsn, fasten, path, folder } = await started(t)
    const app = openBeside(path)
    app.exec("INSERT INTO fasten_outbox VALUES ('../../evil', x'00ff', 'never')")
    await fasten.emit(app, { code: 'USER_CREATED', target: 'good' })
    app.close()
    assert.equal(await fasten.flush(), true)
    await fasten.flush()
    assert.deepEqual(
      listQuarantine(`${path}-spool`).map(({ kind, code, spool, bytes }) => [kind, code, spool, [...bytes]]),
      [['bytes', 'SPOOL_DAMAGED', 'outbox', [0, 255]]],
    )
    const rows = await soundRows(dsn)
    assert.deepEqual(rows.map(({ code }) => code).toSorted(), ['ROW_QUARANTINED', 'USER_CREATED'])
    assert.ok(folder)
  })

  test('personal values wait in the outbox sealed, and are stored apart from the row', async (t) => {
    const { registry, start, path, dsn } = bench(t)
    registry.register('person', {
      PERSON_SEEN: { category: 'account', action: 'see', retention_class: 'long', pii: ['detail.email'] },
    })
    const fasten = start({ flush_timeout_ms: 60_000 })
    await fasten.ready(60_000)
    const app = openBeside(path)
    app.exec('BEGIN')
    await fasten.emit(app, { code: 'PERSON_SEEN', target: 'p/1', detail: { email: 'ann@example.org', n: 1 } })
    const waiting = app.prepare('SELECT frame FROM fasten_outbox').get()?.['frame']
    assert.ok(waiting instanceof Uint8Array)
    assert.doesNotMatch(Buffer.from(waiting).toString('latin1'), /ann@example/)
    app.exec('COMMIT')
    assert.equal(await fasten.flush(), true)
    assert.equal(app.prepare('SELECT count(*) AS n FROM fasten_disclosures').get()?.['n'], 1)
    app.close()
    const [row] = await soundRows(dsn)
    assert.deepEqual(
      [row?.code, Object.hasOwn(row?.detail ?? {}, 'email'), row?.detail['n']],
      ['PERSON_SEEN', false, 1],
    )
  })

  test('a row from the outbox that was refused is stored from quarantine, with a number of its own', async (t) => {
    const { dsn, fasten, path } = await started(t)
    const app = openBeside(path)
    await fasten.emit(app, { code: 'USER_CREATED', target: 'first' })
    await fasten.flush()
    // The id of a stored row again, under another key.
    app.exec(
      "CREATE TRIGGER refuse BEFORE INSERT ON audit_log WHEN NEW.target = 'second' BEGIN SELECT RAISE(ABORT, 'no'); END",
    )
    await fasten.emit(app, { code: 'USER_CREATED', target: 'second' })
    await fasten.flush()
    app.exec('DROP TRIGGER refuse')
    app.close()
    await fasten.close()
    const store = await openStore({ dsn: { kind: 'sqlite', path, isMemory: false }, streams: ['audit'] })
    const outcomes = await retryQuarantine(`${path}-spool`, store)
    await store.close()
    assert.deepEqual(
      outcomes.map(({ kind }) => kind),
      ['stored'],
    )
    const rows = (await soundRows(dsn)).filter(({ code }) => code === 'USER_CREATED')
    assert.deepEqual(
      rows.map(({ target, boot_seq }) => [target, boot_seq]),
      [
        ['first', 0],
        ['second', 1],
      ],
    )
  })
})

async function started(t: TestContext, driver: 'node:sqlite' | 'better-sqlite3' = 'node:sqlite') {
  const { start, path, dsn, folder } = bench(t)
  const fasten = start({ sqlite_driver: driver, flush_timeout_ms: 60_000 })
  await fasten.ready(60_000)
  return { fasten, path, dsn, folder }
}
