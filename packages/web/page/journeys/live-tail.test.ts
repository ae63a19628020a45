// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { noBrowser } from './fixtures/browser.ts'
import { followLive } from './fixtures/live-tail.ts'
import { openNodeStage } from './fixtures/node-stage.ts'

test('whoever reads while rows pour in is not moved, and misses none', { skip: noBrowser }, async (t) => {
  const stage = await openNodeStage()
  t.after(() => stage.close())
  await followLive(stage, { rows: 500, perSecond: 500 })
  assert.deepEqual(stage.complaints, [])
})
