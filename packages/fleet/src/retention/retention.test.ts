// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { parseRetentionRules, type RetentionPolicy } from 'fasten/core'
import { createSystemClock, openStore, parseDsn, sha256, sweep, type RowPruner } from 'fasten/store'
import { startPostgres } from '../../../fasten/src/store/postgres/fixtures/server.ts'
import { enrol, pushed, verified } from '../ingest/fixtures/pushing.ts'
import { publicKeyIn, startNode, type RealNode } from '../ingest/fixtures/real-node.ts'
import { startFleet } from '../testing/fixtures/start-fleet.ts'
import { startKeeper } from './keep-replicas.ts'
import { thinCheckpoints } from './sweep/thin-checkpoints.ts'

const postgres = await startPostgres()
const dayMicros = 86_400_000_000
let aheadMicros = 0
const system = createSystemClock()
const clock = { ...system, nowMicros: () => system.nowMicros() + aheadMicros }
const fleet = await startFleet({
  databaseUrl: await postgres.freshDatabase(),
  clock,
  env: { FLEET_RETENTION_FOLLOW: 'acme,forged', FLEET_RETENTION_RULES: 'brief/DOCTOR_PROBE=30d' },
})
const { database, fasten } = fleet
const retention = {
  follow: ['acme', 'forged'],
  policy: {
    classes: { short: null, medium: null, long: null, regulated: null, permanent: null },
    rules: parseRetentionRules('brief/DOCTOR_PROBE=30d') ?? [],
    sys: null,
    api: null,
  },
} as const
const keeper = startKeeper(
  { database, fasten, clock, serverId: 's1', retention },
  { everyMs: 0, policyEveryS: 0 },
)
const nodes: RealNode[] = []
after(async () => {
  await keeper.close()
  for (const node of nodes) await node.close()
  await fleet.close()
  await postgres.remove()
})

/** A node of a tenant with so many rows of the class `short`, all of them at the fleet. */
async function nodeWith(tenant: string, rows: number, name = 'shop') {
  const source_node_id = `n-${name}`
  const node = startNode({ tenant_id: tenant, service_id: `${name}-${tenant}`, source_node_id })
  nodes.push(node)
  const credential = await enrol(fleet, node, { tenants: [tenant], source_node_id })
  await node.live(rows)
  const log = node.logOf('audit')
  const push = async () => {
    const { lines, checkpoint } = await node.read(log)
    const { rows: found } = await database.pool.query<{ size: string }>(
      'SELECT size FROM fasten_logs WHERE log = $1',
      [log],
    )
    const from = Number(found[0]?.size ?? 0)
    const [answer] = await pushed(fleet.url, credential, { log, from, lines: lines.slice(from), checkpoint })
    assert.equal(answer?.refused, undefined)
    return lines
  }
  return {
    node,
    log,
    push,
    verify: (...more: readonly [string, string][]) => verified(fleet, log, node.publicKey(), more),
  }
}

/** What the node's own sweep does once its short rows are due. The row that tells of it is signed with the next rows. */
async function sweepAt({ node }: { readonly node: RealNode }, ...codes: readonly string[]): Promise<void> {
  const policy: RetentionPolicy = {
    classes: { short: null, medium: null, long: null, regulated: null, permanent: null },
    rules: codes.map((of) => ({ of, days: 30 })),
    sys: null,
    api: null,
  }
  const reading = () => ({ machine: 'm', uptimeMicros: 0, wallMicros: system.nowMicros() + 40 * dayMicros })
  const needs = { needsReplication: false, needsCheckpoint: false }
  await atNode(node, (pruner) =>
    sweep({ pruner, policy, digest: sha256, reading, trustsWall: true, ...needs }),
  )
}

/** Something done to the store of a node, and signed with the next row. */
async function atNode<T>(node: RealNode, work: (pruner: RowPruner) => Promise<T>): Promise<T> {
  const dsn = parseDsn(`sqlite:///${join(node.folder, 'rows.db')}`, { at: 'test' })
  const store = await openStore({ dsn, streams: ['audit', 'sys', 'api'] })
  try {
    if (store.pruner === undefined) throw new TypeError('the store has no pruner')
    return await work(store.pruner)
  } finally {
    await store.close()
    await node.live(1)
  }
}

/** Turns until it holds: the server's own keeper may be at it just then. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 60_000
  for (;;) {
    await fleet.told()
    await fasten.checkpoint(30_000)
    await keeper.turn()
    if (await holds()) return
    assert.ok(Date.now() < end, 'it did not come to that')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

async function contents(log: string): Promise<number> {
  const { rows } = await database.pool.query<{ count: string }>(
    'SELECT count(*) FROM audit_log JOIN fasten_logs USING (log_id) WHERE log = $1',
    [log],
  )
  return Number(rows[0]?.count)
}

async function ask(key: string, path: string, body?: unknown) {
  const { status, body: said } = await fleet.ask(
    key,
    path,
    body === undefined ? {} : { method: 'POST', body },
  )
  return { status, said: said as Record<string, never> }
}

test('what a node let go stays in the archive, and goes where the fleet follows, but for what is held', async () => {
  const [followed, kept] = [await nodeWith('acme', 30), await nodeWith('kept', 30)]
  const admin = await fleet.key('admin')
  for (const one of [followed, kept]) await one.push()
  const hold = await ask(admin, '/api/v1/holds', {
    rows: { tenant_id: 'acme', target: 'valve/3' },
    reason: 'a case',
  })
  assert.equal(hold.status, 201, JSON.stringify(hold.said))
  for (const one of [followed, kept]) {
    await sweepAt(one, 'DOCTOR_PROBE')
    const lines = await one.push()
    assert.ok(lines.filter((line) => line[0] === 0x23).length === 30, 'the node let go of 30 rows')
  }
  const all = await contents(followed.log)
  await until(async () => (await contents(followed.log)) === all - 29)
  assert.equal(await contents(kept.log), all)
  const expect = async (one: typeof followed, rows_expired: number) => {
    const verdict = await one.verify()
    assert.deepEqual([verdict.verdict, verdict.rows_expired, verdict.breaks], ['PASS', rows_expired, []])
  }
  await expect(followed, 29)
  await expect(kept, 0)
  const row = await ask(admin, `/api/v1/row?log=${encodeURIComponent(followed.log)}&monotonic_seq=1`)
  assert.partialDeepStrictEqual(row.said, { verification: 'expired', swept_by: { class: 'short' } })

  const { hold_id } = hold.said as unknown as { hold_id: string }
  const [own, foreign] = [await fleet.key('admin', ['acme']), await fleet.key('admin', ['kept'])]
  const release = `/api/v1/holds/${hold_id}/release`
  assert.equal((await ask(foreign, release, { reason: 'x' })).status, 404)
  assert.deepEqual((await ask(foreign, '/api/v1/holds')).said, { holds: [] })
  for (const rows of [{ tenant_id: 'acme' }, { target: 'valve/3' }])
    assert.equal((await ask(foreign, '/api/v1/holds', { rows, reason: 'x' })).status, 403)
  assert.equal((await ask(own, release, { reason: 'the case is closed' })).status, 200)
  await until(async () => (await contents(followed.log)) === all - 30)
  await expect(followed, 30)
  const shown = (await ask(foreign, '/api/v1/retention')).said as unknown as { sweeps: unknown[] }
  assert.deepEqual(shown.sweeps, [{ tenant: 'kept', told_by: 'node', rows: 30, gone: 0, held: 0, there: 30 }])
  const told = await fleet.told('ROWS_HELD', 'ROWS_RELEASED')
  assert.deepEqual(told.map(({ code, target }) => [code, target]).sort(), [
    ['ROWS_HELD', hold_id],
    ['ROWS_RELEASED', hold_id],
  ])
})

test('rows that had expired before they came are accounted for by the sweep behind them', async () => {
  const late = await nodeWith('late', 10)
  await sweepAt(late, 'DOCTOR_PROBE')
  await late.push()
  const verdict = await late.verify()
  assert.deepEqual([verdict.verdict, verdict.rows_expired], ['PASS', 10])
})

test('a node cannot have the fleet forget what a sweep never takes', async () => {
  const forged = await nodeWith('forged', 3)
  await forged.push()
  const { rows } = await database.pool.query<{ log_id: string }>(
    'SELECT log_id FROM fasten_logs WHERE log = $1',
    [forged.log],
  )
  // As if its store had told so: all rows, row 0 and those of the store itself among them.
  await database.pool.query(
    `INSERT INTO fleet_sweeps (log_id, tenant, told_by, told_log_id, told_seq, class, policy_hash, runs, rows)
    VALUES ($1, 'forged', 'node', $1, 0, 'short', '', '[[0,3]]', 4)`,
    [rows[0]?.log_id],
  )
  const before = await contents(forged.log)
  await until(async () => (await contents(forged.log)) === before - 3)
  const { rows: left } = await database.pool.query<{ monotonic_seq: string }>(
    'SELECT monotonic_seq FROM audit_log JOIN fasten_logs USING (log_id) WHERE log = $1 ORDER BY monotonic_seq LIMIT 1',
    [forged.log],
  )
  assert.equal(left[0]?.monotonic_seq, '0')
  // And what nothing explains is a break.
  assert.equal((await forged.verify()).verdict, 'FAIL')
})

test('what the fleet lets go by itself is told and signed first, in a log of the same tenant', async () => {
  const brief = await nodeWith('brief', 40)
  const order = { rows: { target: 'valve/1' }, reason: 'a case', by: 'user:ada' }
  const { hold_id } = await atNode(brief.node, (pruner) => pruner.placeHold(order))
  await brief.push()
  const all = await contents(brief.log)
  const { rows: held } = await database.pool.query('SELECT 1 FROM fleet_sweeps WHERE tenant = $1', ['brief'])
  assert.equal(held.length, 0)
  aheadMicros = 40 * dayMicros
  await keeper.turn()
  assert.equal(await contents(brief.log), all, 'a clock that jumps lets nothing go')
  await database.pool.query('INSERT INTO fasten_clock (machine, uptime, trusted) VALUES ($1, 0, $2)', [
    'm',
    clock.nowMicros(),
  ])
  await keeper.turn()
  assert.equal(await contents(brief.log), all, 'a hold stands at the node')
  await atNode(brief.node, (pruner) => pruner.releaseHold(hold_id, 'user:ada', 'closed'))
  await brief.push()
  await until(async () => (await contents(brief.log)) === all + 2 - 42)
  const verdict = await brief.verify(['brief/fleet/s1/audit', keyIn(fleet.dataDir)])
  assert.deepEqual([verdict.verdict, verdict.rows_expired, verdict.breaks], ['PASS', 42, []])
  assert.equal(
    (await brief.verify()).verdict,
    'INCOMPLETE',
    'the word of the fleet, to whom knows the key of the node only',
  )
  const auditor = await fleet.key('auditor', ['brief'])
  const whole = (await ask(auditor, '/api/v1/verify')).said as unknown as {
    verdict: string
    logs: { log: string }[]
  }
  assert.deepEqual(
    [whole.verdict, whole.logs.map(({ log }) => log)],
    ['PASS', ['brief/fleet/s1/audit', brief.log]],
  )
  const row = await ask(auditor, `/api/v1/row?log=${encodeURIComponent(brief.log)}&monotonic_seq=2`)
  assert.partialDeepStrictEqual(row.said, { verification: 'expired' })

  // A node that says the same in its own log, of a row of the other's, explains nothing.
  const liar = await nodeWith('brief', 1, 'liar')
  liar.node.fasten.register('liar', { REPLICA_SWEPT: { category: 'x', action: 'x', description: 'x' } })
  const at = all + 1
  const places = { log: brief.log, from: at, to: at, count: 1, class: 'short', policy_hash: 'x' }
  liar.node.fasten.emit({ code: 'REPLICA_SWEPT', target: brief.log, detail: places })
  await liar.node.live(1)
  await liar.push()
  // Whoever can write the database and takes one row more is found out.
  await database.transact(async (sql) => {
    await sql.query("SET LOCAL fasten.sweep = 'on'")
    await sql.query(
      `WITH gone AS (DELETE FROM audit_log WHERE position = (SELECT max(a.position) FROM audit_log a JOIN fasten_logs l USING (log_id)
        WHERE l.log = $1) RETURNING log_id, monotonic_seq, position, hash)
      INSERT INTO fasten_expired SELECT log_id, monotonic_seq, position, decode(hash, 'hex') FROM gone`,
      [brief.log],
    )
  })
  assert.deepEqual(
    (await brief.verify()).breaks.map(({ kind }) => kind),
    ['leaf_unreadable'],
  )
})

test('of old checkpoints the newest of each hour is kept', async () => {
  const { rows } = await database.pool.query<{ table_name: string; log: string }>(
    'SELECT table_name, log FROM fasten_logs WHERE replica_frontier IS NOT NULL ORDER BY log LIMIT 1',
  )
  const [log] = rows
  for (const [size, at, cosignatures] of [
    [1, '2026-01-01T10:00:00.000000Z', 1],
    [2, '2026-01-01T10:30:00.000000Z', 2],
    [3, '2026-01-01T10:40:00.000000Z', 1],
    [4, '2026-01-01T10:59:00.000000Z', 1],
    [5, '2026-01-01T11:00:00.000000Z', 1],
  ])
    await database.pool.query(
      `INSERT INTO fasten_checkpoints (table_name, log, size, root, frontier, note, signed_at, cosignatures)
      VALUES ($1, $2, $3, '', '', '', $4, $5)`,
      [log?.table_name, log?.log, size, at, cosignatures],
    )
  await database.pool.query("UPDATE fleet_retention_lease SET thinned_to = ''")
  await thinCheckpoints(database, system.nowMicros())
  const left = await database.pool.query<{ size: string }>(
    "SELECT size FROM fasten_checkpoints WHERE log = $1 AND signed_at < '2026-02' ORDER BY size",
    [log?.log],
  )
  assert.deepEqual(
    left.rows.map(({ size }) => size),
    ['2', '4', '5'],
  )
  await database.pool.query("DELETE FROM fasten_checkpoints WHERE signed_at < '2026-02'")
})

test('an erasure at a node is counted here, where its values never were', async () => {
  const node = await nodeWith('personal', 1)
  node.node.fasten.register('people', {
    VISITOR_SEEN: { category: 'x', action: 'x', description: 'x', pii: ['target'] },
  })
  for (let index = 0; index < 4; index++) node.node.fasten.emit({ code: 'VISITOR_SEEN', target: `user:bob` })
  await node.node.live(1)
  await node.push()
  const path = `sqlite:///${join(node.node.folder, 'rows.db')}`
  execFileSync(
    process.execPath,
    [
      '--conditions=fasten-source',
      cli,
      'erase',
      'user:bob',
      '--basis',
      'GDPR Art. 17',
      '--tenant',
      'personal',
      '--yes',
    ],
    {
      env: {
        ...process.env,
        FASTEN_AUDIT_DSN: path,
        FASTEN_SYS_DSN: path,
        FASTEN_API_DSN: path,
        FASTEN_KEY_DIR: join(node.node.folder, 'keys'),
        FASTEN_SPOOL_DIR: join(node.node.folder, 'spool'),
      },
      timeout: 60_000,
    },
  )
  await node.node.live(1)
  await node.push()
  const verdict = await node.verify()
  assert.deepEqual([verdict.verdict, verdict.rows_erased, verdict.breaks], ['PASS', 4, []])
  const { rows } = await database.pool.query("SELECT 1 FROM audit_log WHERE leaf LIKE '%user:bob%'")
  assert.equal(rows.length, 0)
  const auditor = await fleet.key('auditor', ['personal'])
  const page = (await ask(auditor, '/api/v1/audit?code=VISITOR_SEEN')).said as unknown as { rows: unknown[] }
  assert.equal(page.rows?.length, 4, JSON.stringify(page))
})

/** With what the fleet signs its own logs. */
const keyIn = (dataDir: string): string => publicKeyIn(join(dataDir, 'keys', 'node.key'))
const cli = fileURLToPath(new URL('../../../fasten/src/cli/main.ts', import.meta.url))
