// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { Client } from 'pg'
import { builtinPolicy } from '../../core/retention-policy.ts'
import type { AuditDraft } from '../../core/row.ts'
import { verifyLogs } from '../../reader/local-verify.ts'
import { createSampleDrafts } from '../../testing/sample-drafts.ts'
import type { Store } from '../ports.ts'
import { createSystemClock, sha256 } from '../platform.ts'
import { sweep } from '../retention/sweep.ts'
import type { MonthsOrder, RowPruner } from '../retention/pruner.ts'
import { batch, openAt, sqlAt } from './fixtures/places.ts'
import { startPostgres } from './fixtures/server.ts'
import type { Sql } from './sql.ts'

const server = await startPostgres()
after(() => server.remove())

const wallMicros = createSystemClock().nowMicros()
const order: MonthsOrder = {
  policy: builtinPolicy,
  nowMicros: wallMicros,
  needsReplication: false,
  needsCheckpoint: false,
  service_id: undefined,
  isStopped: () => false,
}
const old = { timestamp: '2020-01-15T00:00:00.000000Z', retention_class: 'short' } as const

test('a month in which everything has expired goes in one transaction, and rows of the store move out of it', async () => {
  const place = await placeWith([{}, {}, { retention_class: 'medium' }])
  try {
    await place.intoJanuary('true')
    assert.deepEqual(await place.pruner.pruneMonths?.(order), [
      { log: '_/gateway/edge-1/audit', swept: { short: 2, medium: 1 } },
    ])
    assert.deepEqual(await place.state(), { january: false, expired: 3, verdict: 'PASS' })
    assert.equal(
      (
        await place.store.scan({
          stream: 'audit',
          filter: { code: 'LOG_CREATED' },
          order: 'oldest',
          limit: 9,
        })
      ).length,
      1,
    )
    assert.deepEqual(await place.pruner.pruneMonths?.(order), [])
    // The log goes on, also for a process that knew it before.
    await place.append([{}])
    assert.deepEqual(await place.state(), { january: false, expired: 3, verdict: 'PASS' })
  } finally {
    await place.close()
  }
})

test('a month stays in which one row is younger, held, not signed for, damaged, or of another service', async () => {
  const place = await placeWith([{}, { code: 'KEPT' }])
  const { pruner, sql } = place
  const prune = (more: Partial<MonthsOrder> = {}): unknown => pruner.pruneMonths?.({ ...order, ...more })
  try {
    await place.intoJanuary("code IN ('ORDER_PLACED', 'KEPT')")
    assert.deepEqual(await prune({ needsCheckpoint: true }), [])
    assert.deepEqual(await prune({ needsReplication: true }), [])
    assert.deepEqual(await prune({ service_id: 'other' }), [])
    const long = { ...builtinPolicy, rules: [{ of: 'KEPT', days: null }] }
    assert.deepEqual(await prune({ policy: long }), [])
    const { hold_id } = await pruner.placeHold({ rows: { code: 'KEPT' }, reason: 'case 7', by: 'counsel' })
    assert.deepEqual(await prune(), [])
    await pruner.releaseHold(hold_id, 'counsel', 'settled')
    await sql.run("UPDATE audit_log SET leaf = replace(leaf, 'KEPT', 'LOST') WHERE code = 'KEPT'")
    assert.deepEqual(await prune(), [])
    await sql.run("UPDATE audit_log SET leaf = replace(leaf, 'LOST', 'KEPT') WHERE code = 'KEPT'")
    // Somebody who reads it is waited for, not for ever; then it is left to be swept row by row.
    await sql.run('BEGIN')
    await sql.run('SELECT 1 FROM audit_log LIMIT 1')
    assert.deepEqual(await prune(), [])
    await sql.rollback()
    await sql.run("SET fasten.sweep = 'on'")
    assert.deepEqual(await place.state(), { january: true, expired: 0, verdict: 'PASS' })
    assert.equal(((await prune()) as readonly unknown[]).length, 1)
    assert.deepEqual(await place.state(), { january: false, expired: 2, verdict: 'PASS' })
  } finally {
    await place.close()
  }
})

test('at whatever statement that changes something the server ends the connection of a sweep, nothing is half done', async () => {
  const place = await placeWith([{}, {}, {}])
  const killer = await sqlAt(place.url)
  const query = Client.prototype.query
  let left = Infinity
  /** Before its `left`-th statement that changes something a client loses its backend. */
  Client.prototype.query = async function (this: Client & { processID?: number }, ...given: unknown[]) {
    const isOurs = this !== killer.client && this !== place.sql.client
    const text = typeof given[0] === 'string' ? given[0] : String((given[0] as { text?: unknown }).text)
    if (isOurs && /^\s*(?:INSERT|UPDATE|DELETE|WITH|DROP|COMMIT)/.test(text) && --left === 0)
      await killer.run('SELECT pg_terminate_backend($1, 5000)', [this.processID ?? 0])
    return query.apply(this, given as Parameters<typeof query>)
  } as typeof query
  try {
    let expired = 0
    let kills = 0
    for (let at = 1; ; at++) {
      if ((await place.state()).expired === expired) {
        // Three rows that go with their month, three that go by themselves.
        await place.intoJanuary(
          "code = 'ORDER_PLACED' AND monotonic_seq % 2 = 0 AND stored_on > '2021-01-01'",
        )
      }
      left = at
      const failure = await sweepAll(place.pruner).then(
        () => undefined,
        (error: unknown) => error,
      )
      const isThrough = left > 0
      left = Infinity
      const { verdict, expired: now } = await place.state()
      assert.equal(verdict, 'PASS', `after statement ${at}: ${String(failure)}`)
      if (isThrough) break
      kills++
      if (now > expired) {
        await sweepAll(place.pruner)
        expired = (await place.state()).expired
        await place.append([{}, {}, {}])
      }
    }
    assert.ok(kills > 12, `only ${kills} statements`)
    assert.equal(await place.store.count('audit', { code: 'ORDER_PLACED' }, 99), 0)
  } finally {
    Client.prototype.query = query
    await killer.client.end()
    await place.close()
  }
})

interface Place {
  readonly url: string
  readonly store: Store
  readonly pruner: RowPruner
  readonly sql: Sql
  append(rows: readonly Partial<AuditDraft>[]): Promise<void>
  /** As if the rows had been stored then. */
  intoJanuary(which: string): Promise<void>
  state(): Promise<{ january: boolean; expired: number; verdict: string }>
  close(): Promise<void>
}

async function placeWith(rows: readonly Partial<AuditDraft>[]): Promise<Place> {
  const url = await server.freshDatabase()
  const store = await openAt(url)
  const { pruner } = store
  if (pruner === undefined) throw new TypeError('the store has no pruner')
  const sql = await sqlAt(url)
  await sql.run("SET fasten.sweep = 'on'")
  const samples = createSampleDrafts()
  let position = 0
  const place: Place = {
    url,
    store,
    pruner,
    sql,
    async append(more) {
      await store.append(
        batch(
          more.map((each) => samples.audit({ ...old, ...each })),
          (position += more.length),
        ),
      )
    },
    async intoJanuary(which) {
      await sql.run("SELECT fasten_make_months('audit_log', '2020-01-01', 1)")
      await sql.run(`UPDATE audit_log SET stored_on = '2020-01-15' WHERE ${which}`)
    },
    async state() {
      const [found] = await sql.run(
        "SELECT to_regclass('audit_log_2020_01') IS NOT NULL AS there, (SELECT count(*) FROM fasten_expired) AS expired",
      )
      const { verdict } = await verifyLogs([store], {}, sha256)
      return { january: found?.['there'] === true, expired: Number(found?.['expired']), verdict }
    },
    async close() {
      await sql.client.end()
      await store.close()
    },
  }
  await place.append(rows)
  return place
}

async function sweepAll(pruner: RowPruner): Promise<void> {
  const report = await sweep({
    pruner,
    policy: builtinPolicy,
    digest: sha256,
    reading: () => ({ machine: 'one', uptimeMicros: 0, wallMicros }),
    trustsWall: true,
    needsReplication: false,
    needsCheckpoint: false,
    pause: async () => {},
  })
  assert.ok(report)
}
