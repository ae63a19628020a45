// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { builtinPolicy } from '../../core/retention-policy.ts'
import { streams } from '../../core/row.ts'
import { createSampleDrafts } from '../../testing/sample-drafts.ts'
import { describePruner } from '../../testing/pruner-contract.ts'
import { openStore } from '../open.ts'
import { createSystemClock, createSystemIds, sha256 } from '../platform.ts'
import { sweep } from '../retention/sweep.ts'
import { batch, sqlAt } from './fixtures/places.ts'
import { startPostgres } from './fixtures/server.ts'

const server = await startPostgres()
after(() => server.remove())

describePruner('Postgres', async () => {
  const url = await server.freshStore()
  return {
    open: async (nowMicros) => {
      const clock = { ...createSystemClock(), nowMicros }
      const parts = { digest: sha256, clock, ids: createSystemIds() }
      const store = await openStore({ dsn: { kind: 'postgres', url }, streams }, parts)
      const { pruner } = store
      if (pruner === undefined) throw new TypeError('the store has no pruner')
      return { ...store, pruner }
    },
    remove: () => server.release(url),
  }
})

test('the disk gets its space back: a month with nothing left is dropped, another is written anew', async () => {
  const url = await server.freshStore()
  const store = await openStore({ dsn: { kind: 'postgres', url }, streams })
  const { pruner } = store
  assert.ok(pruner)
  const samples = createSampleDrafts()
  const text = 'x'.repeat(400)
  const old = { timestamp: '2020-01-15T00:00:00.000000Z', detail: { text } }
  await store.append(
    batch(
      [
        ...Array.from({ length: 1500 }, () => samples.audit({ ...old, retention_class: 'short' })),
        ...Array.from({ length: 1500 }, () =>
          samples.audit({ ...old, retention_class: 'short', code: 'FEBRUARY' }),
        ),
        samples.audit({ ...old, retention_class: 'permanent', code: 'FEBRUARY' }),
      ],
      1,
    ),
  )
  // As if they had been stored in those months.
  const sql = await sqlAt(url)
  await sql.run("SELECT fasten_make_months('audit_log', '2020-01-01', 2)")
  await sql.run("SET fasten.sweep = 'on'")
  await sql.run("UPDATE audit_log SET stored_on = '2020-01-15' WHERE code = 'ORDER_PLACED'")
  await sql.run("UPDATE audit_log SET stored_on = '2020-02-15' WHERE code = 'FEBRUARY'")
  const bytesOf = async (part: string): Promise<number> =>
    Number(
      (await sql.run('SELECT pg_total_relation_size(to_regclass($1)) AS bytes', [part]))[0]?.['bytes'] ?? 0,
    )
  const before = [await bytesOf('audit_log_2020_01'), await bytesOf('audit_log_2020_02')]
  assert.ok(
    before.every((bytes) => bytes > 1_000_000),
    String(before),
  )

  const report = await sweep({
    pruner,
    policy: builtinPolicy,
    digest: sha256,
    reading: () => ({ machine: 'one', uptimeMicros: 0, wallMicros: createSystemClock().nowMicros() }),
    trustsWall: true,
    needsReplication: false,
    needsCheckpoint: false,
    mayRewrite: true,
  })
  assert.equal(report?.rows, 3000)
  const [january, february] = [await bytesOf('audit_log_2020_01'), await bytesOf('audit_log_2020_02')]
  assert.equal(january, 0)
  assert.ok(february > 0 && february * 5 < (before[1] ?? 0), `${before[1]} bytes became ${february}`)
  assert.equal(await store.count('audit', { code: 'FEBRUARY' }, 10), 1)
  await sql.client.end()
  await store.close()
})
