// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { runWithContext } from 'fasten'
import type { Browser, Page } from 'playwright-core'
import { freePort } from '../../../fasten/src/store/fixtures/free-port.ts'
import { startPostgres } from '../../../fasten/src/store/postgres/fixtures/server.ts'
import { startProvider } from '../../../fleet/src/access/oidc/fixtures/provider.ts'
import { enrol, pushed } from '../../../fleet/src/ingest/fixtures/pushing.ts'
import { startNode } from '../../../fleet/src/ingest/fixtures/real-node.ts'
import { startFleet, type TestFleet } from '../../../fleet/src/testing/fixtures/start-fleet.ts'
import { barriersIn, complaintsOf, newContext, noBrowser, openBrowser } from './fixtures/browser.ts'

const groups = { ada: ['acme-people'], eve: ['other-people'], bob: ['nobody'] }

const stage = noBrowser === false ? await setUp() : undefined
after(() => stage?.close())

describe('by an identity provider', { skip: noBrowser }, () => {
  const { url, rowId, visitor } = stage ?? ({} as Stage)

  test('somebody of the organisation logs in, and is where the address led him', async () => {
    const { page, complaints } = await visitor()
    await page.goto(`${url}/requests/a1b2c3d4e5f6`)
    assert.deepEqual(await barriersIn(page), [], 'the login has no barrier')
    await logIn(page, 'ada')
    const tree = page.getByRole('tree', { name: 'What the request led to' })
    await tree.getByText('ORDER_REFUNDED').waitFor()
    await page.getByRole('button', { name: 'Log out' }).waitFor()
    await page.getByRole('navigation', { name: 'Places' }).getByText('ada', { exact: true }).waitFor()
    await page.getByRole('button', { name: 'Log out' }).click()
    await page.getByRole('heading', { name: 'Log in' }).waitFor()
    assert.equal(
      (await page.request.get(`${url}/api/v1/me`)).status(),
      401,
      'the session has ended at the server',
    )
    assert.deepEqual(complaints, [])
  })

  test('somebody whose groups hold no role does not get in', async () => {
    const { page } = await visitor()
    await page.goto(`${url}/investigate`)
    await logIn(page, 'bob')
    await page.getByText('NO_ROLE').waitFor()
    assert.equal((await page.request.get(`${url}/api/v1/me`)).status(), 401)
  })

  test('somebody of another tenant is told of its rows what he is told of rows that never were', async () => {
    const { page } = await visitor()
    await page.goto(`${url}/investigate?since=-1d`)
    await logIn(page, 'eve')
    await page.getByText('No rows here').first().waitFor()
    const main = page.getByRole('main')
    const never = { request: 'f1f2f3f4f5f6', row: `evt-${'0'.repeat(rowId.length - 4)}`, who: 'zoe' }
    for (const [there, nowhere, last] of [
      ['/requests/a1b2c3d4e5f6', `/requests/${never.request}`, ['There is no row under this id']],
      [
        `/investigate?since=-1d&row=${rowId}`,
        `/investigate?since=-1d&row=${never.row}`,
        [
          'There is no such row',
          ...['Request', 'System log', 'API'].map((above) => `${above}\n\nNo rows here`),
        ],
      ],
      ['/entities/user/grace', `/entities/user/${never.who}`, ['No row that you may see names it']],
      [
        '/investigate?since=-1d&q=code%3AORDER_REFUNDED',
        '/investigate?since=-1d&q=code%3AORDER_NEVER',
        ['No rows, so no values', 'Request\n\nNo rows here', 'API rows have no code'],
      ],
    ] as const) {
      const [told, expected] = [await wordsOf(there, last), await wordsOf(nowhere, last)]
      const neutral = (text: string): string =>
        [
          ['a1b2c3d4e5f6', never.request],
          [rowId, never.row],
          ['grace', never.who],
          ['ORDER_REFUNDED', 'ORDER_NEVER'],
        ].reduce((known, [ours = '', theirs = '']) => known.replaceAll(ours, theirs), text)
      assert.doesNotMatch(told, /lamp|order:42/, there)
      assert.equal(neutral(told), expected, there)
    }

    /** What the page says once it says all of `last`, but for the time of day, which goes on. */
    async function wordsOf(path: string, last: readonly string[]): Promise<string> {
      await page.goto(`${url}${path}`)
      const deadline = performance.now() + 120_000
      for (;;) {
        const words = await main.innerText()
        if (last.every((part) => words.includes(part))) return words.replaceAll(/\b\d\d:\d\d\b/g, 'hh:mm')
        assert.ok(performance.now() < deadline, `${path} never said all of ${last.join(', ')}: ${words}`)
        await page.waitForTimeout(50)
      }
    }
  })
})

/** By the button of the page, and then as the provider's own pages ask. */
async function logIn(page: Page, login: string): Promise<void> {
  await page.getByRole('link', { name: 'Continue with your organisation' }).click()
  await page.locator('input[name=login]').fill(login)
  await page.locator('input[name=password]').fill('anything')
  await page.locator('button[type=submit]').click()
  // It asks whether the fleet may know who one is.
  await page.locator('input[name=prompt][value=consent]').waitFor({ state: 'attached' })
  await page.locator('button[type=submit]').click()
}

interface Stage {
  readonly url: string
  /** Of the refund, which is acme's. */
  readonly rowId: string
  /** A browser of somebody who was never here. */
  visitor(): Promise<{ readonly page: Page; readonly complaints: readonly string[] }>
  close(): Promise<void>
}

async function setUp(): Promise<Stage> {
  const secret = 'the secret of the fleet at its provider'
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const provider = await startProvider({ publicUrl: url, secret, groups })
  const postgres = await startPostgres()
  const fleet = await startFleet({
    databaseUrl: await postgres.freshDatabase(),
    env: {
      FLEET_LISTEN: `127.0.0.1:${port}`,
      FLEET_PUBLIC_URL: url,
      FLEET_SECRET: '5e'.repeat(32),
      FLEET_OIDC_ISSUER: provider.issuer,
      FLEET_OIDC_CLIENT_ID: 'fleet',
      FLEET_OIDC_CLIENT_SECRET: secret,
      FLEET_OIDC_SCOPES: 'openid profile groups',
      FLEET_OIDC_GROUPS: JSON.stringify({
        'acme-people': { role: 'viewer', tenants: ['acme'] },
        'other-people': { role: 'viewer', tenants: ['other'] },
      }),
    },
  })
  const rowId = await shipRefund(fleet)
  const browser: Browser = await openBrowser()
  return {
    url,
    rowId,
    async visitor() {
      const context = await newContext(browser)
      const page = await context.newPage()
      return { page, complaints: complaintsOf(page) }
    },
    async close() {
      await browser.close()
      await fleet.close()
      await postgres.remove()
      provider.close()
    },
  }
}

/** A refund of acme, shipped, signed and accepted; answers the id of its row. */
async function shipRefund(fleet: TestFleet): Promise<string> {
  const node = startNode({ tenant_id: 'acme' })
  node.fasten.register('shop', {
    ORDER_REFUNDED: { category: 'sales', action: 'order.refund', severity: 'warn' },
  })
  const { id } = runWithContext({ request_id: 'a1b2c3d4e5f6', actor: 'user:grace' }, () =>
    node.fasten.emit({ code: 'ORDER_REFUNDED', target: 'order:42', reason: 'broken lamp' }),
  )
  await node.live(1)
  const credential = await enrol(fleet, node)
  const { log, lines, checkpoint } = await node.read(node.logOf('audit'))
  await pushed(fleet.url, credential, { log, from: 0, lines, checkpoint })
  await node.close()
  return id
}
