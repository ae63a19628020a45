// SPDX-License-Identifier: Apache-2.0
/** The administrator of the database who wants another past: plain SQL as the database's owner, while the fleet looks at what it keeps. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { createSystemClock, openForReading } from 'fasten/store'
import { Client } from 'pg'
import { startPostgres } from '../../../fasten/src/store/postgres/fixtures/server.ts'
import { enrol, pushed } from '../ingest/fixtures/pushing.ts'
import { leafHashOf, startNode, type StoredLog } from '../ingest/fixtures/real-node.ts'
import { openWitnessKey } from '../ingest/witness-key.ts'
import { createAlarmBook } from '../nodes/alarms/raise-alarm.ts'
import { startFleet } from '../testing/fixtures/start-fleet.ts'
import { verifyNext, type VerifyLogsDeps } from './watch/verify-logs.ts'

const server = await startPostgres()
const databaseUrl = await server.freshDatabase()
const dataDir = mkdtempSync(join(tmpdir(), 'fleet-history-'))
const secret = randomBytes(32)
const env = { FLEET_SECRET: secret.toString('hex') }
const fleet = await startFleet({ databaseUrl, env, dataDir })
const node = startNode()
const tenants = Array.from({ length: 10 }, (_, index) => `t${index}`)
await node.live(6, { tenants })
await node.live(6, { tenants })
const owner = new Client({ connectionString: databaseUrl, options: '-c search_path=fleet' })
before(async () => {
  await owner.connect()
  // Rows are guarded by triggers, which is no hindrance to whoever owns the database.
  await owner.query('SET session_replication_role = replica')
})
after(async () => {
  await node.close()
  await server.remove()
  rmSync(dataDir, { recursive: true, force: true })
})

const clock = createSystemClock()
const { database, fasten } = fleet
const store = await openForReading(database.ownerUrl)
const witness = (await openWitnessKey({ database, secret, name: 'fleet' })).key
const book = createAlarmBook({ fasten, clock, channels: [] })
/** A server that has just started; another one has its own memory. */
const watcher = (): VerifyLogsDeps => ({ database, fasten, clock, book, witness, seen: new Map() })
const deps = watcher()
const credential = await enrol(fleet, node)
const admin = await fleet.key('admin')

/** A log of its own for each case, as the fleet has taken it. */
async function taken(): Promise<StoredLog> {
  const log = await node.read(node.logOf('audit', tenants.shift()))
  await pushed(fleet.url, credential, { log: log.log, from: 0, lines: log.lines, checkpoint: log.checkpoint })
  return log
}

interface Verified {
  readonly next: number
  readonly verdict: string | null
}

/** Looks at one log until its end, or until something is found. */
async function verified(log: string, { again = false, by = deps, rowsMax = 5 } = {}): Promise<Verified> {
  for (let times = 0; times < 20; times++) {
    await verifyNext(by, store, { log, rowsMax, againAfterMs: again && times === 0 ? 0 : 86_400_000 })
    const { rows } = await owner.query<{ state: Verified }>(
      'SELECT state FROM fleet_verification WHERE log = $1',
      [log],
    )
    const { next = 0, verdict = null } = rows[0]?.state ?? {}
    if (verdict === 'FAIL' || (verdict === 'PASS' && next >= 13)) return { next, verdict }
  }
  assert.fail(`${log} was not verified to its end`)
}

/** The alarm about a log that stands, in its own words. */
async function alarmAbout(log: string): Promise<string | undefined> {
  const { body } = await fleet.ask(admin, '/api/v1/alarms')
  const { alarms } = body as { alarms: { kind: string; subject: string; detail: { message: string } }[] }
  return alarms.find(({ kind, subject }) => kind === 'unverified' && subject === log)?.detail.message
}

const rowOf = (seq: number): string =>
  `monotonic_seq = ${seq} AND log_id = (SELECT log_id FROM fasten_logs WHERE log = $1)`

test('what nobody touched is verified to its end, in stretches, and goes on from there', async () => {
  const { log } = await taken()
  assert.deepEqual(await verified(log), { next: 13, verdict: 'PASS' })
  assert.deepEqual(await verified(log), { next: 13, verdict: 'PASS' })
  assert.equal(await alarmAbout(log), undefined)
})

const edits: readonly [what: string, statements: readonly string[], message: RegExp][] = [
  [
    'a row that says something else',
    [`UPDATE audit_log SET leaf = replace(leaf, 'valve/3', 'valve/9') WHERE ${rowOf(4)}`],
    /hash/,
  ],
  ['a column beside the row', [`UPDATE audit_log SET target = 'valve/9' WHERE ${rowOf(4)}`], /column/],
  ['a row in the middle that is gone', [`DELETE FROM audit_log WHERE ${rowOf(6)}`], /missing|gone/],
  [
    'the newest rows, their head and their checkpoint',
    [
      `DELETE FROM audit_log WHERE monotonic_seq >= 7 AND log_id = (SELECT log_id FROM fasten_logs WHERE log = $1)`,
      `UPDATE fasten_logs SET size = 7 WHERE log = $1`,
      `DELETE FROM fasten_checkpoints WHERE log = $1 AND size > 7`,
    ],
    /13 rows were verified, and 7 are there/,
  ],
  [
    'its newest checkpoint',
    [`DELETE FROM fasten_checkpoints WHERE log = $1 AND size > 7`],
    /checkpoint of 13 rows was there/,
  ],
  [
    "the fleet's name under its checkpoint",
    [
      `UPDATE fasten_checkpoints SET note = regexp_replace(note, '(witness [A-Za-z0-9+/]{30}).', '\\1A') WHERE log = $1`,
    ],
    /does not bear the signature/,
  ],
  [
    'the whole log',
    [
      `DELETE FROM audit_log WHERE log_id = (SELECT log_id FROM fasten_logs WHERE log = $1)`,
      `UPDATE fasten_logs SET size = 0 WHERE log = $1`,
    ],
    /13 rows were verified, and 0/,
  ],
]
for (const [what, statements, message] of edits)
  test(`changed in the database: ${what}`, async () => {
    const { log } = await taken()
    assert.deepEqual(await verified(log), { next: 13, verdict: 'PASS' })
    for (const statement of statements) await owner.query(statement, [log])
    assert.equal((await verified(log, { again: true })).verdict, 'FAIL')
    assert.match((await alarmAbout(log)) ?? '', message)
    const told = await fleet.told('ALARM_RAISED')
    assert.equal(told.filter(({ detail }) => (detail as { subject: string }).subject === log).length, 1)
  })

test('who moves the place ahead, or clears it, hides nothing from a server that has seen more', async () => {
  const { log } = await taken()
  assert.equal((await verified(log)).verdict, 'PASS')
  await owner.query(`UPDATE audit_log SET leaf = replace(leaf, 'valve/3', 'valve/9') WHERE ${rowOf(4)}`, [
    log,
  ])
  await owner.query(
    `UPDATE fleet_verification SET state = jsonb_set(state, '{ended_at}', '"2030-01-01T00:00:00.000Z"') WHERE log = $1`,
    [log],
  )
  assert.equal((await verified(log, { by: watcher() })).verdict, 'FAIL')
})

test('rows that came as hashes, and nothing says why', async () => {
  const log = await node.read(node.logOf('audit', tenants.shift()))
  const lines = log.lines.map((line, index) => (index === 3 ? Buffer.from(`#${leafHashOf(line)}`) : line))
  await pushed(fleet.url, credential, { log: log.log, from: 0, lines, checkpoint: log.checkpoint })
  assert.equal((await verified(log.log)).verdict, 'FAIL')
  assert.ok((await alarmAbout(log.log)) !== undefined)
})

test('an older copy of the whole database in its place: no server starts on it', async () => {
  await store.close()
  await fleet.close()
  const old = new URL(databaseUrl)
  old.pathname += '_old'
  const elsewhere = new Client({ connectionString: await server.freshDatabase() })
  await owner.end()
  await elsewhere.connect()
  await elsewhere.query(
    `CREATE DATABASE "${old.pathname.slice(1)}" TEMPLATE "${new URL(databaseUrl).pathname.slice(1)}"`,
  )
  await elsewhere.end()
  // The fleet goes on, and tells at least that it did.
  await (await startFleet({ databaseUrl, env, dataDir })).close()
  await assert.rejects(startFleet({ databaseUrl: old.href, env, dataDir }), { code: 'FLEET_ROLLED_BACK' })
})
