// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test, type TestContext } from 'node:test'
import { openShop, type Shop } from '../fixtures/shop.ts'
import { openTerminal, type Terminal } from '../fixtures/terminal.ts'

/** Everything that a terminal would execute, hide or reorder, and characters that terminals are unsure about. */
const hostile =
  '\u001b[31mred\u001b[2J\u001b]52;c;aGk=\u0007\u001b]0;owned\u0007\u009b2J\u0090q\u202eevil\u2066\r\n\u0007\u6771\u4eac e\u0301 \u{1f468}\u200d\u{1f469}\u200d\u{1f467} \u{e0041}'

async function openStore(t: TestContext): Promise<{ readonly path: string; readonly shop: Shop }> {
  const folder = mkdtempSync(join(tmpdir(), 'fasten-tui-'))
  const path = join(folder, 'shop.db')
  const shop = openShop(`sqlite:///${path}`, folder)
  t.after(async () => {
    await shop.close()
    rmSync(folder, { recursive: true, force: true })
  })
  for (let number = 0; number < 20; number++) shop.order(number, number === 18 ? hostile : undefined)
  await shop.stored()
  return { path, shop }
}

/** The first example of the guide, without the name of the program. */
function guidesWords(): readonly string[] {
  const guide = readFileSync(new URL('../../../../docs/guides/tui.md', import.meta.url), 'utf8')
  const [, words] = /^ {4}fasten-tui (.*)$/m.exec(guide) ?? []
  assert.ok(words, 'the guide begins with an example')
  return words.split(' ')
}

const has =
  (...words: readonly string[]) =>
  (lines: readonly string[]): boolean =>
    words.every((word) => lines.some((line) => line.includes(word)))

/** Where the title of each pane stands. */
function titles(lines: readonly string[]): Readonly<Record<string, readonly [column: number, row: number]>> {
  return Object.fromEntries(
    ['audit', 'sys', 'api'].map((stream) => {
      const row = lines.findIndex((line) => new RegExp(`(^|│)[▌ ]${stream} `).test(line))
      return [stream, [lines[row]?.indexOf(stream) ?? -1, row] as const]
    }),
  )
}

test('a day at the terminal: panes, pause, filter, detail, thread, waterfall, errors, verdicts, and the way out', async (t) => {
  const { path, shop } = await openStore(t)
  const begun = process.hrtime.bigint()
  const tui = openTerminal(t, guidesWords(), { cwd: dirname(path) })

  // Three panes stand below each other at 80x24, and follow.
  {
    const lines = await tui.until(
      'rows in all three panes',
      has('LEDGER_BOOKED', 'order_received', 'POST /orders/19', 'LIVE'),
    )
    assert.deepEqual(titles(lines), { audit: [1, 2], sys: [1, 15], api: [1, 19] })
    assert.equal(lines.length, 24)
    assert.match(lines[1] ?? '', /[▁-█]/, 'there is a histogram')
    assert.ok(tui.isAlternate())
    // The title of the primary pane is inverse, those of the others are not.
    assert.deepEqual(
      [tui.cell(1, 2).isInverse, tui.cell(1, 15).isInverse, tui.cell(1, 19).isInverse],
      [true, false, false],
    )
  }

  // Tab makes the next one primary.
  {
    tui.press('\t')
    await tui.until(
      'sys is large',
      (lines) => titles(lines)['api']?.[1] === 19 && titles(lines)['sys']?.[1] === 6,
    )
    tui.press('\t')
    await tui.until('api is large', (lines) => titles(lines)['api']?.[1] === 10)
    tui.press('\t')
    await tui.until('audit again', (lines) => titles(lines)['sys']?.[1] === 15)
  }

  // Space stands still while rows come, counts them, and follows again.
  {
    tui.press(' ')
    const before = await tui.until('paused', has('PAUSED'))
    for (let number = 20; number < 40; number++) shop.order(number)
    await shop.stored()
    const after = await tui.until('forty audit rows are new', has('40 new'))
    assert.deepEqual(after.slice(3, 15), before.slice(3, 15), 'no row moved')
    tui.press(' ')
    await tui.until('the newest rows', has('LIVE', 'POST /orders/39'))
  }

  // A cursor stays at its row while rows come, and filters work meanwhile.
  {
    tui.press('kkk')
    const before = await tui.until('a cursor', has('▸'))
    const at = before.findIndex((line) => line.startsWith('▸'))
    shop.order(40)
    await shop.stored()
    const after = await tui.until('news', has('2 new'))
    assert.equal(after[at], before[at])
    assert.ok(tui.cell(3, at).isInverse)
    tui.press('/outcome:failure\r')
    const filtered = await tui.until(
      'failures only',
      (lines) => has('outcome:failure', 'fail')(lines) && !has('ORDER_PLACED')(lines),
    )
    assert.ok(has('no row of this stream has what the filter asks for')(filtered))
    tui.press('\u001b')
    await tui.until('no filter', has('ORDER_PLACED', 'order_received'))
    tui.press(':req 000000000012\r')
    await tui.until('one request', has('request_id:000000000012'))
    tui.press(':clear\rG')
    await tui.until('everything, live', has('LIVE', 'POST /orders/40'))
  }

  // A wrong filter changes nothing and says what is wrong.
  {
    tui.press('/severity:purple\r')
    const lines = await tui.until('a sentence', has('"purple" is none of'))
    assert.ok(has('LIVE', 'POST /orders/40')(lines))
  }

  // E goes to the next error, Enter shows the row, t its thread, w its waterfall.
  {
    tui.press('e')
    await tui.until('an error', (lines) => lines.some((line) => /^▸.* 502 /.test(line)))
    tui.press('E')
    await tui.until('the one before, in another pane', (lines) =>
      lines.some((line) => /^▸.* fail /.test(line)),
    )
    tui.press('\r')
    await tui.until(
      'the detail',
      has('audit row', 'monotonic_seq', 'LEDGER_BOOKED', 'verified for this answer'),
    )
    tui.press('t')
    await tui.until('the thread', has('thread of', '5 rows', 'payment_refused', '502   POST'))
    tui.press('w')
    await tui.until('the waterfall', has('waterfall of', '█', '◆'))
    tui.press('\u001b')
    await tui.until('back at the detail', has('audit row'))
    tui.press('\u001b')
    await tui.until('back at the panes', has('PAUSED', 'POST /orders'))
  }

  // Hostile text is written out, and nothing of it reaches the terminal.
  {
    tui.press('/order/18 since:-1h\r')
    const lines = await tui.until('the hostile row', has('\\x1b[31mred'))
    assert.ok(lines.length === 24 && lines.every((line) => line.length <= 80))
    tui.press('\r')
    await tui.until('its detail', has('audit row', '\\u{202e}evil', '\u6771\u4eac'))
    tui.press('\u001b')
    await tui.until('back', (seen) => has('PAUSED')(seen) && !has('audit row')(seen))
    tui.press(':clear\r')
    await tui.until('everything around it', has('order/17', 'order/19'))
    tui.press('G')
    await tui.until('the newest rows', has('LIVE', 'POST /orders/40'))
    assertOwnSequences(tui)
  }

  // V says PASS with counts, and FAIL once a row was changed behind its back.
  {
    tui.press('v')
    await tui.until('PASS', has('✓ PASS', 'rows checked in 3 logs, 0 bad'))
    const database = new DatabaseSync(path, { timeout: 60_000 })
    database.exec("UPDATE audit_log SET leaf = replace(leaf, 'order/3', 'order/4') WHERE target = 'order/3'")
    database.close()
    tui.press('\u001b')
    await tui.until('the verdict stays in the head', has('✓ PASS', 'POST /orders/40'))
    tui.press('v')
    await tui.until('FAIL', has('✗ FAIL', '1 bad'))
    tui.press('\u001b')
    await tui.until('back', has('POST /orders/40'))
  }

  // ? lists what there is.
  {
    tui.press('?')
    await tui.until('help', has('Tab', 'the next stream becomes the primary pane'))
    tui.press('\u001b')
    await tui.until('back', has('POST /orders/40'))
  }

  // A wide terminal has them side by side, and a resized one is drawn anew.
  {
    tui.resize(200, 50)
    const lines = await tui.until(
      'three columns',
      (seen) => titles(seen)['api']?.[1] === 2 && titles(seen)['sys']?.[1] === 2,
    )
    assert.equal(lines.length, 50)
    assert.ok(lines[3]?.includes('│'))
    tui.resize(80, 24)
    await tui.until('below each other', (seen) => titles(seen)['api']?.[1] === 19)
  }

  // Q gives the screen back.
  {
    tui.press('q')
    assert.equal(await tui.ended(), 0)
    // However loaded the machine: what was written in this time is within the budget, which keys may run ahead of.
    const seconds = Number(process.hrtime.bigint() - begun) / 1e9
    const frameBytes = 200 * 50 * 3
    assert.ok(Buffer.byteLength(tui.written()) <= seconds * 10_000 + 30_000 + frameBytes)
    assert.ok(!tui.isAlternate())
    assert.ok(
      tui.screen().every((line) => line === ''),
      'nothing is left on the main screen',
    )
  }
})

test('what cannot be opened is said plainly, and the screen is never taken', async (t) => {
  const tui = openTerminal(t, ['/there/is/no/such.db'])
  assert.equal(await tui.ended(), 5)
  assert.match(tui.screen().join(''), /^STORE_\w+: .*such\.db/)
  assert.doesNotMatch(tui.written(), /\u001b/)
})

/** Of everything that begins an escape sequence, there is only what a screen is drawn with. */
function assertOwnSequences(tui: Terminal): void {
  const own = /\u001b(?:\[[0-9;]*[mABCDEFGHJK]|\[\?(?:7|25|1049|2004|2026)[hl]|\[\?2026\$p)/g
  const rest = tui.written().replace(own, '')
  assert.doesNotMatch(
    rest,
    /[\u0000-\u0009\u000b\u000c\u000e-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\u{e0000}-\u{e007f}]/u,
  )
}
