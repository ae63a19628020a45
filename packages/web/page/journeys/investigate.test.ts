// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { runWithContext } from 'fasten'
import { enrol, pushed } from '../../../fleet/src/ingest/fixtures/pushing.ts'
import { startNode } from '../../../fleet/src/ingest/fixtures/real-node.ts'
import type { TestFleet } from '../../../fleet/src/testing/fixtures/start-fleet.ts'
import { barriersIn, noBrowser } from './fixtures/browser.ts'
import { logInFirst, openFleetStage, type FleetStage } from './fixtures/fleet-stage.ts'

const hostile = 'refund <img src=x onerror="window.hit=1"> \u202egnp.exe\u0007'

const stage = noBrowser === false ? await openFleetStage({ fill: shipRows }) : undefined
after(() => stage?.close())

describe('an investigator', { skip: noBrowser }, () => {
  const { fleet, browser, page, complaints } = stage ?? ({} as FleetStage)

  test('logs in where the address led, and finds what went wrong by the words of a row', async () => {
    await page.goto(`${fleet.url}/investigate?since=-1d&q=gnp`)
    await logInFirst(page)
    const audit = page.getByRole('listbox', { name: 'Audit rows' })
    await audit.getByText('refund <img').waitFor()
    assert.equal(await page.evaluate('window.hit'), undefined, 'no text of a row becomes markup')
    assert.match(
      await audit.innerText(),
      /U\+202E/,
      'a character that turns the direction is shown by its name',
    )
  })

  test('proves the row in the browser, first without and then with a key of its own', async () => {
    await page.getByRole('listbox', { name: 'Audit rows' }).getByText('refund <img').click()
    const drawer = page.getByRole('complementary', { name: 'Row' })
    await drawer.getByRole('button', { name: 'Unanchored' }).click()
    await drawer.getByRole('button', { name: 'Pin this key' }).click()
    await drawer.getByRole('button', { name: 'Verified' }).waitFor()
    assert.match(await drawer.innerText(), /inclusion holds: the checkpoint of \d+ rows/)
    assert.match(page.url(), /row=evt-/, 'what is open stands in the address')
  })

  test('opens its request, and sees all streams of it on one line of time', async () => {
    await page.getByRole('link', { name: 'Open its request' }).click()
    const tree = page.getByRole('tree', { name: 'What the request led to' })
    await tree.getByText('DOCTOR_PROBE').waitFor()
    assert.equal(await tree.getByRole('treeitem').count(), 2, 'the audit row and the log line of the request')
    await page.goBack()
  })

  test('sees a row turn red that the owner of the database changed', async () => {
    await fleet.database.pool.query(
      `BEGIN; SET LOCAL session_replication_role = replica;
      UPDATE audit_log SET leaf = replace(leaf, 'valve/3', 'valve/999') WHERE target = 'valve/3'; COMMIT`,
    )
    await page.goto(`${fleet.url}/investigate?since=-1d&q=code%3ADOCTOR_PROBE`)
    await page.getByRole('listbox', { name: 'Audit rows' }).getByText('valve/999').click()
    const drawer = page.getByRole('complementary', { name: 'Row' })
    await drawer.getByRole('button', { name: 'Broken' }).waitFor()
    assert.match(await drawer.innerText(), /content does not hold/)
  })

  test('meets no barrier on these screens in either theme, and nothing that the policy for contents forbids', async () => {
    const places = [
      ['/investigate?since=-1d', 'Audit'],
      ['/requests/a1b2c3d4e5f6', 'Request'],
      ['/rates?since=-6h&compare=1', 'Rate'],
      ['/nodes', 'Nodes'],
      ['/entities/system/system', 'system'],
    ] as const
    for (const [path, word] of places) {
      await page.goto(`${fleet.url}${path}`)
      await page.getByRole('main').getByText(word, { exact: false }).first().waitFor()
      // What a screen says while it still asks may have the word, but no heading.
      await page.locator('h1').first().waitFor({ state: 'attached' })
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme })
        assert.deepEqual(await barriersIn(page), [], `${path}, ${colorScheme}`)
      }
    }
    assert.deepEqual(complaints, [])
  })

  test('of another tenant sees none of it', async () => {
    const stranger = await browser.newContext({
      extraHTTPHeaders: { authorization: `Bearer ${await fleet.key('viewer', ['other'])}` },
    })
    const theirs = await stranger.newPage()
    await theirs.goto(`${fleet.url}/investigate?since=-1d`)
    await theirs.getByText('No rows here').first().waitFor()
    assert.equal(await theirs.getByText('DOCTOR_PROBE').count(), 0)
    await stranger.close()
  })
})

/** Rows of a node of tenant acme, shipped, signed and accepted. */
async function shipRows(fleet: TestFleet): Promise<void> {
  const node = startNode({ tenant_id: 'acme' })
  const { fasten } = node
  await node.live(6)
  runWithContext({ request_id: 'a1b2c3d4e5f6' }, () => {
    fasten.emit({ code: 'DOCTOR_PROBE', target: hostile, outcome: 'failure' })
    fasten.log.error('valve_stuck', { text: hostile })
  })
  await node.live(1, { streams: ['audit', 'sys'] })
  const credential = await enrol(fleet, node)
  const logs = await Promise.all((['audit', 'sys'] as const).map((stream) => node.read(node.logOf(stream))))
  await pushed(
    fleet.url,
    credential,
    ...logs.map(({ log, lines, checkpoint }) => ({ log, from: 0, lines, checkpoint })),
  )
  await node.close()
}
