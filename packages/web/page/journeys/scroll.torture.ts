// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PageQuery } from 'fasten/reader/remote'
import { noBrowser } from './fixtures/browser.ts'
import { openNodeStage } from './fixtures/node-stage.ts'
import { pour } from './fixtures/pour.ts'
import { scrollDown, scrollUp } from './fixtures/scrolling.ts'

/** Rows of all streams; of five two are audit. */
const rowsInAll = 1_000_000
/** Rows that are scrolled past: more than a pane holds. */
const rowsPassed = 24_000

test(
  `of ${rowsInAll} rows, as many are scrolled past as no pane holds, and back`,
  { skip: noBrowser },
  async (t) => {
    const stage = await openNodeStage()
    t.after(() => stage.close())
    const { page, fasten, reader, url, complaints } = stage
    // In parts, since a spool that nobody drains refuses what is too much.
    for (let from = 0; from < rowsInAll / 5; from += 4000)
      await pour(fasten, { rows: Math.min(20_000, rowsInAll - from * 5), perSecond: 400_000, from })

    await page.goto(`${url}/investigate?since=-1d`)
    const name = 'Audit rows'
    await page.getByRole('listbox', { name }).getByRole('option').first().waitFor()
    const devtools = await page.context().newCDPSession(page)
    const heap = async (): Promise<number> => {
      await devtools.send('HeapProfiler.collectGarbage')
      return (await devtools.send('Runtime.getHeapUsage')).usedSize
    }

    const known: string[] = []
    const query: PageQuery = { stream: 'audit', filter: {}, limit: 1000, total: 'none' }
    for (let cursor: string | null | undefined; known.length < rowsPassed + 1000 && cursor !== null;) {
      const answer = await reader.page(cursor === undefined ? query : { ...query, cursor })
      known.push(...answer.rows.map(({ id }) => id))
      cursor = answer.next_cursor
    }

    const first = await scrollDown(page, name, 20_000)
    const full = await heap()
    const second = await scrollDown(page, name, rowsPassed - 20_000 + 500)
    const later = await heap()
    const seen = joined(first.ids, second.ids)
    assert.ok(seen.length >= rowsPassed)
    assert.deepEqual(seen, known.slice(0, seen.length), 'every row in its order, none missing, none twice')
    assert.ok(first.drawnMost < 120 && second.drawnMost < 120, 'as many rows are drawn as can be seen')
    assert.ok(later < full * 1.3, `${full} bytes became ${later}`)

    // Up again: what is held in its order, and in front of it what was let go.
    const up = await scrollUp(page, name)
    const from = known.indexOf(up.ids.at(-1) ?? '')
    assert.ok(from > 0, 'the front was let go')
    assert.deepEqual(up.ids.toReversed(), known.slice(from, from + up.ids.length))
    await page.getByRole('button', { name: 'Back to the first row' }).click()
    await page.locator(`[id="audit-${known[0]}"]`).waitFor()
    const again = await scrollDown(page, name, 1000)
    assert.deepEqual(again.ids, known.slice(0, again.ids.length), 'from the newest on, as before')

    t.diagnostic(
      `${seen.length} rows down and ${up.ids.length} up; between two frames at most ${Math.round(Math.max(first.gapMsMost, second.gapMsMost, up.gapMsMost))} ms, ` +
        `${first.longGaps + second.longGaps + up.longGaps} of ${first.frames + second.frames + up.frames} more than 50 ms; ` +
        `heap ${Math.round(full / 1e6)} MB at 20,000 rows, ${Math.round(later / 1e6)} MB later`,
    )
    assert.deepEqual(complaints, [])
  },
)

/** Two walks of which the second began where the first ended. */
function joined(one: readonly string[], other: readonly string[]): readonly string[] {
  const from = other.indexOf(one.at(-1) ?? '')
  assert.ok(from >= 0, 'the second walk begins where the first ended')
  return [...one, ...other.slice(from + 1)]
}
