// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, test, type TestContext } from 'node:test'
import { createFasten } from '../packages/fasten/src/capture/create.ts'
import { createCodeRegistry } from '../packages/fasten/src/core/code.ts'
import { FastenError } from '../packages/fasten/src/core/error.ts'
import { draftText } from '../packages/fasten/src/core/leaf.ts'
import { logName } from '../packages/fasten/src/core/log-name.ts'
import type { Clean } from '../packages/fasten/src/core/row.ts'
import { createDrainLoop } from '../packages/fasten/src/store/drain-loop.ts'
import { openForReading } from '../packages/fasten/src/store/open.ts'
import { createSystemIds } from '../packages/fasten/src/store/platform.ts'
import { createSpoolReader } from '../packages/fasten/src/store/spool/reader.ts'
import { createSpoolWriter } from '../packages/fasten/src/store/spool/writer.ts'
import { createSampleDrafts } from '../packages/fasten/src/testing/sample-drafts.ts'
import { openPlace } from './harness/drafts.ts'
import { atEnd } from './harness/endings.ts'
import { judge } from './harness/judge.ts'
import { openLedger, readLedger } from './harness/ledger.ts'
import { makeFolder, optionsOf, sqlitePlace, subfolder, type Place } from './harness/place.ts'
import { postgresPlace } from './harness/postgres-place.ts'
import { report, reportControl } from './harness/report.ts'
import { times } from './harness/scale.ts'
import { settled } from './harness/settled.ts'
import { openBeside } from '../packages/fasten/src/store/sqlite/fixtures/beside.ts'

/** One row an hour, or one in two minutes, for four days. */
const everyMs = times({ short: 60, long: 2 }) * 60_000

/** Rows that are emitted while the database is away. */
const rows = times({ short: 2000, long: 500_000 })

describe('row 6: the database is down', () => {
  test('SQLite locked by somebody else: memory stays flat, all rows arrive, the first of the outage first', async (t) => {
    const place = sqlitePlace(subfolder(makeFolder(t), 'system'))
    let holder: DatabaseSync | undefined
    await outage(t, place, 'SQLite locked', {
      down: async () => {
        holder = openBeside(place.dsn.replace('sqlite:///', ''))
        holder.exec('BEGIN IMMEDIATE')
      },
      up: async () => holder?.close(),
    })
  })

  test('Postgres crashed and away: memory stays flat, all rows arrive, the first of the outage first', async (t) => {
    const { server, place } = await postgresPlace(t, true)
    await outage(t, place, 'Postgres crashed', { down: () => server.kill9(), up: () => server.start() })
  })

  test('away for four days of a virtual clock: attempts stay a minute apart, all rows arrive in order', async (t) => {
    const folder = makeFolder(t)
    const place = sqlitePlace(subfolder(folder, 'system'))
    const { attempts, emitted } = await fourDays(t, place, join(folder, 'ledger'))
    const also = `${attempts} attempts`
    report(
      t,
      { row: 6, attacked: 'four days without a database', times: 1, also },
      await judge(place, readLedger(join(folder, 'ledger'))),
      90,
    )
    assert.ok(attempts < 4 * 24 * 60 * 1.3 && attempts > 4 * 24 * 60 * 0.7, also)
    const queue: number[] = []
    for (let row = 0; row < emitted; row++) if (queue.push(row) > 20) queue.shift()
    reportControl(t, 6, {
      broken: 'a queue in memory of 20 rows',
      harm: 'rows of the first hours lost',
      count: emitted - queue.length,
    })
  })
})

interface Outage {
  down(): Promise<unknown>
  up(): Promise<unknown>
}

async function outage(t: TestContext, place: Place, name: string, { down, up }: Outage): Promise<void> {
  const ledgerPath = join(makeFolder(t), 'ledger')
  const ledger = openLedger(ledgerPath)
  const registry = createCodeRegistry()
  registry.register('order', { ORDER_PLACED: { category: 'order', action: 'create' } })
  const fasten = createFasten({
    registry,
    service_id: 's',
    node_id: 'n',
    ...optionsOf(place),
    stdout: [],
    notices: { write: () => true },
  })
  atEnd(t, () => fasten.close(1000))
  const emit = async (count: number): Promise<string[]> => {
    const ids: string[] = []
    for (let index = 0; index < count; index++) {
      const { id, accepted } = fasten.emit({ code: 'ORDER_PLACED', target: `order/${index}` })
      assert.equal(accepted, true)
      ids.push(id)
      if (index % 500 === 499) await nextTurn()
    }
    ledger.ack(ids)
    return ids
  }
  const liveStarted = performance.now()
  await emit(rows / 10)
  assert.equal(await fasten.flush(60_000), true)
  const livePerSecond = rows / 10 / ((performance.now() - liveStarted) / 1000)
  await down()
  const rssBefore = process.memoryUsage().rss
  const missed = await emit(rows)
  const grownMiB = (process.memoryUsage().rss - rssBefore) / 2 ** 20
  assert.ok(grownMiB < 64, `memory grew by ${grownMiB.toFixed(0)} MiB`)
  await up()
  const upAt = performance.now()
  assert.equal(await fasten.flush(120_000), true)
  const perSecond = rows / ((performance.now() - upAt) / 1000)
  const stats = await settled(fasten)
  await fasten.close(60_000)
  ledger.close()
  const judged = await judge(place, readLedger(ledgerPath))
  // The first row of each log is the store's own.
  const storedHere = judged.stored - judged.verdicts.length
  assert.deepEqual([stats.accepted, stats.stored, stats.quarantined], [storedHere, storedHere, 0])
  const also = `memory ${grownMiB.toFixed(0)} MiB more, stored at ${livePerSecond.toFixed(0)} rows/s before and ${perSecond.toFixed(0)} rows/s after`
  report(t, { row: 6, attacked: `${name} while ${rows} rows were emitted`, times: 1, also }, judged, rows)
  assert.deepEqual(
    (await storedIds(place)).filter((id) => missed[0] === id || missed.includes(id)).slice(0, 50),
    missed.slice(0, 50),
  )
}

async function storedIds(place: Place): Promise<string[]> {
  const store = await openForReading(place.dsn)
  try {
    const first = await store.scan({
      stream: 'audit',
      filter: { code: 'ORDER_PLACED', after_position: rows / 10 },
      order: 'stored',
      limit: 1000,
    })
    return first.map(({ row }) => row.id)
  } finally {
    await store.close()
  }
}

/** A row now and then into a spool, a drainer whose store is away, and timers that the test turns. */
async function fourDays(
  t: TestContext,
  place: Place,
  ledgerPath: string,
): Promise<{ readonly attempts: number; readonly emitted: number }> {
  const store = await openPlace(place)
  const root = subfolder(place.spoolRoot, '')
  const id = '00000000000000aa'
  const directory = join(root, id)
  const writer = createSpoolWriter({ id, directory })
  const samples = createSampleDrafts()
  const ledger = openLedger(ledgerPath)
  const endMs = 4 * 24 * 3600 * 1000
  let nowMs = 0
  let attempts = 0
  const sink = {
    ...store,
    append: async (batch: Parameters<typeof store.append>[0]) => {
      if (nowMs >= endMs) return store.append(batch)
      attempts++
      throw new FastenError('STORE_BUSY', 'the database is away')
    },
  }
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const loop = createDrainLoop({
    place: {
      sink,
      root,
      clock: { nowMicros: () => nowMs * 1000, monotonicNanos: () => BigInt(nowMs) * 1_000_000n },
      rowsMax: 4000,
    },
    reader: createSpoolReader(id, directory),
    end: () => writer.position,
    ids: createSystemIds(),
    lingerMs: 25,
    adopts: false,
    onSlice: () => {},
    onEvent: () => {},
    onIdle: () => {},
  })
  let emitted = 0
  for (const stepMs = 20_000; nowMs < endMs + 200_000; nowMs += stepMs) {
    if (nowMs % everyMs === 0 && nowMs < endMs) {
      const draft = samples.audit()
      writer.append(logName(draft), draftText(draft as Clean))
      ledger.ack([draft.id])
      emitted++
      loop.wake()
    }
    t.mock.timers.tick(stepMs)
    await nextTurn()
  }
  for (let turns = 0; loop.state().kind !== 'idle' && turns < 1000; turns++) {
    t.mock.timers.tick(60_000)
    await nextTurn()
  }
  t.mock.timers.reset()
  await loop.stop()
  writer.close()
  await store.close()
  ledger.close()
  return { attempts, emitted }
}
