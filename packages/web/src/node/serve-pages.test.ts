// SPDX-License-Identifier: Apache-2.0
/** Who is told what by a server that every page of this machine's browser can reach. */
import assert from 'node:assert/strict'
import { request as askHttp, type OutgoingHttpHeaders } from 'node:http'
import { after, before, test } from 'node:test'
import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createFasten, runWithContext } from 'fasten'
import { remoteReader } from 'fasten/reader'
import { createSystemClock } from 'fasten/store'
import { nodeReader } from 'fasten/reader/node'
import { ensureBuilt } from '../../../../tools/setup/built.mjs'
import { root } from '../../../../tools/setup/root.mjs'
import { servePages } from './serve-pages.ts'

interface Told {
  readonly status: number
  readonly headers: NodeJS.Dict<string | string[]>
  readonly text: string
}

const ending = new AbortController()
const fasten = createFasten({
  service_id: 'shop',
  node_id: 'edge-07',
  audit_dsn: 'sqlite:///:memory:',
  stdout: ['none'],
  exit_hooks: false,
})
const elsewhere = createServer(nodeReader(fasten, { token: 'sesame', basePath: '/rows' }))
let link = new URL('http://127.0.0.1')
let served: Promise<void> = Promise.resolve()

before(async () => {
  await ensureBuilt(root)
  runWithContext({ request_id: 'a1b2c3d4e5f6', actor: 'user:ada' }, () => {
    fasten.emit({ code: 'DOCTOR_PROBE', target: 'valve/3', outcome: 'failure' })
    fasten.emit({ code: 'DOCTOR_PROBE', target: 'user:ada' })
    fasten.log.error('valve_stuck')
  })
  assert.equal(await fasten.flush(60_000), true)
  elsewhere.listen(0, '127.0.0.1')
  await once(elsewhere, 'listening')
  const { port } = elsewhere.address() as AddressInfo
  link = await new Promise((resolve, reject) => {
    served = servePages({
      reader: remoteReader({ url: `http://127.0.0.1:${port}/rows`, token: 'sesame' }),
      name: 'shop',
      clock: createSystemClock(),
      codes: [],
      proofOf: async () => null,
      port: 0,
      signal: ending.signal,
      onListening: (address) => resolve(new URL(address)),
      onError: reject,
    })
  })
})
after(async () => {
  ending.abort()
  await served
  elsewhere.closeAllConnections()
  elsewhere.close()
  await fasten.close()
})

/** As a program asks that may set whatever a browser would set. */
async function ask(path: string, headers: OutgoingHttpHeaders = {}, method = 'GET'): Promise<Told> {
  const { port } = link
  const asking = askHttp({
    host: '127.0.0.1',
    port,
    path,
    method,
    headers: { host: link.host, ...headers },
  }).end()
  const [answer] = (await once(asking, 'response')) as [import('node:http').IncomingMessage]
  let text = ''
  for await (const piece of answer.setEncoding('utf8')) text += String(piece)
  return { status: answer.statusCode ?? 0, headers: answer.headers, text }
}

let cookie = ''

test('nobody is told a row without the link', async () => {
  for (const path of [
    '/api/v1/me',
    '/api/v1/audit',
    '/api/v1/traces/a1b2c3d4e5f6',
    '/api/v1/tail',
    '/api/v1/export',
  ])
    for (const headers of [{}, { cookie: `fasten_ui_${link.port}=x` }, { authorization: 'Bearer sesame' }]) {
      const { status, text } = await ask(path, headers)
      assert.deepEqual([status, /valve|ada/.test(text)], [401, false], path)
    }
  const wrong = await ask('/?token=x')
  assert.deepEqual([wrong.status, wrong.headers['set-cookie']], [401, undefined])
})

test('the link opens one browser, with a cookie that no script reads and no other site sends', async () => {
  const target = `${link.pathname}${link.search}`
  assert.equal(
    (await ask(target, {}, 'HEAD')).headers['set-cookie'],
    undefined,
    'who only looks uses it up for nobody',
  )
  const opened = await ask(target)
  const [given = ''] = opened.headers['set-cookie'] ?? []
  assert.deepEqual([opened.status, opened.headers.location], [303, '/investigate'])
  assert.match(given, /^fasten_ui_\d+=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/)
  cookie = given.split(';')[0] ?? ''
  const again = await ask(target)
  assert.deepEqual([again.status, again.headers['set-cookie']], [401, undefined])
  assert.equal((await ask(target, { cookie })).status, 303, 'the browser that has it may use its history')
})

test('who has the cookie is told from these pages only', async () => {
  const told = await ask('/api/v1/audit?code=DOCTOR_PROBE', {
    cookie,
    'sec-fetch-site': 'same-origin',
    origin: link.origin,
  })
  assert.deepEqual([told.status, /DOCTOR_PROBE/.test(told.text)], [200, true])
  assert.equal(told.headers['access-control-allow-origin'], undefined)
  const { port } = link
  for (const [headers, status] of [
    [{ host: `rebound.example:${port}` }, 421],
    [{ host: '127.0.0.1:1' }, 421],
    [{ origin: 'http://evil.example' }, 403],
    [{ origin: 'http://127.0.0.1:1' }, 403],
    [{ origin: 'null' }, 403],
    [{ 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' }, 403],
    [{ 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'no-cors' }, 403],
  ] as const)
    for (const path of ['/api/v1/audit', '/api/v1/login', '/investigate']) {
      const { status: found, text } = await ask(path, { cookie, ...headers })
      assert.deepEqual(
        [found, /DOCTOR_PROBE/.test(text)],
        [status, false],
        `${path} ${JSON.stringify(headers)}`,
      )
    }
  assert.equal((await ask('/api/v1/audit', { cookie }, 'POST')).status, 405)
})

test('one answer says what there is to look at', async () => {
  const me = JSON.parse((await ask('/api/v1/me', { cookie })).text) as { places: unknown; rights: unknown }
  assert.deepEqual(me.places, ['investigate', 'requests', 'entities', 'agents', 'codes'])
  const login = JSON.parse((await ask('/api/v1/login')).text) as unknown
  assert.deepEqual(login, { password: false, oidc: false, link: true })
})

test('a request is one line of time, and somebody has one, over a reader elsewhere as over a file', async () => {
  const trace = JSON.parse((await ask('/api/v1/traces/a1b2c3d4e5f6', { cookie })).text) as {
    entries: { title: string }[]
  }
  assert.deepEqual(trace.entries.map(({ title }) => title).toSorted(), [
    'DOCTOR_PROBE',
    'DOCTOR_PROBE',
    'valve_stuck',
  ])
  assert.equal((await ask('/api/v1/traces/b2b2c3d4e5f6', { cookie })).status, 404)
  const timeline = JSON.parse((await ask('/api/v1/entities/user/ada/timeline', { cookie })).text) as {
    rows: { as: string[]; row: { target: string } }[]
    next_cursor: unknown
  }
  assert.deepEqual(
    timeline.rows.map(({ as, row }) => [as.join(), row.target]),
    [
      ['actor,target', 'user:ada'],
      ['actor', 'valve/3'],
    ],
  )
  assert.equal(timeline.next_cursor, null)
  const target = JSON.parse(
    (await ask(`/api/v1/entities/target/${encodeURIComponent('valve/3')}/timeline`, { cookie })).text,
  ) as typeof timeline
  assert.equal(target.rows.length, 1, 'what a row says no kind of is found as a target')
  assert.equal((await ask('/api/v1/entities/user/ada/timeline?cursor=e30', { cookie })).status, 400)
})

test('codes are explained, and counted in the newest rows', async () => {
  const { codes } = JSON.parse((await ask('/api/v1/codes', { cookie })).text) as {
    codes: { code: string; from: string }[]
  }
  assert.deepEqual(
    codes.filter(({ code }) => code === 'LOG_CREATED' || code === 'MODEL_CALLED').map(({ from }) => from),
    ['fasten', 'catalogue'],
  )
  const counts = (search: string): Promise<Told> => ask(`/api/v1/metrics/codes?${search}`, { cookie })
  const { complete, groups } = JSON.parse((await counts('since=-1h&group_by=code,outcome')).text) as {
    complete: boolean
    groups: { group: { code: string; outcome: string }; rows: number }[]
  }
  assert.deepEqual(
    [complete, groups.filter(({ group }) => group.code === 'DOCTOR_PROBE')],
    [
      true,
      [
        { group: { code: 'DOCTOR_PROBE', outcome: 'failure' }, rows: 1 },
        { group: { code: 'DOCTOR_PROBE', outcome: 'success' }, rows: 1 },
      ],
    ],
  )
  // What a fleet tells apart and a node does not is no number.
  assert.equal((await counts('since=-1h&group_by=outcome&step=60')).status, 404)
})

test('pages hold nothing, so that whoever follows a link to one gets it', async () => {
  const page = await ask('/investigate?q=x', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' })
  assert.equal(page.status, 200)
  assert.match(String(page.headers['content-security-policy']), /default-src 'none'/)
  const nowhere = await ask('/nowhere')
  assert.deepEqual([nowhere.status, nowhere.headers['content-type']], [404, 'application/problem+json'])
  const shown = await ask('/nowhere', { accept: 'text/html' })
  assert.deepEqual([shown.status, shown.headers['content-type']], [404, 'text/html; charset=utf-8'])
})
