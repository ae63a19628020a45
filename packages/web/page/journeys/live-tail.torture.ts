// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { noBrowser } from './fixtures/browser.ts'
import { followLive } from './fixtures/live-tail.ts'
import { openNodeStage } from './fixtures/node-stage.ts'
import { pour } from './fixtures/pour.ts'

test(
  'two thousand rows a second, for as long as it takes to let go of rows',
  { skip: noBrowser },
  async (t) => {
    const stage = await openNodeStage()
    t.after(() => stage.close())
    const { page, fasten } = stage
    // Of five rows two are audit: more of them come while the page is held than it keeps.
    await followLive(stage, { rows: 55_000, perSecond: 2000 })
    assert.deepEqual(stage.complaints, [])

    // What is held is bounded: as many rows again leave the page as large as it was.
    const devtools = await page.context().newCDPSession(page)
    const heap = async (): Promise<number> => {
      await devtools.send('HeapProfiler.collectGarbage')
      return (await devtools.send('Runtime.getHeapUsage')).usedSize
    }
    await pour(fasten, { rows: 60_000, perSecond: 2000, from: 100_000 })
    const full = await heap()
    await pour(fasten, { rows: 60_000, perSecond: 2000, from: 200_000 })
    const later = await heap()
    t.diagnostic(
      `heap of the page ${Math.round(full / 1e6)} MB, and ${Math.round(later / 1e6)} MB after 60,000 rows more`,
    )
    assert.ok(later < full * 1.3, `${full} bytes became ${later}`)
  },
)
