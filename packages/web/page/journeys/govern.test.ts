// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { runWithContext } from 'fasten'
import { createAgents } from '../../../fasten/src/capture/shims/agents/agents.ts'
import { enrol, pushed } from '../../../fleet/src/ingest/fixtures/pushing.ts'
import { startNode } from '../../../fleet/src/ingest/fixtures/real-node.ts'
import type { TestFleet } from '../../../fleet/src/testing/fixtures/start-fleet.ts'
import { barriersIn, newContext, noBrowser } from './fixtures/browser.ts'
import { logIn, logInFirst, openFleetStage, ownPassword, type FleetStage } from './fixtures/fleet-stage.ts'

const stage =
  noBrowser === false
    ? await openFleetStage({ env: { FLEET_RETENTION_RULES: 'short=90d' }, fill: shipAgents })
    : undefined
after(() => stage?.close())

describe('an administrator', { skip: noBrowser }, () => {
  const { fleet, browser, page, complaints } = stage ?? ({} as FleetStage)

  test('makes a key that is shown once, and that opens what it may', async () => {
    await page.goto(`${fleet.url}/access/keys`)
    await logInFirst(page)
    await page.getByRole('button', { name: 'New key' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('Name').fill('nightly report')
    await dialog.getByRole('button', { name: 'Make the key' }).click()
    const key = await dialog.getByRole('textbox', { name: 'The key nightly report' }).innerText()
    assert.match(key, /^flk_/)
    await dialog.getByRole('button', { name: 'Done' }).click()
    await page.getByRole('row', { name: /nightly report/ }).waitFor()
    assert.equal((await page.content()).includes(key), false, 'what opens is shown this once')
    assert.equal((await fleet.ask(key, '/api/v1/audit?limit=1')).status, 200)
    assert.equal((await fleet.ask(key, '/api/v1/users')).status, 403)
  })

  test('ends a session elsewhere, which has to log in again', async () => {
    const elsewhere = await newContext(browser)
    const other = await elsewhere.newPage()
    await other.goto(`${fleet.url}/access`)
    await logIn(other, ownPassword)
    await other.getByRole('heading', { name: 'What you may do' }).waitFor()
    await page.goto(`${fleet.url}/access/sessions`)
    await page.getByRole('button', { name: 'End the session of admin' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'End the session' }).click()
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    await page.getByRole('button', { name: 'End the session of admin' }).waitFor({ state: 'detached' })
    await other.reload()
    await other.getByRole('heading', { name: 'Log in' }).waitFor()
    await elsewhere.close()
  })

  test('places a hold with a reason and releases it with another, and the trail tells of all that was done', async () => {
    await page.goto(`${fleet.url}/retention`)
    await page.getByRole('button', { name: 'Place a hold' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('Code').fill('REFUND_*')
    await dialog.getByLabel('Why').fill('case 4711')
    await dialog.getByRole('button', { name: 'Hold these rows' }).click()
    await page.getByRole('row', { name: /REFUND_\*.*case 4711.*in force/ }).waitFor()
    await page.getByRole('button', { name: /^Release hold-/ }).click()
    await dialog.getByLabel('Why').fill('case 4711 was closed')
    await dialog.getByRole('button', { name: 'Release the hold' }).click()
    await page.getByText('Nothing is held').waitFor()

    // What was done is kept when it was answered; that it can be read is a matter of the moment after.
    await fleet.told('ROWS_RELEASED')
    await page.goto(`${fleet.url}/trail?who=user%3Aadmin`)
    const trail = page.getByRole('region', { name: 'Trail' })
    for (const told of [
      /made the key nightly report k_/,
      /ended a session of admin/,
      /placed a hold on rows hold-\w+ case 4711/,
      /released the hold hold-\w+ case 4711 was closed/,
    ])
      await trail.getByRole('button', { name: told }).first().waitFor()
    await trail.getByRole('button', { name: /released the hold/ }).click()
    await page.getByRole('complementary', { name: 'Row' }).getByText('ROWS_RELEASED').first().waitFor()
    assert.match(page.url(), /row=evt-/, 'a line leads to its row')
  })

  test('sees what agents cost, what waits for somebody, and in the tree what each call cost', async () => {
    await page.goto(`${fleet.url}/agents?by=model`)
    await page.getByRole('row', { name: /local\/gpt-x.*\$0\.3/ }).waitFor()
    await page.getByRole('row', { name: /pay.*granted.*user:bob.*known customer/ }).waitFor()
    await page.getByRole('link', { name: 'agentrun0001' }).click()
    const tree = page.getByRole('tree', { name: 'Calls of agents' })
    await tree.getByRole('treeitem', { name: /model gpt-x.*\$0\.3/ }).waitFor()
    await tree.getByRole('treeitem', { name: /tool pay.*\$0\.3/ }).waitFor()
    const items = await tree.getByRole('treeitem', { name: /tool pay|REFUND_PAID/ }).all()
    const levels = await Promise.all(items.map(async (item) => Number(await item.getAttribute('aria-level'))))
    assert.equal(levels.length, 2)
    assert.equal(levels[1], (levels[0] ?? 0) + 1, 'what a tool did stands below it')
    await tree.focus()
    await page.keyboard.press('e')
    await page.keyboard.press('Enter')
    await page.getByRole('complementary', { name: 'Row' }).getByText('TOOL_FAILED').first().waitFor()
  })

  test('reads what a code means, and how often it was seen', async () => {
    await page.goto(`${fleet.url}/codes?q=MODEL_CALLED`)
    await page.getByRole('row', { name: /MODEL_CALLED.*A model was asked/ }).waitFor()
    await page.getByRole('button', { name: 'MODEL_CALLED' }).click()
    await page.getByText('Rows that you may see').waitFor()
    assert.equal(
      await page.getByRole('link', { name: 'Investigate its rows' }).getAttribute('href'),
      '/investigate?q=code%3AMODEL_CALLED&since=-7d',
    )
  })

  test('meets no barrier on any of these screens in either theme', async () => {
    const places = [
      ['/agents', 'Costs by agent'],
      ['/agents/agentrun0001', 'model calls'],
      ['/codes?q=model', 'MODEL_CALLED'],
      ['/retention?all=1', 'case 4711'],
      ['/access', 'What you may do'],
      ['/access/keys', 'nightly report'],
      ['/trail', 'released the hold'],
    ] as const
    for (const [path, word] of places) {
      await page.goto(`${fleet.url}${path}`)
      await page.getByRole('main').getByText(word).first().waitFor()
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme })
        assert.deepEqual(await barriersIn(page), [], `${path}, ${colorScheme}`)
      }
    }
    assert.deepEqual(complaints, [])
  })

  test('is somebody else with fewer rights: sees no buttons that do not work, and is told why there is nothing', async () => {
    const theirs = await (
      await newContext(browser, {
        extraHTTPHeaders: { authorization: `Bearer ${await fleet.key('viewer', ['acme'])}` },
      })
    ).newPage()
    await theirs.goto(`${fleet.url}/trail`)
    await theirs.getByText('Nothing here is yours to see').waitFor()
    assert.equal(await theirs.getByRole('link', { name: 'Retention' }).count(), 0)
    await theirs.goto(`${fleet.url}/retention`)
    await theirs.getByText('Not allowed').first().waitFor()
    await theirs.context().close()
  })
})

/** What an agent did under one request: asked a model, was let use a tool that did something, and met one that is broken. */
async function shipAgents(fleet: TestFleet): Promise<void> {
  const node = startNode({ tenant_id: 'acme' })
  const { fasten } = node
  fasten.register('shop', { REFUND_PAID: {} })
  const { agent, tool, recorder, approval } = createAgents({
    fasten,
    prices: { version: 'dimes', price: () => ({ usd: '0.3', table: 'dimes' }) },
  })
  const pay = tool('pay', (order: number) => {
    recorder.startModel({ model: 'small-x', provider: 'local' }).succeeded({ usage: { input: 1, output: 1 } })
    return fasten.emit({ code: 'REFUND_PAID', target: `order:${order}` })
  })
  const ship = tool('ship', () => {
    throw new RangeError('the carrier does not answer')
  })
  await runWithContext({ request_id: 'agentrun0001', actor: 'user:ada', actor_kind: 'user' }, () =>
    agent('planner', async () => {
      const model = recorder.startModel({ model: 'gpt-x', provider: 'local' })
      model.asked('call-1', 'pay', 7)
      model.succeeded({ usage: { input: 1, output: 2 } })
      approval.request({ tool: 'pay', callRef: 'call-1' }).grant({ by: 'user:bob', reason: 'known customer' })
      pay(7)
      assert.throws(ship)
    }),
  )
  await node.live(1)
  const { log, lines, checkpoint } = await node.read(node.logOf('audit'))
  await pushed(fleet.url, await enrol(fleet, node), { log, from: 0, lines, checkpoint })
  await node.close()
}
