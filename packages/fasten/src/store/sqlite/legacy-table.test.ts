// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { publishedMembers } from '../../core/fixtures/legacy-rows.ts'
import { openForReading, openStore } from '../open.ts'
import { sha256 } from '../platform.ts'
import { createPlaces, tamper, targetOf, using } from './fixtures/places.ts'
import { legacyColumns, legacyInsert, legacyTable } from './fixtures/legacy.ts'

const place = createPlaces()

function published(): string {
  const path = join(place(), 'trail.db')
  tamper(path, legacyTable)
  for (const row of legacyColumns) tamper(path, legacyInsert, ...Object.values(row))
  return path
}

test('a table of the published SDKs is read with the filters of ours', async () => {
  const store = await openForReading(published())
  try {
    const rows = await store.scan({ stream: 'audit', order: 'newest', limit: 10 })
    const [row] = rows
    assert.deepEqual(rows.length, 1)
    assert.deepEqual([row?.hash, row?.leaf, row?.position], [legacyColumns[0]?.hash, null, 1])
    const { origin_id: _, shipped_at: __, ...members } = publishedMembers
    assert.deepEqual(row?.row, { ...members, stream: 'audit', log: 'legacy/node-1' })
    const counts = await Promise.all(
      [
        { code: 'ORDER_*' },
        { text: 'widget' },
        { has: ['detail'] },
        { tenant_id: 'tenant-x' },
        { outcome: 'success' },
        { log: 'legacy/node-1' },
        { has: ['reason'] },
      ].map((filter) => store.count('audit', filter, 10)),
    )
    assert.deepEqual(counts, [1, 1, 1, 1, 0, 1, 0])
    assert.deepEqual((await store.summary('audit', undefined, undefined))[0]?.rows, 1)
    const { rows: total, warnings, streams } = await store.describe()
    assert.deepEqual(
      [total, streams, warnings?.length, await store.position('audit'), await store.heads()],
      [1, ['audit'], 1, 1, []],
    )
  } finally {
    await store.close()
  }
})

test('its rows are verified by the rules they were written under', async () => {
  const path = published()
  const verdicts = async () =>
    using(targetOf(path, { mode: 'read' }), async (store) => (await store.legacyVerdicts?.(sha256)) ?? [])
  const [sound] = await verdicts()
  assert.deepEqual(
    [sound?.log, sound?.verdict, sound?.rows_checked, sound?.breaks],
    ['legacy/node-1', 'INCOMPLETE', 1, []],
  )
  tamper(path, "UPDATE audit_log SET actor = 'mallory'")
  const [broken] = await verdicts()
  assert.deepEqual([broken?.verdict, broken?.breaks.map(({ kind }) => kind)], ['FAIL', ['hash_mismatch']])
})

test('it is never written', async () => {
  const path = published()
  const before = readFileSync(path)
  await assert.rejects(openStore(targetOf(path)), {
    code: 'TABLE_FOREIGN',
    hint: /read as it is.*\?table=audit_log_2/,
  })
  const reader = await openForReading(path)
  await reader.scan({ stream: 'audit', order: 'newest', limit: 10 })
  await reader.close()
  assert.ok(readFileSync(path).equals(before))
})

test('it lies beside tables of ours and is read when it is named', async () => {
  const path = published()
  await using(targetOf(path, { streams: ['audit'], tables: { audit: 'rows' } }), async () => {})
  const ours = await openForReading(path)
  assert.equal(await ours.count('audit', {}, 10), 0)
  await ours.close()
  const theirs = await openForReading(`sqlite:///${path}?table=audit_log`)
  assert.equal(await theirs.count('audit', {}, 10), 1)
  await theirs.close()
})
