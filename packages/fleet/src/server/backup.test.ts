// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import {
  cpSync,
  createReadStream,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { createFasten, type Fasten } from 'fasten'
import { openForReading } from 'fasten/store'
import { Client } from 'pg'
import { startPostgres } from '../../../fasten/src/store/postgres/fixtures/server.ts'
import { readFleetConfig, type FleetConfig } from '../config/config.ts'
import { readFrames } from '../database/backup/frames.ts'
import { startFleet } from '../testing/fixtures/start-fleet.ts'
import { makeBackup, type MadeBackup } from './backup.ts'
import { readBackup, restoreBackup } from './restore.ts'

const server = await startPostgres()
const folder = mkdtempSync(join(tmpdir(), 'fleet-backup-'))
const secret = randomBytes(32).toString('hex')
after(async () => {
  await server.remove()
  rmSync(folder, { recursive: true, force: true })
})

const newFolder = (): string => mkdtempSync(join(folder, 'data-'))

function configFor(url: string, dataDir: string, given = secret): FleetConfig {
  return readFleetConfig({
    FLEET_DATABASE_URL: url,
    FLEET_DATA_DIR: dataDir,
    FLEET_SERVER_ID: 's1',
    FLEET_SECRET: given,
    FLEET_LOG: 'silent',
  })
}

const out = process.stdout
const env = { FLEET_SECRET: secret }

function nodeAt(dsn: string, tenant: string): Fasten {
  return createFasten({
    service_id: 'shop',
    node_id: 'n1',
    tenant_id: tenant,
    audit_dsn: dsn,
    sys_dsn: dsn,
    api_dsn: dsn,
    spool_dir: join(newFolder(), 'spool'),
    key_dir: join(folder, 'keys'),
    stdout: [],
  })
}

/** A fleet with rows of two tenants, a key and a user, and a backup of it that was made while a node went on writing. */
const made = await (async () => {
  const url = await server.freshDatabase()
  const fleet = await startFleet({ databaseUrl: url, env })
  const key = await fleet.key('auditor', ['acme'])
  const [one, two] = [nodeAt(fleet.database.ownerUrl, 'acme'), nodeAt(fleet.database.ownerUrl, 'b/b')]
  for (let at = 0; at < 300; at++) {
    const text = `tab\t, "quotes", back\\slash, \u0000, \\., ünïcödé 😀 ${at}`
    one.emit({ code: 'CLOCK_STEP', target: text })
    two.log.info('said', { at, text })
  }
  assert.ok((await one.flush(60_000)) && (await two.flush(60_000)))
  await fleet.database.pool.query("SELECT fasten_make_months('audit_log', '2026-01-01'::date, 1)")
  const writes = new AbortController()
  const writing = (async () => {
    for (let at = 0; !writes.signal.aborted; at++)
      await one.emit({ code: 'CLOCK_STEP', target: `later ${at}` }).stored
  })()
  const places = newFolder()
  const backup = await makeBackup(configFor(url, fleet.dataDir), places, { out })
  writes.abort()
  await writing
  await one.close()
  await two.close()
  const told = await fleet.told('BACKUP_MADE')
  const dataDir = newFolder()
  cpSync(fleet.dataDir, dataDir, { recursive: true })
  await fleet.close()
  return { url, backup, told, key, dataDir, places, file: String(backup.path) }
})()

test('a backup is one file of this user alone, and is told with its digest', async () => {
  const { backup, told, places, file } = made
  assert.deepEqual(readdirSync(places), [file.slice(places.length + 1)])
  assert.match(file, /fleet-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ\.fleet-backup$/)
  assert.equal(statSync(file).mode & 0o777, 0o600)
  assert.ok(backup.rows >= 600)
  assert.deepEqual(
    told.map(({ target, detail }) => ({ target, digest: (detail as { digest: string }).digest })),
    [{ target: file, digest: backup.digest }],
  )
  const read = await readBackup(file)
  assert.deepEqual([read.rows, read.lines, read.digest], [backup.rows, backup.lines, backup.digest])
  await assert.rejects(makeBackup(configFor(made.url, made.dataDir), file, { out }), {
    code: 'FLEET_BACKUP_UNWRITABLE',
  })
})

test('what is restored verifies, is table by table what was backed up, and is a fleet that goes on', async () => {
  const url = await server.freshDatabase()
  const restored = await restoreBackup(configFor(url, made.dataDir), made.file)
  assert.equal(restored.verdict.verdict, 'PASS')
  assert.equal(restored.verdict.rows_bad, 0)
  assert.equal(restored.rows, made.backup.rows)
  assert.deepEqual(await differing(made.url, url), [], 'tables that only ever grow begin as they did')

  const fleet = await startFleet({ databaseUrl: url, dataDir: made.dataDir, env })
  try {
    const [told] = await fleet.told('BACKUP_RESTORED')
    assert.deepEqual(told?.['detail'], {
      digest: made.backup.digest,
      rows: made.backup.rows,
      logs: made.backup.header.logs,
      made_at: made.backup.header.made_at,
      verdict: 'PASS',
      failed: [],
    })
    const store = await openForReading(await fleet.database.readerUrl(['acme']))
    const seen = await store.scan({ stream: 'audit', order: 'newest', limit: 1000 })
    await store.close()
    assert.ok(seen.length >= 300 && seen.every(({ row }) => row.tenant_id === 'acme'))
    const answer = await fleet.ask(made.key, '/api/v1/verify')
    assert.equal(answer.status, 200)
    const node = nodeAt(fleet.database.ownerUrl, 'new')
    const place = await node.emit({ code: 'CLOCK_STEP', target: 'after' }).stored
    assert.ok(place.monotonic_seq >= 0)
    await node.close()
    const again = await makeBackup(configFor(url, made.dataDir), join(newFolder(), 'again'), { out })
    assert.ok(again.rows > made.backup.rows)
  } finally {
    await fleet.close()
  }
})

test('a file that was cut or changed is refused with the place, and changes nothing', async () => {
  const url = await server.freshDatabase()
  const bytes = readFileSync(made.file)
  // In the digest of a frame from the middle: damage to its kind or its length would read differently.
  const middle = (await frameFromTheMiddle(made.file, bytes.length)) + 20
  const changed = Buffer.from(bytes)
  changed[middle] = (changed[middle] ?? 0) ^ 1
  const cases: readonly (readonly [string, Buffer, RegExp])[] = [
    ['changed', changed, /^frame \d+ is not what was written$/],
    ['cut', bytes.subarray(0, middle), /^frame \d+ is cut$/],
    ['cut-between', bytes.subarray(0, bytes.length - 37), /^frame \d+ is missing: the file was cut$/],
    [
      'longer',
      Buffer.concat([bytes, Buffer.from('x')]),
      /^frame \d+ is the end, and there is more behind it$/,
    ],
  ]
  for (const [name, content, message] of cases) {
    const file = join(newFolder(), name)
    writeFileSync(file, content)
    await assert.rejects(restoreBackup(configFor(url, newFolder()), file), (error: Damage) => {
      assert.equal(error.code, 'FLEET_BACKUP_DAMAGED')
      assert.match(error.message, message)
      const at = Number(/, byte (\d+)$/.exec(error.at)?.[1])
      assert.ok(name === 'longer' || name === 'cut-between' || at <= middle, error.at)
      return true
    })
  }
  const other = join(newFolder(), 'other')
  writeFileSync(other, 'PGDMP, and much more of another program')
  await assert.rejects(restoreBackup(configFor(url, newFolder()), other), { code: 'FLEET_BACKUP_UNREADABLE' })
  await assert.rejects(restoreBackup(configFor(url, newFolder()), '/nowhere'), {
    code: 'FLEET_BACKUP_UNREADABLE',
  })
  assert.deepEqual(await relationsAt(url), 0)
})

/** Where the last frame of the first half begins, in bytes. */
async function frameFromTheMiddle(file: string, bytes: number): Promise<number> {
  let found = 0
  for await (const { at } of readFrames(createReadStream(file), file)) if (at <= bytes / 2) found = at
  assert.ok(found > 0)
  return found
}

test('another secret, none, and a database that holds something are refused before anything is changed', async () => {
  const url = await server.freshDatabase()
  const other = configFor(url, newFolder(), randomBytes(32).toString('hex'))
  await assert.rejects(restoreBackup(other, made.file), { code: 'FLEET_SECRET_DIFFERS' })
  const none = readFleetConfig({ FLEET_DATABASE_URL: url, FLEET_DATA_DIR: newFolder() })
  await assert.rejects(restoreBackup(none, made.file), { code: 'FLEET_SECRET_DIFFERS' })
  assert.deepEqual(await relationsAt(url), 0)
  await assert.rejects(restoreBackup(configFor(made.url, made.dataDir), made.file), {
    code: 'FLEET_NOT_EMPTY',
  })
  await (await startFleet({ databaseUrl: made.url, dataDir: made.dataDir, env })).close()
})

test('a restore that was killed keeps servers away, and the next one begins anew', async () => {
  const url = await server.freshDatabase()
  await run(
    url,
    'CREATE SCHEMA fleet; CREATE TABLE fleet.fleet_restore (a int); CREATE TABLE fleet.audit_log (a int)',
  )
  await assert.rejects(startFleet({ databaseUrl: url, env }), { code: 'FLEET_RESTORE_UNFINISHED' })
  const restored = await restoreBackup(configFor(url, newFolder()), made.file)
  assert.equal(restored.verdict.verdict, 'PASS')
})

test('a backup of rows that somebody changed is told, and opened only for whoever says so', async () => {
  const first = await server.freshDatabase()
  await restoreBackup(configFor(first, newFolder()), made.file)
  await run(
    first,
    `SET fasten.sweep = 'on'; UPDATE fleet.audit_log SET leaf = replace(leaf, 'later 0', 'later X')
    WHERE strpos(leaf, 'later 0"') > 0`,
  )
  const bad: MadeBackup = await makeBackup(configFor(first, newFolder()), join(newFolder(), 'bad'), { out })
  const url = await server.freshDatabase()
  const config = configFor(url, newFolder())
  await assert.rejects(restoreBackup(config, String(bad.path)), (error: Damage) => {
    assert.equal(error.code, 'FLEET_RESTORE_UNVERIFIED')
    assert.match(error.message, /^1 of \d+ logs fail: acme\/shop\/n1\/audit at row \d+: /)
    return true
  })
  await assert.rejects(startFleet({ databaseUrl: url, env }), { code: 'FLEET_RESTORE_UNFINISHED' })
  const restored = await restoreBackup(config, String(bad.path), { despiteFailures: true })
  assert.equal(restored.verdict.verdict, 'FAIL')
  await (await startFleet({ databaseUrl: url, env })).close()
})

interface Damage extends Error {
  readonly code: string
  readonly at: string
}

async function run(url: string, statements: string): Promise<readonly Record<string, unknown>[]> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    const answer: unknown = await client.query(statements)
    return Array.isArray(answer) ? [] : (answer as { rows: Record<string, unknown>[] }).rows
  } finally {
    await client.end()
  }
}

async function relationsAt(url: string): Promise<number> {
  const [row] = await run(
    url,
    "SELECT count(*)::int AS n FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'fleet'",
  )
  return Number(row?.['n'])
}

/** Tables of which the second database has a line that the first has not. Heads, what sessions and clocks say, leases, and what followers count or have looked at, goes on. */
async function differing(first: string, second: string): Promise<readonly string[]> {
  const moving =
    /^(fasten_(logs|counters|spools|retention|clock|outbox.*|checkpoints)|fleet_sessions|fleet_analyst_sessions|fleet_red.*|fleet_watch|fleet_verification|fleet_retention_lease|fleet_sweep_cursor)$/
  const tables = (
    await run(
      second,
      `SELECT c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = 'fleet' AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1`,
    )
  ).map(({ name }) => String(name))
  assert.ok(tables.length > 15)
  const found: string[] = []
  for (const table of tables.filter((name) => !moving.test(name))) {
    const lines = async (url: string): Promise<readonly string[]> =>
      (await run(url, `SELECT t::text AS line FROM fleet."${table}" t`)).map(({ line }) => String(line))
    const known = new Set(await lines(first))
    // Whoever restored it told of that in logs of its own.
    const own = (await lines(second)).filter((line) => !line.includes('/fleet/s1-admin'))
    if (own.some((line) => !known.has(line))) found.push(table)
  }
  return found
}
