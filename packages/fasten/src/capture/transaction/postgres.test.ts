// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { drizzle } from 'drizzle-orm/node-postgres'
import { sql as drizzleSql } from 'drizzle-orm'
import createKnex from 'knex'
import { CompiledQuery, Kysely, PostgresDialect } from 'kysely'
import { Client, Pool } from 'pg'
import { DataSource } from 'typeorm'
import { startPostgres } from '../../store/postgres/fixtures/server.ts'
import { recognise } from './client.ts'
import {
  describeTransactions,
  outboxRows,
  soundRows,
  startOn,
  type Library,
  type SharedDatabase,
} from './fixtures/transaction-contract.ts'

const server = await startPostgres()
after(() => server.remove())

async function postgresDatabase(open: (url: string) => Promise<Library>): Promise<SharedDatabase> {
  const url = await server.freshStore()
  const folder = mkdtempSync(join(tmpdir(), 'fasten-transaction-'))
  return {
    dsn: url,
    options: { spool_dir: join(folder, 'spool'), key_dir: join(folder, 'keys') },
    open: () => open(url),
    sql: (text) => server.query(text, [], url),
    async remove() {
      await server.release(url)
      rmSync(folder, { recursive: true })
    },
  }
}

async function openPg(url: string): Promise<Library> {
  const client = new Client({ connectionString: url })
  await client.connect()
  return {
    async transaction(work) {
      await client.query('BEGIN')
      try {
        await work(client, async (text) => client.query(text))
        await client.query('COMMIT')
      } catch (error) {
        await client.query('ROLLBACK')
        throw error
      }
    },
    close: () => client.end(),
  }
}

const libraries: Readonly<Record<string, (url: string) => Promise<Library>>> = {
  pg: openPg,
  async Drizzle(url) {
    const pool = new Pool({ connectionString: url, max: 2 })
    const db = drizzle(pool)
    return {
      transaction: (work) =>
        db.transaction(async (tx) => work(tx, async (text) => tx.execute(drizzleSql.raw(text)))),
      close: () => pool.end(),
    }
  },
  async Kysely(url) {
    const db = new Kysely<Record<string, never>>({
      dialect: new PostgresDialect({ pool: new Pool({ connectionString: url, max: 2 }) }),
    })
    return {
      transaction: (work) =>
        db
          .transaction()
          .execute(async (trx) => work(trx, async (text) => trx.executeQuery(CompiledQuery.raw(text)))),
      close: () => db.destroy(),
    }
  },
  async Knex(url) {
    const knex = createKnex({ client: 'pg', connection: url, pool: { min: 0, max: 2 } })
    return {
      transaction: (work) => knex.transaction(async (trx) => work(trx, async (text) => trx.raw(text))),
      close: () => knex.destroy(),
    }
  },
  async 'TypeORM, EntityManager'(url) {
    const source = await new DataSource({ type: 'postgres', url, poolSize: 2 }).initialize()
    return {
      transaction: (work) =>
        source.transaction(async (manager) => work(manager, async (text) => manager.query(text))),
      close: () => source.destroy(),
    }
  },
}

for (const [name, open] of Object.entries(libraries))
  describeTransactions(`Postgres through ${name}`, () => postgresDatabase(open), { isBrief: name !== 'pg' })

describe('emit(tx, event) on Postgres', () => {
  test('eight transactions that are open at once do not wait for each other', async () => {
    await onDatabase(async ({ database, fasten, url }) => {
      const clients = await Promise.all(Array.from({ length: 8 }, () => openPg(url)))
      // Nobody commits before everybody has emitted: one that waited for another would never get there.
      let arrived = 0
      let open: () => void = () => {}
      const everybody = new Promise<void>((resolve) => (open = resolve))
      await Promise.all(
        clients.map((client, index) =>
          client.transaction(async (tx) => {
            await fasten.emit(tx, { code: 'ORG_RENAMED', target: `org:${index}` })
            if (++arrived === clients.length) {
              assert.equal(await outboxRows(database), 0)
              open()
            }
            await everybody
          }),
        ),
      )
      await Promise.all(clients.map((client) => client.close()))
      assert.equal(await fasten.flush(), true)
      const rows = await soundRows(url)
      assert.deepEqual(
        rows.map(({ target }) => target).toSorted(),
        clients.map((_, index) => `org:${index}`),
      )
    })
  })

  test('an insert that fails ends the transaction: no change without its event', async () => {
    await onDatabase(async ({ database, fasten, url }) => {
      await database.sql('CREATE TABLE orgs (id text)')
      const client = new Client({ connectionString: url })
      await client.connect()
      await client.query('BEGIN')
      await client.query("INSERT INTO orgs VALUES ('1')")
      await client.query('SELECT 1/0').catch(() => undefined)
      await assert.rejects(fasten.emit(client, { code: 'ORG_RENAMED', target: 'org:1' }), { code: '25P02' })
      const { command } = await client.query('COMMIT')
      assert.equal(command, 'ROLLBACK')
      await client.end()
      assert.deepEqual(await database.sql('SELECT * FROM orgs'), [])
    })
  })

  test('another database, and another store, are refused', async () => {
    await onDatabase(async ({ database, fasten }) => {
      const other = await server.freshDatabase()
      const client = new Client({ connectionString: other })
      await client.connect()
      await assert.rejects(fasten.emit(client, { code: 'ORG_RENAMED', target: 'x' }), {
        code: 'OUTBOX_ELSEWHERE',
      })
      const there = startOn({ ...database, dsn: other })
      await there.ready(60_000)
      await assert.rejects(fasten.emit(client, { code: 'ORG_RENAMED', target: 'x' }), {
        code: 'OUTBOX_ELSEWHERE',
      })
      await client.end()
      await there.close()
      await server.release(other)
    })
  })

  test("the application's role needs INSERT on the outbox, and nothing else of the store", async () => {
    await onDatabase(async ({ database, fasten, url }) => {
      const role = `app_${new URL(url).pathname.slice(-8)}`
      await database.sql(`CREATE ROLE ${role} LOGIN PASSWORD 'pw'`)
      const asRole = new URL(url)
      asRole.username = role
      asRole.password = 'pw'
      const client = new Client({ connectionString: asRole.href })
      await client.connect()
      await assert.rejects(fasten.emit(client, { code: 'ORG_RENAMED', target: 'x' }), {
        code: 'OUTBOX_FORBIDDEN',
      })
      await database.sql(`GRANT INSERT ON fasten_outbox TO ${role}`)
      await fasten.emit(client, { code: 'ORG_RENAMED', target: 'y' })
      await client.end()
      assert.equal(await fasten.flush(), true)
      assert.deepEqual(
        (await soundRows(url)).map(({ target }) => target),
        ['y'],
      )
      await database.sql(`DROP OWNED BY ${role}; DROP ROLE ${role}`)
    })
  })

  test('what is no draft goes to quarantine, and nothing waits for it', async () => {
    await onDatabase(async ({ database, fasten, url }) => {
      const [row] = await database.sql("SELECT value FROM fasten_meta WHERE key = 'store_id'")
      await database.sql(
        `INSERT INTO fasten_outbox (key, store_id, frame) VALUES ('../evil', '${String(row?.['value'])}', '\\x00ff')`,
      )
      const client = new Client({ connectionString: url })
      await client.connect()
      await fasten.emit(client, { code: 'ORG_RENAMED', target: 'good' })
      await client.end()
      assert.equal(await fasten.flush(), true)
      await fasten.flush()
      assert.equal(await outboxRows(database), 0)
      assert.deepEqual((await soundRows(url)).map(({ code }) => code).toSorted(), [
        'ORG_RENAMED',
        'ROW_QUARANTINED',
      ])
    })
  })
})

describe('what emit(tx, event) takes', () => {
  const pool = new Pool({ connectionString: server.url })
  const knex = createKnex({ client: 'pg', connection: server.url })
  const kysely = new Kysely({ dialect: new PostgresDialect({ pool }) })
  const source = new DataSource({ type: 'postgres', url: server.url })
  after(() => Promise.all([pool.end(), knex.destroy()]))
  const prisma = { $executeRawUnsafe: async () => 1, $queryRawUnsafe: async () => [] }

  for (const [what, tx, said] of [
    ['a pool of pg', pool, /a pool of pg, not a transaction; hand in the client of pool\.connect\(\)/],
    ['the instance of Knex', knex, /the pool of Knex.*knex\.transaction/],
    ['the instance of Kysely', kysely, /the instance of Kysely.*db\.transaction\(\)\.execute/],
    ['the database of Drizzle', drizzle(pool), /the database of Drizzle.*db\.transaction/],
    ['an EntityManager outside', source.manager, /an EntityManager without transaction of TypeORM/],
    ['the client of Prisma', { ...prisma, $connect: async () => {} }, /the client of Prisma.*\$transaction/],
    ['an ordinary object', { a: 1 }, /tx is of class Object, not a transaction that fasten knows/],
    ['null', null, /tx is null, not a transaction/],
    ['a text', 'tx', /tx is a string, not a transaction/],
  ] as const)
    test(`${what} is refused with what to hand in instead`, () => {
      assert.throws(
        () => recognise(tx),
        (error) => error instanceof TypeError && said.test(error.message),
      )
    })

  test('a transaction of Prisma is asked by its raw statements, values apart from the text', async () => {
    // Prisma's own client is generated code and is not installed here: this holds what is said to it, not what it does.
    const said: unknown[][] = []
    const client = recognise({
      $executeRawUnsafe: async (...values: unknown[]) => said.push(values),
      $queryRawUnsafe: async (...values: unknown[]) => [{ said: values }],
    })
    assert.ok(!client.isSync)
    await client.run('INSERT INTO t VALUES ($1, $2)', ['a', Buffer.from('b')])
    assert.deepEqual(said, [['INSERT INTO t VALUES ($1, $2)', 'a', Buffer.from('b')]])
    assert.deepEqual(await client.rows('SELECT 1'), [{ said: ['SELECT 1'] }])
    assert.equal(client.placeholders, 'of_engine')
  })
})

async function onDatabase(
  work: (world: {
    readonly database: SharedDatabase
    readonly fasten: ReturnType<typeof startOn>
    readonly url: string
  }) => Promise<void>,
): Promise<void> {
  const database = await postgresDatabase(openPg)
  const fasten = startOn(database)
  try {
    await fasten.ready(60_000)
    await work({ database, fasten, url: database.dsn })
  } finally {
    await fasten.close()
    await database.remove()
  }
}
