// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { Clock } from '../../core/clock.ts'
import { builtinPolicy } from '../../core/retention-policy.ts'
import { streams } from '../../core/row.ts'
import { parseTime } from '../../core/timestamp.ts'
import { createLogVerifier } from '../../core/verify.ts'
import { describePruner, type PrunerPlace } from '../../testing/pruner-contract.ts'
import { createSampleDrafts, sampleTime } from '../../testing/sample-drafts.ts'
import { evidenceOf } from '../../testing/store-contract.ts'
import { createSystemClock, createSystemIds, sha256 } from '../platform.ts'
import type { Store } from '../ports.ts'
import type { RowPruner } from '../retention/pruner.ts'
import { sweep, type SweepReport } from '../retention/sweep.ts'
import { software } from '../software.ts'
import { loadSqliteDriver, sqliteDriverNames, type SqliteDriver, type SqliteDriverName } from './driver.ts'
import { hookedDriver, sqliteError } from './fixtures/faulty-driver.ts'
import { batch, createPlaces, tamper } from './fixtures/places.ts'
import { defaultTables, openSqliteStore } from './index.ts'

const folder = createPlaces()

for (const driver of sqliteDriverNames)
  describePruner(`SQLite by ${driver}`, async () => placeAt(folder(), driver))

describe('what a sweep does to a SQLite file', () => {
  test('a row that is damaged is not swept, so that it is found', async () => {
    const { path, store } = await filled(30)
    tamper(path, "UPDATE audit_log SET leaf = replace(leaf, 'ORDER', 'OTHER') WHERE monotonic_seq = 4")
    try {
      assert.equal((await sweepLate(store)).rows, 29)
      const [{ log } = { log: '' }] = await store.heads()
      const verifier = createLogVerifier({ log, head: (await store.heads())[0] ?? null, digest: sha256 })
      for await (const row of store.evidence(log)) verifier.push(row)
      const { rows_expired, breaks } = verifier.finish()
      assert.deepEqual(
        [rows_expired, breaks.map(({ kind, from_index }) => [kind, from_index])],
        [29, [['hash_mismatch', 4]]],
      )
    } finally {
      await store.close()
    }
  })

  for (const isOld of [false, true]) {
    test(`the file shrinks, ${isOld ? 'also one that was made without giving space back' : 'and stays small'}`, async () => {
      const { path, store } = await filled(6000, isOld)
      try {
        const before = (await store.pruner.compact(1)).bytes ?? 0
        const report = await sweepLate(store, { mayRewrite: isOld })
        assert.equal(report.rows, 6000)
        const after = statSync(path).size
        // A kept hash takes some 45 bytes of a row's 1,500 and more.
        assert.ok(after * 4 < before, `${before} bytes became ${after}`)
        assert.equal(report.bytes, after)
        assert.equal(readFileSync(path).includes('ORDER_PLACED'), false)
      } finally {
        await store.close()
      }
    })
  }

  test('whatever call into SQLite fails, a sweep has happened or has not, and the next one ends it', async () => {
    const real = await loadSqliteDriver()
    for (let failsAt = 1; ; failsAt++) {
      const { path, store: writer } = await filled(4)
      await writer.close()
      let left = Infinity
      const store = await openAt(
        path,
        hookedDriver(real, (_sql, when) => {
          if (when === 'before' && --left === 0) throw sqliteError(10)
        }),
      )
      try {
        left = failsAt
        const failure = await sweepLate(store).then(
          () => undefined,
          (error: unknown) => error,
        )
        const isThrough = left > 0
        left = Infinity
        const [head] = await store.heads()
        const rows = await evidenceOf(store, head?.log ?? '')
        const gone = rows.filter(({ leaf }) => leaf === null).length
        assert.ok(gone === 0 || gone === 4, `${gone} rows are gone after call ${failsAt} failed`)
        assert.equal((await sweepLate(store)).rows, 4 - gone)
        const verifier = createLogVerifier({
          log: head?.log ?? '',
          head: (await store.heads())[0] ?? null,
          digest: sha256,
        })
        for await (const row of store.evidence(head?.log ?? '')) verifier.push(row)
        const { verdict, rows_expired } = verifier.finish()
        assert.deepEqual([verdict, rows_expired], ['PASS', 4])
        if (isThrough) return assert.equal(failure, undefined)
        assert.ok(failsAt < 2000)
      } finally {
        await store.close()
      }
    }
  })
})

/** A file with rows of ten years ago, and its store. */
async function filled(rows: number, isOld = false): Promise<{ path: string; store: Prunable }> {
  const path = join(folder(), 'rows.db')
  if (isOld) tamper(path, 'CREATE TABLE made_by_somebody_else (a)')
  const store = await openAt(path, 'node:sqlite')
  const samples = createSampleDrafts()
  const text = 'x'.repeat(400)
  for (let at = 0; at < rows; at += 1000) {
    const drafts = Array.from({ length: Math.min(1000, rows - at) }, (_, index) =>
      samples.audit({ retention_class: 'short', timestamp: sampleTime(at + index), detail: { text } }),
    )
    await store.append(batch(drafts, at + drafts.length))
  }
  return { path, store }
}

type Prunable = Store & { readonly pruner: RowPruner }

async function openAt(
  path: string,
  driver: SqliteDriver | SqliteDriverName,
  nowMicros?: () => number,
): Promise<Prunable> {
  const clock: Clock = createSystemClock()
  const store = await openSqliteStore({
    path,
    tables: Object.fromEntries(streams.map((stream) => [stream, defaultTables[stream]])),
    digest: sha256,
    clock: nowMicros === undefined ? clock : { ...clock, nowMicros },
    ids: createSystemIds(),
    software,
    mode: 'write',
    driver,
  })
  const { pruner } = store
  if (pruner === undefined) throw new TypeError('the store has no pruner')
  return { ...store, pruner }
}

/** A sweep ten years after all of it. */
async function sweepLate(
  store: Prunable,
  more: Partial<Parameters<typeof sweep>[0]> = {},
): Promise<SweepReport> {
  const report = await sweep({
    pruner: store.pruner,
    policy: builtinPolicy,
    digest: sha256,
    reading: () => ({ machine: 'one', uptimeMicros: 0, wallMicros: parseTime('2041-01-01', 0) ?? 0 }),
    trustsWall: true,
    needsReplication: false,
    needsCheckpoint: false,
    ...more,
  })
  assert.ok(report)
  return report
}

function placeAt(directory: string, driver: SqliteDriverName): PrunerPlace {
  return {
    open: async (nowMicros) => openAt(join(directory, 'rows.db'), driver, nowMicros),
    remove: async () => rmSync(directory, { recursive: true }),
  }
}
