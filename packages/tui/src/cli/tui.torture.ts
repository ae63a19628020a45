// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openShop } from '../fixtures/shop.ts'
import { openTerminal } from '../fixtures/terminal.ts'

/** How long a busy service is followed, and how much it writes: some 300 rows a second. */
const seconds = 30
const ordersPerTick = 6
const tickMs = 100

for (const [columns, rows] of [
  [80, 24],
  [200, 50],
] as const)
  test(`a busy tail costs no more than 10 kB/s at ${columns}x${rows}`, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'fasten-tui-'))
    const path = join(folder, 'shop.db')
    const shop = openShop(`sqlite:///${path}`, folder)
    t.after(async () => {
      await shop.close()
      rmSync(folder, { recursive: true, force: true })
    })
    shop.order(0)
    await shop.stored()
    const tui = openTerminal(t, [path], { columns, rows })
    await tui.until('live', (lines) => lines.some((line) => line.includes('LIVE')))
    const [bytesBefore, begun] = [Buffer.byteLength(tui.written()), process.hrtime.bigint()]
    let number = 1
    const passed = (): number => Number(process.hrtime.bigint() - begun) / 1e9
    while (passed() < seconds) {
      for (let order = 0; order < ordersPerTick; order++) shop.order(number++)
      await new Promise((resolve) => setTimeout(resolve, tickMs))
    }
    const bytes = Buffer.byteLength(tui.written()) - bytesBefore
    const took = passed()
    await shop.stored()
    await tui.until('the newest row', (lines) =>
      lines.some((line) => line.includes(`POST /orders/${number - 1}`)),
    )
    t.diagnostic(`${Math.round((number * 5) / took)} rows/s, ${Math.round(bytes / took)} bytes/s`)
    // What was drawn last may be paid for later: one frame, which is at most this for every cell.
    assert.ok(bytes <= took * 10_000 + columns * rows * 3, `${bytes} bytes in ${took} s`)
    tui.press('q')
    assert.equal(await tui.ended(), 0)
  })
