// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openShop } from './fixtures/shop.ts'
import { runWords } from './fixtures/world.ts'
import type { ScreenRequest } from './screen.ts'

test('tui needs a terminal, and says what to use without one', async () => {
  const { exitCode, err } = await runWords(['tui'])
  assert.equal(exitCode, 2)
  assert.match(err, /^BAD_TERMINAL: the output is no terminal.*fasten tail/)
})

test('tui hands the terminal program a place without its password, readers, and verdicts', async (t) => {
  const shop = openShop(t)
  shop.refund('4f1c2a9be07d')
  await shop.stored()
  const asked: ScreenRequest[] = []
  const { exitCode } = await runWords(['tui', shop.path, '--filter', 'actor:alice'], {
    columns: 80,
    async showScreen(request) {
      asked.push(request)
      const reader = await request.open()
      const { rows } = await reader.page({ stream: 'audit', filter: {}, limit: 10 })
      assert.ok(rows.length >= 2)
      await reader.close()
      let read = 0
      const verdict = await request.verify(request.signal, (more) => (read += more))
      assert.deepEqual([verdict.verdict, read], ['PASS', verdict.rows_checked])
    },
  })
  assert.equal(exitCode, 0)
  assert.deepEqual(
    asked.map(({ place, filter, isColoured }) => [place, filter, isColoured]),
    [[shop.path, 'actor:alice', false]],
  )
  const secret = await runWords(['tui', 'postgres://reader:sesame@127.0.0.1:1/shop'], {
    columns: 80,
    async showScreen({ place }) {
      assert.doesNotMatch(place, /sesame/)
    },
  })
  assert.equal(secret.exitCode, 0)
})
