// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { createFasten, runWithContext } from 'fasten'
import type { Page } from 'playwright-core'
import { root } from '../../../../tools/setup/root.mjs'
import { printed, start } from '../../../fasten/src/cli/fixtures/spawn.ts'
import { barriersIn, complaintsOf, newContext, noBrowser, openBrowser } from './fixtures/browser.ts'

const stage = noBrowser === false ? await setUp() : undefined
after(() => stage?.close())

describe('whoever sits at a machine with rows', { skip: noBrowser }, () => {
  const { address, browser, page, complaints, outside } = stage ?? ({} as Stage)

  test('opens the file that the guide names, by the link that is printed', async () => {
    await page.goto(address)
    await page.getByRole('listbox', { name: 'Audit rows' }).getByText('ORDER_REFUNDED').waitFor()
    assert.doesNotMatch(page.url(), /token/, 'the address that one copies opens nothing')
    const places = await page.getByRole('navigation', { name: 'Places' }).getByRole('link').allInnerTexts()
    assert.deepEqual(places, ['Investigate', 'Agents', 'Codes'], 'what only a fleet has is not offered')
    await page.getByText('shop.db').waitFor()
  })

  test('proves a row against a key that was heard elsewhere', async () => {
    await page.getByRole('listbox', { name: 'Audit rows' }).getByText('ORDER_REFUNDED').click()
    const drawer = page.getByRole('complementary', { name: 'Row' })
    await drawer.getByRole('button', { name: 'Unanchored' }).waitFor()
    const key = await outside('key', 'show', '--store', 'shop.db')
    const line = key.split(/\s+/).find((word) => word.startsWith('_/shop/edge-07/audit+')) ?? ''
    await page.evaluate((pinned) => localStorage.setItem('fasten.pinned-keys', pinned), line)
    await page.reload()
    await drawer.getByRole('button', { name: 'Verified' }).waitFor()
  })

  test('sees its request as a waterfall, and who did it', async () => {
    await page.getByRole('link', { name: 'Open its request' }).click()
    const tree = page.getByRole('tree', { name: 'What the request led to' })
    await tree.getByText('ORDER_REFUNDED').waitFor()
    assert.equal(
      await tree.getByRole('treeitem').count(),
      3,
      'the access, and an audit row and a line within',
    )
    await page.goto(new URL('/entities/user/ada', address).href)
    await page.getByText('ORDER_REFUNDED').waitFor()
    assert.deepEqual(await barriersIn(page), [])
    await page.goto(new URL('/nodes', address).href)
    await page.getByText('There is no such page').waitFor()
    assert.deepEqual(complaints, [])
  })

  test('sees what its agents cost, and what its codes mean and how often they were seen', async () => {
    const places = page.getByRole('navigation', { name: 'Places' })
    await page.goto(new URL('/investigate', address).href)
    await places.getByRole('link', { name: 'Agents' }).click()
    await page.getByRole('row', { name: /agent:clerk 100% \$0\.25/ }).waitFor()
    await places.getByRole('link', { name: 'Codes' }).click()
    await page.getByRole('row', { name: /ORDER_REFUNDED.*Money went back.*1/ }).waitFor()
    assert.deepEqual(complaints, [])
  })

  test('shares it with no other browser, and with no other page in this one', async () => {
    const other = await (await browser.newContext()).newPage()
    await other.goto(new URL('/investigate', address).href)
    await other.getByText('Open it by its link').waitFor()
    assert.deepEqual(await barriersIn(other), [])
    await other.goto(address)
    await other.getByText('LINK_USED').waitFor()
    // A page of another server of this machine, which browsers count as the same site.
    const { origin } = new URL(address)
    const foreign = await page.context().newPage()
    await foreign.route('http://127.0.0.1:9/**', (route) =>
      route.fulfill({ contentType: 'text/html', body: 'mine' }),
    )
    await foreign.goto('http://127.0.0.1:9/')
    const asked = await foreign.evaluate(`(async (api) => {
      const read = await fetch(api, { credentials: 'include' }).then((answer) => answer.text(), () => 'refused')
      const ran = await new Promise((resolve) => {
        const script = document.createElement('script')
        script.onload = () => resolve('ran')
        script.onerror = () => resolve('refused')
        script.src = api
        document.body.append(script)
      })
      return [read, ran]
    })('${origin}/api/v1/audit')`)
    assert.deepEqual(asked, ['refused', 'refused'])
  })
})

interface Stage {
  readonly address: string
  readonly browser: Awaited<ReturnType<typeof openBrowser>>
  readonly page: Page
  readonly complaints: readonly string[]
  /** What the command line prints in the folder of the rows. */
  outside(...words: readonly string[]): Promise<string>
  close(): Promise<void>
}

async function setUp(): Promise<Stage> {
  const folder = mkdtempSync(join(tmpdir(), 'fasten-ui-'))
  await writeRows(folder)
  const browser = await openBrowser()
  const guide = readFileSync(join(root, 'docs/guides/web.md'), 'utf8')
  const typed = /```sh\nfasten (ui .*)\n```/.exec(guide)?.[1] ?? ''
  const codes = 'domain: shop\ncodes:\n  ORDER_REFUNDED: { description: Money went back., severity: warn }\n'
  writeFileSync(join(folder, 'shop.codes.yaml'), codes)
  const server = start(typed.split(' '), { cwd: folder, env: { FASTEN_CODES: 'shop.codes.yaml' } })
  const address = (await printed(server, (text) => text.endsWith('\n'))).trim()
  const context = await newContext(browser)
  const page = await context.newPage()
  return {
    address,
    browser,
    page,
    complaints: complaintsOf(page),
    async outside(...words) {
      const child = start(words, { cwd: folder })
      return await printed(child, (text) => text.endsWith('\n'))
    },
    async close() {
      await browser.close()
      const ended = once(server, 'close')
      server.kill('SIGINT')
      assert.deepEqual(await ended, [0, null], 'Ctrl-C ends it')
      rmSync(folder, { recursive: true, force: true, maxRetries: 10 })
    },
  }
}

/** One refund, as a service records it, in shop.db, signed. */
async function writeRows(folder: string): Promise<void> {
  const dsn = `sqlite:///${join(folder, 'shop.db')}`
  const fasten = createFasten({
    service_id: 'shop',
    node_id: 'edge-07',
    audit_dsn: dsn,
    sys_dsn: dsn,
    api_dsn: dsn,
    spool_dir: join(folder, 'spool'),
    stdout: ['none'],
    exit_hooks: false,
    flush_timeout_ms: 60_000,
  })
  fasten.register('shop', { ORDER_REFUNDED: { category: 'sales', action: 'order.refund', severity: 'warn' } })
  fasten.register('agent', {
    MODEL_CALLED: { category: 'model', action: 'agent.model.call', severity: 'info' },
  })
  runWithContext({ request_id: 'a1b2c3d4e5f6', method: 'http', actor: 'user:ada' }, () => {
    fasten.emit({ code: 'ORDER_REFUNDED', target: 'order:42', reason: 'broken lamp' })
    fasten.log.error('refund_slow')
    fasten.recordApi({
      method: 'POST',
      path: '/orders/42/refund',
      route: '/orders/:id/refund',
      status: 502,
      duration_us: 18_240,
    })
  })
  runWithContext({ request_id: 'b1b2c3d4e5f6', method: 'http', actor: 'agent:clerk' }, () =>
    fasten.emit({
      code: 'MODEL_CALLED',
      target: 'gpt-x',
      detail: { provider: 'local', model: 'gpt-x', cost_usd: 0.25, price_table: 'own' },
    }),
  )
  await fasten.checkpoint(60_000)
  await fasten.close()
}
