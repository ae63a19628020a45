// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { Client } from 'pg'
import { createFasten } from '../packages/fasten/src/capture/create.ts'
import { createCodeRegistry } from '../packages/fasten/src/core/code.ts'
import { openForReading } from '../packages/fasten/src/store/open.ts'
import { atEnd } from './harness/endings.ts'
import { judge } from './harness/judge.ts'
import { openLedger, readLedger } from './harness/ledger.ts'
import { makeFolder, optionsOf, sqlitePlace, subfolder, type Place } from './harness/place.ts'
import { postgresPlace } from './harness/postgres-place.ts'
import { report, reportControl } from './harness/report.ts'
import { times } from './harness/scale.ts'
import { openBeside } from '../packages/fasten/src/store/sqlite/fixtures/beside.ts'

const tenants = times({ short: 10, long: 500 })

/** The application's own tables, in the same database, with the cascades that wipe trails elsewhere. */
const tables = [
  'CREATE TABLE tenants (id TEXT PRIMARY KEY)',
  'CREATE TABLE users (id TEXT PRIMARY KEY, tenant TEXT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE)',
]

describe('row 24: a tenant is destroyed', () => {
  test('its event is stored if and only if the transaction that destroyed it commits, SQLite', async (t) => {
    const place = sqlitePlace(subfolder(makeFolder(t), 'system'))
    const fasten = started(place)
    atEnd(t, () => fasten.close(1000))
    await fasten.ready()
    const database = openBeside(place.dsn.replace('sqlite:///', ''))
    database.exec(`PRAGMA foreign_keys = ON; ${tables.join('; ')}`)
    await destroyAll(t, place, fasten, {
      run: async (sql) => database.exec(sql),
      client: database,
    })
    const keys = ['audit_log', 'fasten_logs', 'fasten_outbox'].flatMap((table) =>
      database.prepare(`PRAGMA foreign_key_list(${table})`).all(),
    )
    assert.deepEqual(keys, [], 'the trail has a foreign key')
    database.close()
  })

  test('the same on Postgres, and the application drops its tables with all that depends on them', async (t) => {
    const { server, place } = await postgresPlace(t)
    const fasten = started(place)
    atEnd(t, () => fasten.close(1000))
    await fasten.ready()
    const client = new Client({ connectionString: place.dsn })
    await client.connect()
    for (const sql of tables) await client.query(sql)
    await destroyAll(t, place, fasten, { run: async (sql) => void (await client.query(sql)), client })
    await client.end()
    const keys = await server.query(
      `SELECT conrelid::regclass::text AS name FROM pg_constraint WHERE contype = 'f'`,
      [],
      place.dsn,
    )
    assert.deepEqual(keys, [], 'the trail has a foreign key')
  })

  test('bites: a trail with a foreign key to the tenant is wiped with it', (t) => {
    const database = openBeside(join(makeFolder(t), 'naive.db'))
    database.exec(`PRAGMA foreign_keys = ON; ${tables.join('; ')};
      CREATE TABLE trail (tenant TEXT REFERENCES tenants (id) ON DELETE CASCADE, event TEXT);
      INSERT INTO tenants VALUES ('t-1'); INSERT INTO trail VALUES ('t-1', 'created'), ('t-1', 'destroyed');
      DELETE FROM tenants`)
    const left = Number(database.prepare('SELECT count(*) AS n FROM trail').get()?.['n'])
    database.close()
    reportControl(t, 24, {
      broken: 'a foreign key with a cascade',
      harm: 'rows of the trail lost',
      count: 2 - left,
    })
  })
})

function started(place: Place) {
  const registry = createCodeRegistry()
  registry.register('tenant', {
    TENANT_CREATED: { category: 'tenant', action: 'create' },
    TENANT_DESTROYED: { category: 'tenant', action: 'delete' },
  })
  return createFasten({
    registry,
    service_id: 's',
    node_id: 'n',
    ...optionsOf(place),
    stdout: [],
    notices: { write: () => true },
  })
}

interface Application {
  run(sql: string): Promise<void>
  readonly client: object
}

/** Half of the tenants are really destroyed; of the others the transaction rolls back. At last the tables themselves go. */
async function destroyAll(
  t: { diagnostic(line: string): void; after(work: () => unknown): void },
  place: Place,
  fasten: ReturnType<typeof started>,
  { run, client }: Application,
): Promise<void> {
  const ledgerPath = join(makeFolder(t), 'ledger')
  const ledger = openLedger(ledgerPath)
  const undone: string[] = []
  for (let index = 0; index < tenants; index++) {
    const tenant = `t-${index}`
    await run(`INSERT INTO tenants VALUES ('${tenant}')`)
    await run(`INSERT INTO users VALUES ('u-${index}', '${tenant}')`)
    ledger.ack([
      (await kept(fasten.emit({ code: 'TENANT_CREATED', target: `tenant/${tenant}`, actor: `u-${index}` })))
        .id,
    ])
    await run('BEGIN')
    await run(`DELETE FROM tenants WHERE id = '${tenant}'`)
    const receipt = await fasten.emit(client, {
      code: 'TENANT_DESTROYED',
      target: `tenant/${tenant}`,
      actor: `u-${index}`,
      tenant_id: tenant,
    })
    if (index % 2 === 0) {
      await run('COMMIT')
      ledger.ack([receipt.id])
    } else {
      await run('ROLLBACK')
      undone.push(receipt.id)
    }
  }
  await run('DROP TABLE users')
  await run('DROP TABLE tenants')
  ledger.close()
  const acked = readLedger(ledgerPath)
  const store = await openForReading(place.dsn)
  try {
    for (const deadline = performance.now() + 60_000; performance.now() < deadline;) {
      await fasten.flush()
      if ((await store.count('audit', { code: 'TENANT_DESTROYED' }, 10_000)) === Math.ceil(tenants / 2)) break
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    const rows = await store.scan({
      stream: 'audit',
      filter: { code: 'TENANT_DESTROYED' },
      order: 'stored',
      limit: 10_000,
    })
    const ids = new Set(rows.map(({ row }) => row.id))
    assert.deepEqual(
      undone.filter((id) => ids.has(id)),
      [],
      'events of transactions that were rolled back are stored',
    )
    assert.ok(
      rows.every(({ leaf }) => /"actor":"u-/.test(leaf ?? '')),
      'the actor can still be read',
    )
  } finally {
    await store.close()
  }
  report(
    t,
    { row: 24, attacked: 'a tenant destroyed in one transaction with its event', times: tenants },
    await judge(place, acked),
    tenants,
  )
}

async function kept<T extends { readonly durable: Promise<void> }>(receipt: T): Promise<T> {
  await receipt.durable
  return receipt
}
