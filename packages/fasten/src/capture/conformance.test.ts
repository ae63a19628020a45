// SPDX-License-Identifier: Apache-2.0
/**
 * The scenarios V-1 to V-12 of the published SDKs' drainer, as far as a queue that is a file keeps their meaning; what differs is said in
 * docs/decisions/0017-the-published-drainer-and-ours.md. A store that does not take rows is a file with a layout of the future: it
 * fails at once, each time, until it is mended.
 */
import assert from 'node:assert/strict'
import { renameSync, rmSync } from 'node:fs'
import { describe, test, type TestContext } from 'node:test'
import type { FastenError } from '../core/error.ts'
import { backoffMs } from '../store/drain-loop.ts'
import { listQuarantine } from '../store/quarantine.ts'
import type { CreateOptions } from './create.ts'
import { bench, type Bench } from './fixtures/instance.ts'
import type { Receipt } from './receipt.ts'
import { openBeside } from '../store/sqlite/fixtures/beside.ts'

const event = { code: 'USER_CREATED', target: 'u/1' } as const
const long = 60_000

function brokenStore(path: string): void {
  const database = openBeside(path)
  database.exec(`
    CREATE TABLE fasten_meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
    INSERT INTO fasten_meta VALUES ('schema_version', '9999')`)
  database.close()
}

/** What `brokenStore` made is a store like any other from here on: in one transaction, whoever looks at the file meanwhile. */
function mend(path: string): void {
  const database = openBeside(path)
  database.exec('DROP TABLE fasten_meta')
  database.close()
}

/** Another file lies in the place of the store, which takes no rows either. */
function replace(path: string): void {
  brokenStore(`${path}.broken`)
  for (const ending of ['-wal', '-shm']) rmSync(`${path}${ending}`, { force: true })
  renameSync(`${path}.broken`, path)
}

/** Resolves once the library has said something that begins so; a test that waits in vain ends by its own time limit. */
async function said({ notices }: Bench, word: string, times = 1): Promise<void> {
  while (notices.filter((text) => text.includes(word)).length < times)
    await new Promise((resolve) => setTimeout(resolve, 5))
}

/** `accepted`, or the code of what it throws. */
function emitted(emit: () => Receipt): string {
  try {
    return emit().accepted ? 'accepted' : 'refused'
  } catch (error) {
    return (error as FastenError).code
  }
}

const timesSaid = ({ notices }: Bench, word: string): number =>
  notices.filter((text) => text.includes(`${word} `)).length

function failing(t: TestContext, options: CreateOptions = {}) {
  const place = bench(t)
  brokenStore(place.path)
  const fasten = place.start({ stdout: [], flush_timeout_ms: long, exit_hooks: false, ...options })
  return { place, fasten }
}

describe('the scenarios of the published drainer', { timeout: 600_000 }, () => {
  test('V-1: what was emitted is drained', async (t) => {
    const { start, auditRows } = bench(t)
    const fasten = start()
    fasten.emit(event)
    fasten.emit(event)
    assert.equal(await fasten.flush(long), true)
    assert.equal((await auditRows()).length, 2)
  })

  test('V-2: in raise mode emit throws once the store is known to be down, and nothing is recorded twice', async (t) => {
    const { place, fasten } = failing(t, { failure: 'raise' })
    await said(place, 'audit_drain_failed')
    assert.throws(
      () => fasten.emit(event),
      (error: FastenError) =>
        error.code === 'STORE_DOWN' && error.message.startsWith('store down: STORE_SCHEMA_NEWER'),
    )
    assert.deepEqual([fasten.stats().refused, fasten.stats().refused_by_code], [1, { USER_CREATED: 1 }])
    mend(place.path)
    // The caller tries again until it is taken: the store may come back between any two looks at it.
    while (emitted(() => fasten.emit({ ...event, target: 'after' })) === 'STORE_DOWN')
      await new Promise((resolve) => setTimeout(resolve, 20))
    assert.equal(await fasten.flush(long), true)
    assert.deepEqual(
      (await place.auditRows()).filter(({ code }) => code === 'USER_CREATED').map(({ target }) => target),
      ['after'],
    )
  })

  test('V-3: in raise mode there is a drainer all the same, and its stats', async (t) => {
    const { start } = bench(t)
    assert.equal(start({ failure: 'raise' }).stats().queue_stats.depth, 0)
  })

  test('V-4: a store that fails at first is tried again, and flush is true', async (t) => {
    const { place, fasten } = failing(t)
    fasten.emit(event)
    await said(place, 'audit_drain_failed')
    const flushed = fasten.flush(long)
    while (fasten.stats().retry_count < 2) await new Promise((resolve) => setTimeout(resolve, 5))
    mend(place.path)
    assert.equal(await flushed, true)
    assert.equal((await place.auditRows()).length, 1)
  })

  test('V-5: the stats after one row', async (t) => {
    const { start } = bench(t)
    const fasten = start({ spool_bytes_max: 1 << 20 })
    await fasten.emit(event).stored
    assert.deepEqual(fasten.stats().queue_stats, {
      depth: 0,
      capacity: 1 << 20,
      capacity_semantics: 'bytes',
      high_water: 1,
      drained_total: 1,
      retry_count_active: 0,
      in_backoff_seconds: 0,
      last_error: null,
      dead_lettered_total: 0,
      dead_letter_depth: 0,
    })
  })

  test('V-6: flush in raise mode', async (t) => {
    const { start } = bench(t)
    assert.equal(await start({ failure: 'raise' }).flush(), true)
  })

  test('V-7: the high water mark never falls', async (t) => {
    const { place, fasten } = failing(t)
    for (let index = 0; index < 5; index++) fasten.emit(event)
    const high = fasten.stats().queue_stats.high_water
    assert.equal(high, 5)
    mend(place.path)
    assert.equal(await fasten.flush(long), true)
    fasten.emit(event)
    assert.equal(await fasten.flush(long), true)
    assert.equal(fasten.stats().queue_stats.high_water, high)
  })

  test('V-8: each threshold is told once, the trail tells of it too, and what did not fit is refused and counted', async (t) => {
    const { place, fasten } = failing(t, { spool_bytes_max: 1 << 20 })
    const row = { ...event, detail: { note: 'x'.repeat(10_000) } }
    let refused = 0
    for (let index = 0; index < 150; index++) {
      const receipt = fasten.emit(row)
      if (receipt.accepted) continue
      refused++
      await assert.rejects(receipt.durable, { code: 'SPOOL_LIMIT' })
    }
    assert.ok(refused > 0)
    assert.deepEqual(
      [timesSaid(place, 'audit_queue_high_water'), timesSaid(place, 'audit_queue_near_full')],
      [1, 1],
    )
    assert.equal(fasten.stats().refused, refused)
    mend(place.path)
    assert.equal(await fasten.flush(long), true)
    fasten.emit(event)
    assert.equal(await fasten.flush(long), true)
    const own = (await place.auditRows()).filter(
      ({ code, target }) => code !== 'USER_CREATED' && target === 'spool',
    )
    assert.deepEqual(
      own.map(({ code, detail }) => [code, detail['error_code'] ?? detail['refused_rows']]),
      [
        ['DEGRADED', 'SPOOL_LIMIT'],
        ['RECOVERED', refused],
      ],
    )
  })

  test('V-10: a row that the store can never take ends in quarantine, told and counted, and holds nobody up', async (t) => {
    const place = bench(t)
    const fasten = place.start({ flush_timeout_ms: long })
    await fasten.emit(event).stored
    const database = openBeside(place.path)
    database.exec(
      "CREATE TRIGGER refuse BEFORE INSERT ON audit_log WHEN NEW.target = 'bad' BEGIN SELECT RAISE(ABORT, 'no'); END",
    )
    database.close()
    const { stored } = fasten.emit({ ...event, target: 'bad' })
    await assert.rejects(stored, { code: 'ROW_QUARANTINED' })
    fasten.emit({ ...event, target: 'good' })
    assert.equal(await fasten.flush(long), true)
    const { dead_lettered_total, depth } = fasten.stats().queue_stats
    assert.deepEqual([dead_lettered_total, depth, listQuarantine(`${place.path}-spool`).length], [1, 0, 1])
    assert.equal(timesSaid(place, 'audit_row_quarantined'), 1)
  })

  test('V-11: five failures and then success: failed, degraded, recovered, once each and in that order', async (t) => {
    const { place, fasten } = failing(t)
    fasten.emit(event)
    await said(place, 'audit_drain_degraded')
    mend(place.path)
    await said(place, 'audit_drain_recovered')
    const told = place.notices.flatMap((text) => /audit_drain_\w+/.exec(text) ?? [])
    assert.deepEqual(told, ['audit_drain_failed', 'audit_drain_degraded', 'audit_drain_recovered'])
    assert.equal(await fasten.flush(long), true)
    assert.deepEqual(
      (await place.auditRows()).map(({ code }) => code),
      ['USER_CREATED', 'DEGRADED', 'RECOVERED'],
    )
  })

  test('V-12: an emit after close is refused, told and counted', async (t) => {
    const place = bench(t)
    const fasten = place.start()
    await fasten.close()
    const { durable, id } = fasten.emit(event)
    await assert.rejects(durable, { code: 'CLOSED' })
    assert.deepEqual(
      place.notices.filter((text) => text.includes('audit_drain_abandoned')),
      [`fasten: audit_drain_abandoned ${JSON.stringify({ reason: 'drainer_stopped', row_id: id })}\n`],
    )
  })

  test('the waits between attempts are those of the published vector', () => {
    assert.deepEqual([1, 2, 3, 4, 5].map(backoffMs), [100, 200, 400, 800, 1600])
  })
})

describe('a caller who must know', { timeout: 600_000 }, () => {
  test('emitStored answers with the place', async (t) => {
    const place = bench(t)
    const { id, monotonic_seq, log } = await place.start().emitStored(event, { timeoutMs: long })
    const [row] = await place.auditRows()
    assert.deepEqual([id, monotonic_seq, log], [row?.id, 1, row?.log])
  })

  test('emitStored ends in time when the store does not answer, and the row is stored later all the same', async (t) => {
    const { place, fasten } = failing(t)
    await assert.rejects(fasten.emitStored(event, { timeoutMs: 50 }), { code: 'STORE_TIMEOUT' })
    mend(place.path)
    assert.equal(await fasten.flush(long), true)
    assert.equal((await place.auditRows()).length, 1)
  })

  test('closing while a transaction is open and the store is away ends in time, and nobody is left unheard', async (t) => {
    const place = bench(t)
    const fasten = place.start({ flush_timeout_ms: long })
    await fasten.ready(long)
    const app = openBeside(place.path)
    t.after(() => app.close())
    app.exec('BEGIN')
    const { stored } = await fasten.emit(app, event)
    const outcome = assert.rejects(stored, { code: 'NOT_STORED_YET' })
    replace(place.path)
    fasten.emit(event)
    await said(place, 'audit_drain_failed')
    await fasten.close(100)
    await outcome
  })

  test('a fail_closed code does not go into a store whose file was taken away', async (t) => {
    const place = bench(t)
    const fasten = place.start({ flush_timeout_ms: long })
    await fasten.emit(event).stored
    // What lies there now takes no rows either, so that the refusal has no end of its own.
    replace(place.path)
    fasten.emit({ ...event, target: 'notices it' })
    await said(place, 'STORE_REPLACED')
    assert.throws(() => fasten.emit({ code: 'USER_DELETED', target: 'u/1' }), { code: 'STORE_DOWN' })
    mend(place.path)
    assert.equal(await fasten.flush(long), true)
    fasten.emit({ code: 'USER_DELETED', target: 'u/2' })
    assert.equal(await fasten.flush(long), true)
    const rows = await place.auditRows()
    assert.ok(rows.some(({ code, severity }) => code === 'STORE_REPLACED' && severity === 'critical'))
    assert.ok(rows.every(({ log }) => log.endsWith('~2')))
  })
})

test('a wall clock that jumps is told by a row, once, with how far', async (t) => {
  const place = bench(t)
  const fasten = place.start({ flush_timeout_ms: long })
  fasten.emit({ ...event, target: 'before' })
  const now = Date.now
  t.after(() => (Date.now = now))
  Date.now = () => now() - 3_600_000
  fasten.emit({ ...event, target: 'an hour back' })
  fasten.emit({ ...event, target: 'still there' })
  assert.equal(await fasten.flush(long), true)
  const rows = await place.auditRows()
  assert.deepEqual(
    rows.map(({ code, target }) => [code, target]),
    [
      ['USER_CREATED', 'before'],
      ['USER_CREATED', 'an hour back'],
      ['USER_CREATED', 'still there'],
      ['CLOCK_STEP', 'clock'],
    ],
  )
  assert.equal(Math.round(Number(rows.at(-1)?.detail['seconds'])), -3600)
  const ids = rows.map(({ id }) => id)
  assert.deepEqual(ids, ids.toSorted())
})
