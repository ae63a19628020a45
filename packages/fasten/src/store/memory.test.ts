// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Clean, Draft } from '../core/row.ts'
import { createSampleDrafts } from '../testing/sample-drafts.ts'
import { createMemoryStore } from './memory.ts'

const clean = (draft: Draft): Clean => draft as Clean

test('the newest rows stay, the oldest make room and are counted', async () => {
  const ring = createMemoryStore({ stream: 'sys', rowsMax: 3 })
  const samples = createSampleDrafts()
  const drafts = Array.from({ length: 5 }, () => samples.sys())
  for (const draft of drafts) ring.push(clean(draft))
  assert.deepEqual([ring.size, ring.dropped, await ring.position('sys')], [3, 2, 5])
  const rows = await ring.scan({ stream: 'sys', order: 'newest', limit: 10 })
  assert.deepEqual(
    rows.map(({ row, position }) => [row.id, position]),
    [4, 3, 2].map((index) => [drafts[index]?.id, index + 1]),
  )
  const { rows: count, last_insert_at, isDurable } = await ring.describe()
  assert.deepEqual([count, last_insert_at, isDurable], [3, drafts[4]?.timestamp, false])
})

test('a row of a ring cannot be cited', async () => {
  const ring = createMemoryStore({ stream: 'api', rowsMax: 3 })
  const draft = createSampleDrafts({ tenant_id: 'acme' }).api()
  ring.push(clean(draft))
  assert.deepEqual(await ring.scan({ stream: 'api', order: 'newest', limit: 1 }), [
    {
      row: { ...draft, log: 'acme/gateway/edge-1/api', monotonic_seq: -1, prev_hash: '' },
      leaf: null,
      hash: null,
      position: 1,
    },
  ])
  assert.deepEqual(await ring.heads(), [])
  for await (const row of ring.evidence('acme/gateway/edge-1/api')) assert.fail(JSON.stringify(row))
})

test('it knows its stream only, and without room it keeps nothing', async () => {
  const ring = createMemoryStore({ stream: 'sys', rowsMax: 0 })
  ring.push(clean(createSampleDrafts().sys()))
  assert.deepEqual(
    [ring.size, ring.dropped, await ring.scan({ stream: 'sys', order: 'newest', limit: 1 })],
    [0, 1, []],
  )
  const other = createMemoryStore({ stream: 'sys', rowsMax: 2 })
  other.push(clean(createSampleDrafts().sys()))
  assert.deepEqual(
    [await other.count('api', {}, 9), await other.position('api'), await other.count('sys', {}, 9)],
    [0, 0, 1],
  )
  for (const rowsMax of [-1, 1.5, Number.NaN])
    assert.throws(() => createMemoryStore({ stream: 'sys', rowsMax }), TypeError)
})
