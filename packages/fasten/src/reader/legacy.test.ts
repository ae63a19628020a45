// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { createSystemClock, sha256 } from '../store/platform.ts'
import { openForReading } from '../store/open.ts'
import { legacyColumns, legacyInsert, legacyTable } from '../store/sqlite/fixtures/legacy.ts'
import { createPlaces, tamper } from '../store/sqlite/fixtures/places.ts'
import { localReader } from './local.ts'

const place = createPlaces()

test('rows of the published SDKs are shown as chained and verified as a whole', async () => {
  const path = join(place(), 'trail.db')
  tamper(path, legacyTable)
  for (const row of legacyColumns) tamper(path, legacyInsert, ...Object.values(row))
  const store = await openForReading(path)
  const sources = { streams: { audit: store, sys: store, api: store } }
  const reader = localReader({ sources, digest: sha256, clock: createSystemClock() })
  try {
    const { rows } = await reader.page({ stream: 'audit', filter: {}, limit: 10 })
    assert.deepEqual(
      rows.map(({ verification, hash }) => [verification, hash]),
      [['chained', legacyColumns[0].hash]],
    )
    const verdictOf = async (): Promise<unknown> => {
      const { verdict, rows_checked, rows_bad } = await reader.verify({})
      return { verdict, rows_checked, rows_bad }
    }
    assert.deepEqual(await verdictOf(), { verdict: 'INCOMPLETE', rows_checked: 1, rows_bad: 0 })
    tamper(path, "UPDATE audit_log SET target = 'order/43'")
    assert.deepEqual(await verdictOf(), { verdict: 'FAIL', rows_checked: 1, rows_bad: 1 })
  } finally {
    await reader.close()
    await store.close()
  }
})
