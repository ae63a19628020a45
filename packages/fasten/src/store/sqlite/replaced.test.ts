// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { copyFileSync, readdirSync, renameSync, rmSync, statSync, truncateSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import type { AuditRow } from '../../core/row.ts'
import { createSampleDrafts } from '../../testing/sample-drafts.ts'
import { assertSound } from '../../testing/store-contract.ts'
import { openStore } from '../open.ts'
import type { Store } from '../ports.ts'
import { batch, createPlaces, tamper, targetOf } from './fixtures/places.ts'

const place = createPlaces()
const base = '_/gateway/edge-1/audit'

interface Case {
  readonly path: string
  readonly store: Store
  /** Appends one row; answers `log#seq`, or the error's code. */
  append(): Promise<string>
  /** Row 0 of a log. */
  birth(log: string): Promise<AuditRow>
}

function on(title: string, work: (under: Case) => Promise<void>): void {
  test(title, async () => {
    const path = join(place(), 'rows.db')
    const store = await openStore(targetOf(path))
    const samples = createSampleDrafts()
    let position = 0
    try {
      await work({
        path,
        store,
        async append() {
          try {
            const { appended } = await store.append(batch([samples.audit()], ++position))
            return appended.map(({ log, monotonic_seq }) => `${log}#${monotonic_seq}`).join()
          } catch (error) {
            return (error as { code: string }).code
          }
        },
        async birth(log) {
          const [first] = await store.scan({ stream: 'audit', filter: { log }, order: 'stored', limit: 1 })
          return first?.row as AuditRow
        },
      })
    } finally {
      await store.close()
    }
  })
}

/** A copy that is whole, as a backup tool would make it. */
function backUp(path: string, to: string): void {
  tamper(path, 'PRAGMA wal_checkpoint(TRUNCATE)')
  copyFileSync(path, to)
}

on(
  'a deleted file is noticed by the next batch, and a new one begins a new generation of its logs',
  async ({ path, store, append, birth }) => {
    await append()
    const [head] = await store.heads()
    rmSync(path)
    assert.equal(await append(), 'STORE_REPLACED')
    assert.equal(await append(), `${base}~2#1`)
    assert.equal(await append(), `${base}~2#2`)
    const { code, severity, reason, detail } = await birth(`${base}~2`)
    assert.deepEqual([code, severity], ['LOG_CREATED', 'critical'])
    assert.match(reason ?? '', /is not continued/)
    assert.deepEqual(detail['previous_log'], {
      log: base,
      size: 2,
      head_hash: head?.head_hash,
      reason: 'log_missing',
    })
    await assertSound(store)
  },
)

on('an older copy in its place is not continued', async ({ path, store, append, birth }) => {
  await append()
  backUp(path, `${path}.old`)
  await append()
  const [head] = await store.heads()
  renameSync(`${path}.old`, path)
  assert.equal(await append(), 'STORE_REPLACED')
  assert.equal(await append(), `${base}~2#1`)
  const { detail } = await birth(`${base}~2`)
  assert.deepEqual(detail['previous_log'], {
    log: base,
    size: 3,
    head_hash: head?.head_hash,
    reason: 'rolled_back',
  })
  assert.deepEqual(
    (await store.heads()).map(({ log, size }) => [log, size]),
    [
      [base, 2],
      [`${base}~2`, 2],
    ],
  )
  await assertSound(store)
})

on('a file that was away and came back is continued', async ({ path, store, append }) => {
  await append()
  renameSync(path, `${path}.away`)
  assert.equal(await append(), 'STORE_REPLACED')
  renameSync(`${path}.away`, path)
  assert.equal(await append(), `${base}#2`)
  await assertSound(store)
})

on('a file that comes back is shared with whoever did not notice', async ({ path, store, append }) => {
  await append()
  const other = await openStore(targetOf(path))
  const samples = createSampleDrafts({ boot_id: '00000000000000bb' })
  const appendThere = (row: number) => other.append(batch([samples.audit()], row, '00000000000000bb'))
  await appendThere(1)
  renameSync(path, `${path}.away`)
  assert.equal(await append(), 'STORE_REPLACED')
  renameSync(`${path}.away`, path)
  for (let turn = 0; turn < 5; turn++) {
    await appendThere(2 + turn)
    await append()
  }
  assert.deepEqual(await store.heads(), await other.heads())
  await assertSound(store)
  await assertSound(other)
  await other.close()
  assert.deepEqual(
    tamper(path, 'PRAGMA integrity_check').map((row) => Object.values(row)),
    [['ok']],
  )
})

on('rows are saved when somebody tidies the write-ahead log away', async ({ path, store, append }) => {
  for (let row = 0; row < 5; row++) await append()
  rmSync(`${path}-wal`)
  rmSync(`${path}-shm`)
  assert.equal(await append(), 'STORE_REPLACED')
  assert.equal(await append(), `${base}#6`)
  await assertSound(store)
  assert.deepEqual(
    tamper(path, 'PRAGMA integrity_check').map((row) => Object.values(row)),
    [['ok']],
  )
})

on('an emptied file is not filled with remains', async ({ path, store, append }) => {
  await append()
  await append()
  truncateSync(path)
  assert.equal(await append(), 'STORE_REPLACED')
  assert.equal(await append(), `${base}~2#1`)
  assert.ok(statSync(path).size > 0)
  await assertSound(store)
})

on(
  'the write-ahead log of a file that is gone never reaches the next one',
  async ({ path, store, append }) => {
    await append()
    backUp(path, `${path}.old`)
    for (let row = 0; row < 30; row++) await append()
    renameSync(`${path}.old`, path)
    await append()
    await append()
    assert.equal((await store.heads()).find(({ log }) => log === base)?.size, 2)
    assert.deepEqual(
      tamper(path, 'PRAGMA integrity_check').map((row) => Object.values(row)),
      [['ok']],
    )
    assert.deepEqual(
      readdirSync(dirname(path)).filter((name) => !/^rows\.db(-wal|-shm)?$/.test(name)),
      [],
    )
    await assertSound(store)
  },
)

on('a log that ends otherwise than its head says is left as it is', async ({ path, append }) => {
  await append()
  await append()
  const damages: readonly [sql: string, reason: string][] = [
    ['DELETE FROM audit_log WHERE monotonic_seq = 2', 'tail_missing'],
    ["UPDATE audit_log SET hash = 'f00d' WHERE monotonic_seq = 2", 'tail_changed'],
    [
      'UPDATE fasten_logs SET size = 2, head_hash = (SELECT hash FROM audit_log WHERE monotonic_seq = 1)',
      'rows_beyond_head',
    ],
  ]
  for (const [sql, reason] of damages) {
    const copy = `${path}.${reason}`
    backUp(path, copy)
    tamper(copy, sql)
    // Another process, which has nothing to remember.
    const other = await openStore(targetOf(copy))
    const { appended } = await other.append(
      batch([createSampleDrafts({ boot_id: '00000000000000bb' }).audit()], 1, '00000000000000bb'),
    )
    assert.equal(appended[0]?.log, `${base}~2`, reason)
    const [birth] = await other.scan({
      stream: 'audit',
      filter: { log: `${base}~2` },
      order: 'stored',
      limit: 1,
    })
    assert.match(JSON.stringify(birth?.row), new RegExp(`"reason":"${reason}"`))
    await other.close()
  }
})

on('rows changed under a running writer are found when it writes on', async ({ path, append }) => {
  await append()
  await append()
  tamper(
    path,
    'UPDATE fasten_logs SET size = 2, head_hash = (SELECT hash FROM audit_log WHERE monotonic_seq = 1)',
  )
  assert.equal(await append(), `${base}~2#1`)
  tamper(path, "UPDATE fasten_logs SET head_hash = 'f00d' WHERE log LIKE '%~2'")
  assert.equal(await append(), `${base}~3#1`)
  // A row that somebody put behind the head while we were writing on.
  tamper(
    path,
    "INSERT INTO audit_log (position, log_id, monotonic_seq, id) SELECT 9999, log_id, 2, 'evt-forged' FROM fasten_logs WHERE log LIKE '%~3'",
  )
  assert.equal(await append(), `${base}~4#1`)
  assert.equal(await append(), `${base}~4#2`)
})

on('a row forged further on moves the whole batch to a new log', async ({ path, store, append }) => {
  await append()
  const forged =
    "INSERT INTO audit_log (position, log_id, monotonic_seq, id) SELECT 99, log_id, 4, 'evt-forged' FROM fasten_logs"
  tamper(path, `${forged} WHERE log = '${base}'`)
  const samples = createSampleDrafts({ boot_id: '00000000000000bb' })
  const drafts = [samples.audit(), samples.audit(), samples.audit(), samples.audit()]
  const { appended, rejected } = await store.append(batch(drafts, 9))
  assert.deepEqual(rejected, [])
  assert.deepEqual(
    appended.map(({ log, monotonic_seq }) => [log, monotonic_seq]),
    [1, 2, 3, 4].map((seq) => [`${base}~2`, seq]),
  )
  assert.equal((await store.heads()).find(({ log }) => log === base)?.size, 2)
  assert.equal(await append(), `${base}~2#5`)
})

on('numbers that no counter reaches stop nobody from writing on', async ({ path, store, append }) => {
  await append()
  const huge = 2n ** 62n
  tamper(
    path,
    "INSERT INTO audit_log (position, log_id, monotonic_seq, id) VALUES (?, ?, ?, 'evt-huge')",
    huge,
    huge,
    huge,
  )
  assert.equal(await append(), `${base}#2`)
  tamper(path, 'UPDATE fasten_logs SET size = ?, position = ?', huge, huge)
  assert.equal(await append(), `${base}~2#1`)
  assert.equal(await append(), `${base}~2#2`)
  const rows = await store.scan({ stream: 'audit', order: 'stored', limit: 100 })
  assert.deepEqual(
    rows.slice(0, -1).map(({ position }) => position),
    [1, 2, 3, 4, 5, 6],
  )
})

on('sys and api logs are born again in the words of their streams', async ({ path, store }) => {
  const samples = createSampleDrafts()
  await store.append(batch([samples.sys(), samples.api()], 1))
  rmSync(path)
  await assert.rejects(store.append(batch([samples.sys()], 2)), { code: 'STORE_REPLACED' })
  await store.append(batch([samples.sys(), samples.api()], 3))
  const first = async (stream: 'sys' | 'api'): Promise<Record<string, unknown>> => {
    const [born] = await store.scan({ stream, order: 'stored', limit: 1 })
    return { ...born?.row }
  }
  const { event, level, fields } = await first('sys')
  assert.deepEqual([event, level], ['LOG_CREATED', 'error'])
  assert.equal((fields as { previous_log: { log: string } }).previous_log.log, '_/gateway/edge-1/sys')
  const { method, path: route, status, error, detail } = await first('api')
  assert.deepEqual(
    [method, route, status, error],
    ['POST', '/LOG_CREATED', 201, '_/gateway/edge-1/api is not continued: log_missing'],
  )
  const { log, size } = (detail as { previous_log: { log: string; size: number } }).previous_log
  assert.deepEqual([log, size], ['_/gateway/edge-1/api', 2])
  await assertSound(store)
})
