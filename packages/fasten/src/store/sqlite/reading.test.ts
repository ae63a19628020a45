// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, existsSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, test } from 'node:test'
import { createLogVerifier } from '../../core/verify.ts'
import { createSampleDrafts } from '../../testing/sample-drafts.ts'
import { assertSound, evidenceOf } from '../../testing/store-contract.ts'
import { openForReading, openStore } from '../open.ts'
import { sha256 } from '../platform.ts'
import { batch, createPlaces, tamper, targetOf, using } from './fixtures/places.ts'
import { versionWarnings } from './reader.ts'

const place = createPlaces()
const log = '_/gateway/edge-1/audit'

async function filled(rows = 3): Promise<string> {
  const path = join(place(), 'rows.db')
  const samples = createSampleDrafts()
  await using(targetOf(path), (store) =>
    store.append(
      batch(
        Array.from({ length: rows }, () => samples.audit()),
        rows,
      ),
    ),
  )
  return path
}

describe('reading', () => {
  test('creates no file, neither where there is none nor beside one', async () => {
    const path = await filled()
    const missing = join(dirname(path), 'missing.db')
    await assert.rejects(openStore(targetOf(missing, { mode: 'read' })), {
      code: 'STORE_MISSING',
      at: missing,
    })
    await using(targetOf(path, { mode: 'read' }), async (store) => {
      await assertSound(store)
      await assert.rejects(store.append(batch([], 1)), { code: 'STORE_READONLY' })
      await assert.rejects(store.spoolPosition('00000000000000aa'), { code: 'STORE_READONLY' })
    })
    assert.deepEqual(readdirSync(dirname(path)), ['rows.db'])
  })

  test('says what a file is that holds no rows', async () => {
    const folder = place()
    const [text, empty, other] = ['text.db', 'empty.db', 'other.db'].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ]
    writeFileSync(text, 'once upon a time '.repeat(100))
    writeFileSync(empty, '')
    tamper(other, 'CREATE TABLE orders (id)')
    const codeOf = (path: string): Promise<unknown> =>
      openForReading(path).then(
        (store) => store.close(),
        (error: { code: string }) => error.code,
      )
    assert.deepEqual(await Promise.all([text, empty, other, folder].map(codeOf)), [
      'STORE_CORRUPT',
      'STORE_MISSING',
      'STORE_EMPTY',
      'STORE_IO',
    ])
    const path = await filled()
    await assert.rejects(openForReading(`sqlite:///${path}?table=orders`), {
      code: 'STORE_EMPTY',
      hint: /api_log, audit_log, sys_log/,
    })
  })

  test('goes from a DSN, a path, or a table by name, and finds the streams by itself', async () => {
    const path = join(place(), 'rows?1%.db')
    const tables = { audit: 'orders_audit', sys: 'orders_sys' }
    const samples = createSampleDrafts()
    await using(targetOf(path, { streams: ['audit', 'sys'], tables }), (store) =>
      store.append(batch([samples.audit(), samples.sys()], 2)),
    )
    const streamsOf = async (text: string): Promise<unknown> => {
      const store = await openForReading(text)
      const { streams, dsn, warnings } = await store.describe()
      await store.close()
      return {
        streams,
        isSame: dsn === `sqlite:///${path.replace('%', '%25').replace('?', '%3F')}`,
        warnings: warnings?.length,
      }
    }
    const dsn = `sqlite:///${encodeURI(path).replace('?', '%3F')}`
    assert.deepEqual(await streamsOf(path), { streams: ['audit', 'sys'], isSame: true, warnings: 0 })
    assert.deepEqual(await streamsOf(dsn), { streams: ['audit', 'sys'], isSame: true, warnings: 0 })
    assert.deepEqual(await streamsOf(`${dsn}?table=orders_sys`), {
      streams: ['sys'],
      isSame: true,
      warnings: 1,
    })
  })

  test('sees what was committed, as soon as it was, also when the writer came later', async () => {
    const path = await filled(2)
    const samples = createSampleDrafts({ boot_id: '00000000000000bb' })
    await using(targetOf(path, { mode: 'read' }), async (reader) => {
      const size = async (): Promise<number | undefined> => (await reader.heads())[0]?.size
      assert.equal(await size(), 3)
      await using(targetOf(path), async (writer) => {
        for (let row = 1; row <= 5; row++) {
          await writer.append(batch([samples.audit()], row, '00000000000000bb'))
          assert.equal(await size(), 3 + row)
          assert.equal(await reader.count('audit', {}, 100), 3 + row)
        }
      })
      assert.equal(await size(), 8)
      await using(targetOf(path), (writer) => writer.append(batch([samples.audit()], 6, '00000000000000bb')))
      assert.equal(await size(), 9)
      await assertSound(reader)
    })
  })

  test('a table that the writer creates later is read from then on', async () => {
    const path = join(place(), 'rows.db')
    const samples = createSampleDrafts()
    await using(targetOf(path, { streams: ['audit'] }), (store) => store.append(batch([samples.audit()], 1)))
    await using(targetOf(path, { mode: 'read' }), async (reader) => {
      assert.equal(await reader.count('sys', {}, 10), 0)
      await using(targetOf(path), (store) => store.append(batch([samples.sys()], 2)))
      assert.equal(await reader.count('sys', {}, 10), 2)
    })
  })

  test(
    'works for a user who may not write, on a file that nobody writes',
    { skip: process.getuid?.() !== 0 && 'only root can become another user' },
    async () => {
      const path = await filled()
      for (let folder = dirname(path), up = 0; up < 2; folder = dirname(folder), up++)
        chmodSync(folder, 0o755)
      chmodSync(path, 0o444)
      const opening = new URL('../open.ts', import.meta.url).href
      const script = `
      const { openForReading } = await import(${JSON.stringify(opening)})
      const store = await openForReading(${JSON.stringify(path)})
      console.log((await store.heads())[0].size)
      await store.close()`
      const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
        uid: 65534,
        gid: 65534,
        encoding: 'utf8',
      })
      assert.deepEqual([stdout.trim(), stderr], ['4', ''])
    },
  )

  test('of a copy that lacks its write-ahead log shows what is in the copy', async () => {
    const path = await filled()
    const copy = `${path}.copy`
    copyFileSync(path, copy)
    await using(targetOf(copy, { mode: 'read' }), assertSound)
    assert.equal(existsSync(`${copy}-wal`), false)
  })
})

describe('evidence that was touched', () => {
  const verdict = async (path: string): Promise<readonly string[]> =>
    using(targetOf(path, { mode: 'read' }), async (store) => {
      const head = (await store.heads()).find((candidate) => candidate.log === log)
      const verifier = createLogVerifier({ log, head: head ?? null, digest: sha256 })
      for await (const row of store.evidence(log)) verifier.push(row)
      return verifier
        .finish()
        .breaks.map(({ kind, from_index, to_index }) => `${kind} ${from_index}..${to_index}`)
    })

  const damages: readonly [sql: string, finding: readonly string[]][] = [
    [
      "UPDATE audit_log SET leaf = replace(leaf, 'WIDGET', 'GADGET') WHERE monotonic_seq = 2",
      ['hash_mismatch 2..2'],
    ],
    ['UPDATE audit_log SET leaf = NULL WHERE monotonic_seq = 2', ['leaf_unreadable 2..2']],
    ["UPDATE audit_log SET leaf = 'gone' WHERE monotonic_seq = 2", ['hash_mismatch 2..2']],
    ["UPDATE audit_log SET hash = '' WHERE monotonic_seq = 2", ['hash_missing 2..2']],
    ['UPDATE audit_log SET hash = NULL WHERE monotonic_seq = 2', ['hash_missing 2..2']],
    ["UPDATE audit_log SET actor = 'mallory' WHERE monotonic_seq = 2", ['column_mismatch 2..2']],
    ['UPDATE audit_log SET tenant_id = 1 WHERE monotonic_seq = 2', ['column_mismatch 2..2']],
    [
      'UPDATE audit_log SET pii_in_detail = 9007199254740993 WHERE monotonic_seq = 2',
      ['column_mismatch 2..2'],
    ],
    ['DELETE FROM audit_log WHERE monotonic_seq = 2', ['rows_missing 2..2']],
    ['DELETE FROM audit_log WHERE monotonic_seq < 2', ['rows_missing 0..1']],
    ['DELETE FROM audit_log WHERE monotonic_seq > 1', ['rows_missing 2..3']],
    ["UPDATE fasten_logs SET size = 3 WHERE log LIKE '%/audit'", ['beyond_head 3..3']],
  ]
  for (const [sql, finding] of damages) {
    test(`${sql} is shown as it is`, async () => {
      const path = await filled()
      tamper(path, sql)
      assert.deepEqual((await verdict(path)).slice(0, finding.length), finding)
      await using(targetOf(path, { mode: 'read' }), async (store) => {
        const rows = await store.scan({ stream: 'audit', order: 'newest', limit: 100 })
        assert.deepEqual(
          rows.length,
          Number(tamper(path, 'SELECT count(*) AS rows FROM audit_log')[0]?.['rows']),
        )
      })
    })
  }

  test('two rows at one place are both shown', async () => {
    const path = await filled()
    tamper(path, 'DROP INDEX audit_log_place')
    tamper(
      path,
      'INSERT INTO audit_log (position, log_id, monotonic_seq, hash, leaf) SELECT 99, log_id, monotonic_seq, hash, leaf FROM audit_log WHERE monotonic_seq = 2',
    )
    await using(targetOf(path, { mode: 'read' }), async (store) => {
      assert.deepEqual(
        (await evidenceOf(store, log)).map(({ monotonic_seq, position }) => [monotonic_seq, position]),
        [
          [0, 1],
          [1, 2],
          [2, 3],
          [2, 99],
          [3, 4],
        ],
      )
    })
    assert.deepEqual((await verdict(path))[0], 'duplicate_seq 2..2')
  })

  test('rows whose log is not recorded do not stay out of sight', async () => {
    const path = await filled()
    tamper(path, 'DELETE FROM fasten_logs')
    await using(targetOf(path, { mode: 'read' }), async (store) => {
      const [unknown, ...rest] = await store.heads()
      assert.deepEqual(
        [unknown, rest],
        [{ log: 'unknown-log/audit_log/1', stream: 'audit', size: 0, head_hash: 'genesis' }, []],
      )
      assert.equal((await evidenceOf(store, unknown?.log ?? '')).length, 4)
    })
  })

  test('a changed timestamp hides no other row from a page', async () => {
    const path = await filled()
    tamper(path, "UPDATE audit_log SET timestamp = '2031-03-01T00:00:00.000001Z' WHERE monotonic_seq = 1")
    tamper(path, 'UPDATE audit_log SET leaf = NULL, timestamp = NULL WHERE monotonic_seq = 2')
    await using(targetOf(path, { mode: 'read' }), async (store) => {
      const rows = await store.scan({
        stream: 'audit',
        filter: { until: '2031-12-31T00:00:00.000000Z' },
        order: 'oldest',
        limit: 10,
      })
      const first = rows.find(({ row }) => row.monotonic_seq === 1)
      assert.deepEqual(
        [first?.row.timestamp, first?.sorted_at],
        ['2031-03-01T00:00:00.000000Z', '2031-03-01T00:00:00.000001Z'],
      )
      const all = await store.scan({ stream: 'audit', order: 'stored', limit: 10 })
      assert.deepEqual(
        all.map(({ row, leaf, sorted_at }) => [row.monotonic_seq, leaf === null, sorted_at]),
        [
          [0, false, undefined],
          [1, false, '2031-03-01T00:00:00.000001Z'],
          [2, true, ''],
          [3, false, undefined],
        ],
      )
      assert.deepEqual([all[2]?.row.log, all[2]?.row.id], [log, all[2]?.row.id])
    })
  })
})

test('SQLite versions with the bug of write-ahead logs are warned of', () => {
  const isWarned = (version: string): boolean => versionWarnings(version).length > 0
  assert.deepEqual(['3.7.0', '3.45.1', '3.51.2', '3.51.3', '3.53.4', '4.0.0'].map(isWarned), [
    true,
    true,
    true,
    false,
    false,
    false,
  ])
})

test('text of any length and any characters may be looked for', async () => {
  const path = join(place(), 'rows.db')
  const note = 'Long '.repeat(5_000)
  await using(targetOf(path), async (store) => {
    await store.append(batch([createSampleDrafts().sys({ fields: { note } })], 1))
    const counts = await Promise.all(
      [note.toUpperCase(), `${note}x`, 'long\0', '\0', 'x'.repeat(200_000)].map((text) =>
        store.count('sys', { text }, 10),
      ),
    )
    assert.deepEqual(counts, [1, 0, 0, 0, 0])
  })
})
