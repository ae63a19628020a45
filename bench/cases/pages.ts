// SPDX-License-Identifier: Apache-2.0
// What a person waits for at the pages, measured in a real browser: the pages of `fasten ui` over a file of many rows.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { createFasten } from 'fasten'
import { localReader } from 'fasten/reader'
import { createSystemClock, sha256 } from 'fasten/store'
import { servePages } from 'fasten-ui/node'
import type { Page } from 'playwright-core'
import { openBrowser } from '../../packages/web/page/journeys/fixtures/browser.ts'
import { pour } from '../../packages/web/page/journeys/fixtures/pour.ts'
import { answer } from './answer.ts'

export interface PagesParams {
  readonly folder: string
  /** Rows in the file before anybody looks. */
  readonly rows: number
  /** Times that the pages are opened anew, each by a browser that has nothing of them. */
  readonly views: number
  /** Keys that are pressed, at rest and while rows pour in. */
  readonly presses: number
  /** Rows that are followed after the page holds as many as it will. */
  readonly tailed: number
  readonly perSecond: number
}

export interface PagesResult {
  readonly browser: string
  /** From the request for the page until rows are painted, ms. */
  readonly firstViewMs: readonly number[]
  /** From the press of a key until the next row is painted as the current one, ms. */
  readonly pressMs: readonly number[]
  readonly pressWhileTailedMs: readonly number[]
  /** Heap of the page after a collection, bytes: with a first page of rows, holding all that it holds, and after `tailed` rows more. */
  readonly heapBytes: { readonly first: number; readonly full: number; readonly later: number }
}

/** Put into every page before its own scripts: a moment counts as painted once a task runs that was asked for in the frame that painted it. */
const clocks = `
  const painted = (then) => requestAnimationFrame(() => {
    const channel = new MessageChannel()
    channel.port1.onmessage = () => then(performance.now())
    channel.port2.postMessage(0)
  })
  window.firstRows = new Promise((resolve) => {
    const look = () => document.querySelector('[role=option]') === null ? requestAnimationFrame(look) : painted(resolve)
    requestAnimationFrame(look)
  })
  window.presses = []
  addEventListener('keydown', ({ timeStamp }) => painted((at) => window.presses.push(at - timeStamp)), true)
`

await answer(async (params: PagesParams): Promise<PagesResult> => {
  const { folder, rows, views, presses, tailed, perSecond } = params
  const dsn = `sqlite:///${join(folder, 'pages.db')}`
  const fasten = createFasten({
    service_id: 'shop',
    node_id: 'node-1',
    audit_dsn: dsn,
    sys_dsn: dsn,
    api_dsn: dsn,
    stdout: [],
    exit_hooks: false,
    flush_timeout_ms: 600_000,
  })
  fasten.register('shop', { ORDER_PAID: { category: 'sales', action: 'order.pay', severity: 'info' } })
  const reader = localReader({ sources: fasten.sources(), digest: sha256, clock: createSystemClock() })
  let order = 0
  const take = async (count: number, atMost: number): Promise<void> => {
    const from = order
    order += Math.ceil(count / 5)
    await pour(fasten, { rows: count, perSecond: atMost, from })
  }
  // In parts, since a spool that nobody drains refuses what is too much.
  for (let left = rows; left > 0; left -= 20_000) await take(Math.min(left, 20_000), 400_000)

  const ending = new AbortController()
  let served: Promise<void> = Promise.resolve()
  const address = await new Promise<string>((resolve, reject) => {
    served = servePages({
      reader,
      name: 'pages.db',
      clock: createSystemClock(),
      codes: [],
      proofOf: async () => null,
      port: 0,
      signal: ending.signal,
      onListening: resolve,
      onError: reject,
    })
    served.catch(reject)
  })
  const browser = await openBrowser()
  const opened = await browser.newContext()
  await (await opened.newPage()).goto(address)
  const cookies = await opened.cookies()
  const url = `${new URL(address).origin}/investigate?since=-1d`
  /** A browser that has the cookie, and nothing else of the pages. */
  const newPage = async (): Promise<Page> => {
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 } })
    await context.addCookies(cookies)
    await context.addInitScript({ content: clocks })
    const page = await context.newPage()
    page.setDefaultTimeout(120_000)
    return page
  }

  const firstViewMs: number[] = []
  for (let view = -1; view < views; view++) {
    const page = await newPage()
    // A new window of Chromium loads dozens of scripts of its own (its address bar is pages, too), on the same cores. Who opens ours has had his for a while.
    await new Promise((resolve) => setTimeout(resolve, 2500))
    await page.goto(url)
    const ms = Number(await page.evaluate('window.firstRows'))
    // The first one warms the server.
    if (view >= 0) firstViewMs.push(ms)
    await page.context().close()
  }

  const page = await newPage()
  const pressed = async (): Promise<readonly number[]> => {
    await page.getByRole('listbox', { name: 'Audit rows' }).focus()
    await page.evaluate('window.presses.length = 0')
    for (let press = 0; press < presses; press++) {
      await page.keyboard.press('j')
      await new Promise((resolve) => setTimeout(resolve, 30))
    }
    const found = (await page.evaluate('window.presses')) as readonly number[]
    assert.ok(found.length >= presses - 1, `${found.length} of ${presses} keys were answered`)
    return found
  }
  const devtools = await page.context().newCDPSession(page)
  const heap = async (): Promise<number> => {
    await devtools.send('HeapProfiler.collectGarbage')
    return (await devtools.send('Runtime.getHeapUsage')).usedSize
  }
  await page.goto(url)
  await page.evaluate('window.firstRows')
  const first = await heap()
  const pressMs = await pressed()

  await page.goto(`${url}&live=1`)
  await page.getByRole('button', { name: 'Live', exact: true }).waitFor()
  const pouring = take(perSecond * Math.ceil(presses / 15), perSecond)
  const pressWhileTailedMs = await pressed()
  await pouring

  await page.goto(`${url}&live=1`)
  await page.getByRole('button', { name: 'Live', exact: true }).waitFor()
  // Of each stream 20,000 are held; of five rows one is an access.
  await take(Math.min(tailed, 110_000), perSecond)
  const full = await heap()
  await take(tailed, perSecond)
  const later = await heap()

  const { total } = await reader.page({
    stream: 'audit',
    filter: { code: 'ORDER_PAID' },
    limit: 1,
    total: 'exact',
  })
  assert.equal(total, order * 2, 'every row that was recorded is there')
  const version = browser.version()
  await browser.close()
  ending.abort()
  await served
  await reader.close()
  await fasten.close()
  return { browser: version, firstViewMs, pressMs, pressWhileTailedMs, heapBytes: { first, full, later } }
})
