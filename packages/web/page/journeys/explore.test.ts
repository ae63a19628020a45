// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { after, describe, test } from 'node:test'
import type { AuditDraft } from 'fasten/core'
import { openStore, parseDsn } from 'fasten/store'
import { createSampleDrafts, spooled } from 'fasten/testing'
import type { BrowserContextOptions, Page } from 'playwright-core'
import type { TestFleet } from '../../../fleet/src/testing/fixtures/start-fleet.ts'
import { keyTable } from '../model/keys.ts'
import { barriersIn, noBrowser } from './fixtures/browser.ts'
import { openFleetStage, type FleetStage } from './fixtures/fleet-stage.ts'

/** Two hours with a row every minute: every fourth failed, three people did them, and every tenth tells of a change. */
const drafts = shopRows()
const wholeWindow = 'since=2026-03-01T08:00:00Z&until=2026-03-01T10:00:00Z'

const stage = noBrowser === false ? await openFleetStage({ fill: storeRows, context: keyHolder }) : undefined
after(() => stage?.close())

describe('whoever explores a window', { skip: noBrowser }, () => {
  const { fleet, page, complaints } = stage ?? ({} as FleetStage)
  const audit = () => page.getByRole('region', { name: 'Audit' })
  /** Waits until the pane has so many rows, all of them. */
  const hasRows = (count: number) => audit().getByText(`${count} rows`, { exact: true }).waitFor()

  test('brushes the bars, and the window is what was brushed', async () => {
    await page.goto(`${fleet.url}/investigate?${wholeWindow}`)
    await hasRows(120)
    const bars = page.getByRole('slider', { name: /Rows over time/ })
    const { x, y, width } = (await bars.boundingBox()) ?? { x: 0, y: 0, width: 0 }
    await page.mouse.move(x + width * 0.251, y + 10)
    await page.mouse.down()
    await page.mouse.move(x + width * 0.4, y + 10)
    await page.mouse.move(x + width * 0.499, y + 10)
    await page.mouse.up()
    await page.waitForURL((url) => url.searchParams.get('since') !== '2026-03-01T08:00:00Z')
    const { searchParams } = new URL(page.url())
    const within = drafts.filter(
      ({ timestamp }) =>
        timestamp >= (searchParams.get('since') ?? '') && timestamp <= (searchParams.get('until') ?? ''),
    )
    assert.ok(within.length > 20 && within.length < 50, `${within.length} rows are about a quarter`)
    await hasRows(within.length)
  })

  test('asks for a value by a press, sees it as a part of the question and in words, and takes it away by a key', async () => {
    await page.goto(`${fleet.url}/investigate?${wholeWindow}`)
    await page
      .getByRole('region', { name: 'Values in the window' })
      .getByRole('button', { name: 'failure 30' })
      .click()
    await hasRows(30)
    const chip = page.getByRole('row', { name: 'outcome failure' })
    await page.getByText(/^Rows that failed, from/).waitFor()
    await chip.focus()
    await page.keyboard.press('Backspace')
    await hasRows(120)
  })

  test('leaves a value out by the minus beside it, turns that round by a key, and brings it back', async () => {
    await page.goto(`${fleet.url}/investigate?${wholeWindow}`)
    const values = page.getByRole('region', { name: 'Values in the window' })
    await values.getByRole('button', { name: 'Leave out outcome failure' }).click()
    await hasRows(90)
    await page.getByText(/^Rows of every kind, but none that failed, from/).waitFor()
    const chip = page.getByRole('row', { name: 'not outcome failure' })
    await chip.focus()
    await page.keyboard.press('Enter')
    await hasRows(30)
    await page.getByRole('row', { name: 'outcome failure', exact: true }).waitFor()
    await page.goBack()
    await hasRows(90)
    await values.getByRole('button', { name: /^user:c1/ }).click({ modifiers: ['Shift'] })
    await hasRows(60)
    assert.equal(new URL(page.url()).searchParams.get('q'), '-outcome:failure -actor:user:c1')
    await values.getByRole('button', { name: 'failure left out' }).click()
    await hasRows(80)
  })

  test('is offered the question that a phrase seems to be', async () => {
    await page.goto(
      `${fleet.url}/investigate?${wholeWindow}&q=${encodeURIComponent('refunds by user:c1 that failed')}`,
    )
    await page.getByRole('button', { name: /^Ask it as/ }).click()
    await page.waitForURL(
      (url) => url.searchParams.get('q') === 'code:REFUND_* actor:user:c1 outcome:failure',
    )
    await hasRows(10)
  })

  test('chooses columns and an order that a reload and another screen leave as they are', async () => {
    await page.goto(`${fleet.url}/investigate?${wholeWindow}`)
    await page.getByRole('button', { name: 'View' }).click()
    const view = page.getByRole('dialog', { name: 'How rows are shown' })
    await view.locator('label').filter({ hasText: 'Target' }).click()
    await view.locator('label').filter({ hasText: 'Service' }).click()
    await view.getByText('Oldest', { exact: true }).click()
    await page.keyboard.press('Escape')
    const heads = async () =>
      (await page.getByRole('group', { name: 'Columns' }).innerText()).replaceAll(/\s*\n\s*/g, ' ')
    const expected = /^Time.*Status What Who Node Request Target$/
    assert.match(await heads(), expected)
    await page.reload()
    await hasRows(120)
    assert.match(await heads(), expected)
    await page.getByRole('link', { name: 'Nodes' }).click()
    await page.waitForURL(/\/nodes/)
    await page.getByRole('link', { name: 'Investigate' }).click()
    await hasRows(120)
    assert.match(await heads(), expected)
    assert.equal(await firstShown(audit()), drafts[0]?.id, 'the oldest row stands first')
  })

  test('exports exactly the rows that are asked for, in their order', async () => {
    await page.goto(`${fleet.url}/investigate?${wholeWindow}&order=newest&q=actor%3Auser%3Ac2`)
    await hasRows(40)
    await page.getByRole('button', { name: 'Export' }).click()
    const dialog = page.getByRole('dialog', { name: 'Export what is shown' })
    await dialog.getByText('40 audit rows', { exact: false }).waitFor()
    const coming = page.waitForEvent('download')
    await dialog.getByRole('button', { name: 'Export' }).click()
    const file = await (await coming).path()
    const ids = readFileSync(file, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { id: string }).id)
    const asked = drafts.filter(({ actor }) => actor === 'user:c2').map(({ id }) => id)
    assert.deepEqual(ids, asked.toReversed())
    assert.equal(await firstShown(audit()), ids[0])
    await page.keyboard.press('Escape')
  })

  test('reads what a row changed, and goes from it to the rows around it', async () => {
    const changed = drafts[10]?.id ?? ''
    await page.goto(`${fleet.url}/investigate?${wholeWindow}&row=${changed}`)
    const drawer = page.getByRole('complementary', { name: 'Row' })
    await drawer.getByRole('tab', { name: 'Changes' }).click()
    assert.deepEqual(
      (await drawer.getByRole('term').allInnerTexts()).map((each) => each.trim()),
      ['limit', 'tags[1]'],
    )
    await drawer.getByRole('tab', { name: 'Related' }).click()
    await drawer.getByText('Done to the same target').waitFor()
    await drawer.getByRole('tabpanel').getByRole('button').first().click()
    await page.waitForURL((url) => url.searchParams.get('row') !== changed)
  })

  test('is told in the page of an address where there is nothing, and finds the way on', async () => {
    const answer = await page.goto(`${fleet.url}/no/such/page`)
    assert.equal(answer?.status(), 404)
    await page.getByRole('heading', { name: 'There is no such page', level: 1 }).waitFor()
    assert.deepEqual(await barriersIn(page), [])
    await page.getByRole('main').getByRole('link', { name: 'Investigate' }).click()
    await page.waitForURL(/\/investigate/)
  })

  test('opens a request by its id from wherever it is, and finds every key in one list', async () => {
    await page.goto(`${fleet.url}/rates`)
    await page.getByRole('heading', { name: 'Rates', level: 1 }).waitFor()
    await page.keyboard.press('?')
    const keys = await page.getByRole('dialog', { name: 'Keys' }).innerText()
    for (const { does } of Object.values(keyTable).flat()) assert.ok(keys.includes(does), does)
    assert.deepEqual(await barriersIn(page), [], 'the list of keys')
    await page.keyboard.press('Escape')
    await page.keyboard.press('Control+k')
    await page.getByRole('combobox', { name: 'What to do or find' }).fill('0000000000a5')
    assert.deepEqual(await barriersIn(page), [], 'the palette')
    await page.keyboard.press('Enter')
    await page.waitForURL(/\/requests\/0000000000a5/)
  })

  test('draws in the colours of what it draws, where motion is unwelcome as well', async () => {
    await page.emulateMedia({ reducedMotion: 'reduce' })
    await page.goto(`${fleet.url}/requests/0000000000a5`)
    await page.locator('canvas').first().waitFor()
    const [drawn, wanted] = (await page.evaluate(`(() => {
      const canvas = document.querySelector('canvas')
      const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data
      const at = pixels.findIndex((value, index) => index % 4 === 3 && value === 255) - 3
      const probe = document.body.appendChild(document.createElement('i'))
      probe.style.setProperty('transition', 'none', 'important')
      probe.style.color = 'var(--audit)'
      const sample = document.createElement('canvas').getContext('2d')
      sample.fillStyle = getComputedStyle(probe).color
      sample.fillRect(0, 0, 1, 1)
      return [[...pixels.slice(at, at + 4)], [...sample.getImageData(0, 0, 1, 1).data]]
    })()`)) as readonly [number[], number[]]
    assert.equal(drawn.length, 4)
    assert.deepEqual(drawn, wanted)
    await page.emulateMedia({ reducedMotion: null })
  })

  test('meets no barrier beside an open row, in either theme, nor on a phone', async () => {
    const path = `/investigate?${wholeWindow}&facets=1&q=outcome%3Afailure+-actor%3Aprobe&row=${drafts[0]?.id ?? ''}`
    await page.goto(`${fleet.url}${path}`)
    await hasRows(30)
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme })
      assert.deepEqual(await barriersIn(page), [], colorScheme)
    }
    await page.setViewportSize({ width: 390, height: 800 })
    await page.goto(`${fleet.url}/investigate?${wholeWindow}`)
    await hasRows(120)
    assert.deepEqual(await barriersIn(page), [], 'a phone')
    assert.deepEqual(complaints, [])
  })
})

const firstShown = async (pane: ReturnType<Page['getByRole']>): Promise<string | undefined> =>
  (await pane.getByRole('option').first().getAttribute('id'))?.replace('audit-', '')

function shopRows(): readonly AuditDraft[] {
  const sample = createSampleDrafts({
    tenant_id: 'acme',
    service_id: 'shop',
    source_node_id: 'n1',
    boot_id: randomBytes(8).toString('hex'),
  })
  return Array.from({ length: 120 }, (_, index) =>
    sample.audit({
      timestamp: `2026-03-01T${String(8 + Math.floor(index / 60)).padStart(2, '0')}:${String(index % 60).padStart(2, '0')}:30.000000Z`,
      request_id: (0xa0 + index).toString(16).padStart(12, '0'),
      code: 'REFUND_ISSUED',
      actor: `user:c${index % 3}`,
      target: `order/${index % 7}`,
      outcome: index % 4 === 0 ? 'failure' : 'success',
      detail:
        index % 10 === 0
          ? { after: { limit: 2, tags: ['a', 'b'] }, before: { limit: 1, tags: ['a'] } }
          : { cents: index },
    }),
  )
}

async function storeRows(fleet: TestFleet): Promise<void> {
  const store = await openStore({
    dsn: parseDsn(fleet.database.ownerUrl, { at: 'test' }),
    streams: ['audit', 'sys', 'api'],
  })
  await store.append({ spool: '00000000000000cc', position: 1n, drafts: drafts.map(spooled) })
  await store.close()
}

/** Somebody whose key lets in without a login, in a window as wide as all columns want. */
async function keyHolder(fleet: TestFleet): Promise<BrowserContextOptions> {
  return {
    viewport: { width: 1400, height: 860 },
    extraHTTPHeaders: { authorization: `Bearer ${await fleet.key('admin', ['acme'])}` },
  }
}
