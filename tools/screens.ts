// SPDX-License-Identifier: Apache-2.0
/**
 * Makes the pictures of the pages out of what the shop of examples/fleet wrote: those that the documentation shows, and below `.cache/screens` every place in
 * light, in dark and on a phone, to be looked at side by side: `npm run screens`.
 */
import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { startScene, type Scene } from '../examples/fleet/demo/scene.ts'
import { openBrowser } from '../packages/web/page/journeys/fixtures/browser.ts'
import { root } from './setup/root.mjs'

const wide: BrowserContextOptions = { viewport: { width: 1200, height: 680 } }
const phone: BrowserContextOptions = {
  viewport: { width: 390, height: 844 },
  deviceScaleFactor: 2,
  hasTouch: true,
  isMobile: true,
}

/** The rows of the shop, without those that the fleet writes of itself. */
const shopRows = '/investigate?q=tenant_id%3Aacme'

const pictures: readonly {
  readonly name: string
  readonly path: (request: string) => string
  readonly theme: 'light' | 'dark'
  readonly screen: BrowserContextOptions
  /** Until it shows what it is for. */
  readonly ready: (page: Page) => Promise<void>
}[] = [
  { name: 'investigate-light', path: () => shopRows, theme: 'light', screen: wide, ready: rowsShown },
  { name: 'investigate-dark', path: () => shopRows, theme: 'dark', screen: wide, ready: openedRow },
  { name: 'phone', path: () => shopRows, theme: 'dark', screen: phone, ready: firstRowsShown },
  {
    name: 'request',
    path: (request) => `/requests/${request}`,
    theme: 'light',
    screen: wide,
    ready: (page) => page.getByRole('tree').getByRole('treeitem').first().waitFor(),
  },
]

/** Every place that a menu or a row leads to. */
const everyPlace: Readonly<Record<string, (request: string) => string>> = {
  investigate: () => shopRows,
  empty: () => '/investigate?q=code%3ANOBODY_EMITS_IT',
  request: (request) => `/requests/${request}`,
  entity: () => '/entities/service/c3',
  rates: () => '/rates',
  agents: () => '/agents',
  codes: () => '/codes',
  nodes: () => '/nodes',
  retention: () => '/retention',
  access: () => '/access',
  keys: () => '/access/keys',
  trail: () => '/trail',
  lost: () => '/no/such/page',
}

const folder = mkdtempSync(join(tmpdir(), 'fasten-screens-'))
const scene = await startScene(folder)
try {
  const request = await orders(scene)
  const { FLEET_URL: url = '', FLEET_TOKEN: token = '' } = scene.operator
  const browser = await openBrowser()
  const open = openAt(browser, url, token)
  for (const { name, path, theme, screen, ready } of pictures) {
    const page = await open(path(request), theme, screen)
    await ready(page)
    await page.waitForLoadState('networkidle')
    const file = join(root, 'docs/pictures', `${name}.png`)
    await page.screenshot({ path: file })
    await page.context().close()
    process.stdout.write(`docs/pictures/${name}.png, ${Math.round(statSync(file).size / 1000)} kB\n`)
  }
  const gallery = join(root, '.cache/screens')
  mkdirSync(gallery, { recursive: true })
  for (const [name, path] of Object.entries(everyPlace))
    for (const [mode, theme, screen] of [
      ['light', 'light', wide],
      ['dark', 'dark', wide],
      ['phone', 'light', phone],
    ] as const) {
      const page = await open(path(request), theme, screen)
      await page.getByRole('main').waitFor()
      await page.waitForLoadState('networkidle')
      await page.screenshot({ path: join(gallery, `${name}-${mode}.png`) })
      await page.context().close()
    }
  process.stdout.write(
    `.cache/screens, ${Object.keys(everyPlace).length} places in light, dark and on a phone\n`,
  )
  await browser.close()
} finally {
  await scene.stop()
  rmSync(folder, { recursive: true, force: true, maxRetries: 10 })
}

/** A browser of its own for every picture: what one of them pinned or chose is not in the next. */
function openAt(
  browser: Browser,
  url: string,
  token: string,
): (path: string, theme: 'light' | 'dark', screen: BrowserContextOptions) => Promise<Page> {
  return async (path, colorScheme, screen) => {
    const context = await browser.newContext({
      ...screen,
      colorScheme,
      reducedMotion: 'reduce',
      extraHTTPHeaders: { authorization: `Bearer ${token}` },
    })
    context.setDefaultTimeout(120_000)
    const page = await context.newPage()
    await page.goto(`${url}${path}`)
    return page
  }
}

/** A morning's orders, one in nine with a card that has expired; answers the request id of one of those, once the fleet has its rows. */
async function orders({ shop, operator }: Scene): Promise<string> {
  const items = ['lamp', 'chair', 'desk', 'kettle', 'rug']
  let failed = ''
  for (let order = 1; order <= 60; order++) {
    const card = order % 9 === 0 ? 'expired' : 'good'
    const answer = await fetch(shop, {
      method: 'POST',
      body: JSON.stringify({
        id: `o-${order}`,
        customer: `c${order % 7}`,
        item: items[order % items.length],
        cents: order * 150,
        card,
      }),
    })
    await answer.text()
    if (card === 'expired') failed = answer.headers.get('x-request-id') ?? ''
  }
  const { FLEET_URL: url = '', FLEET_TOKEN: token = '' } = operator
  for (let times = 0; times < 600; times++) {
    const trace = await fetch(`${url}/api/v1/traces/${failed}`, {
      headers: { authorization: `Bearer ${token}` },
    })
    if (trace.ok) return failed
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  throw new TypeError(`the fleet has no rows of ${failed}`)
}

async function rowsShown(page: Page): Promise<void> {
  for (const name of ['Audit rows', 'API rows', 'System log rows'])
    if (await page.getByRole('region', { name: name.replace(/ rows$/, ''), exact: true }).isVisible())
      await page.getByRole('listbox', { name }).getByRole('option').first().waitFor()
}

/** A narrow screen has room for one stream. */
async function firstRowsShown(page: Page): Promise<void> {
  await page.getByRole('listbox', { name: 'Audit rows' }).getByRole('option').first().waitFor()
}

async function openedRow(page: Page): Promise<void> {
  await rowsShown(page)
  await page.getByRole('listbox', { name: 'Audit rows' }).getByRole('option').nth(2).click()
  const drawer = page.getByRole('complementary', { name: 'Row' })
  await drawer.getByRole('button', { name: 'Unanchored' }).click()
  await drawer.getByRole('button', { name: 'Pin this key' }).click()
  await drawer.getByRole('button', { name: 'Verified' }).waitFor()
}
