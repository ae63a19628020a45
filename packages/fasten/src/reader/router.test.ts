// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createSampleDrafts, sampleWindow } from '../testing/sample-drafts.ts'
import { nodeReader } from './adapters/node.ts'
import { openSqlite, readerOf, serveOn, type Opened, type Served } from './fixtures/opened.ts'
import type { Problem } from './problem.ts'
import type { Reader } from './reader.ts'
import { createReaderRouter, type Access, type ReaderHandler, type ReaderOptions } from './router.ts'

const token = 'open-sesame'
const origin = 'http://reader.invalid'

describe('the HTTP API', () => {
  let opened: Opened
  let reader: Reader
  before(async () => {
    opened = await openSqlite()
    reader = readerOf(opened.sources)
    const drafts = createSampleDrafts({ tenant_id: 'acme' })
    const rival = createSampleDrafts({ tenant_id: 'rival', boot_id: '00000000000000dd' })
    await opened.append([
      ...Array.from({ length: 12 }, (_, index) =>
        drafts.audit({ request_id: 'req-a', outcome: index % 2 === 0 ? 'success' : 'denied' }),
      ),
      drafts.sys({ request_id: 'req-a', fields: { note: 'refund failed' } }),
      drafts.api({ request_id: 'req-a', duration_us: 1500 }),
      rival.audit({ request_id: 'req-a' }),
      rival.sys({ request_id: 'req-a' }),
    ])
  })
  after(async () => {
    await reader.close()
    await opened.close()
  })

  const router = (options: ReaderOptions = { token }): ReaderHandler => createReaderRouter(reader, options)
  const get = async (
    path: string,
    { handle = router(), ...init }: RequestInit & { handle?: ReaderHandler } = {},
  ): Promise<Response> =>
    handle(
      new Request(origin + path, {
        ...init,
        headers: { authorization: `Bearer ${token}`, ...(init.headers as Record<string, string>) },
      }),
    )
  // oxlint-disable-next-line typescript/no-explicit-any -- answers are looked into, member by member
  const json = async (path: string, init?: Parameters<typeof get>[1]): Promise<Record<string, any>> => {
    const response = await get(path, init)
    assert.equal(response.status, 200, await response.clone().text())
    return (await response.json()) as Record<string, unknown>
  }
  const problemOf = async (response: Response): Promise<Problem> => {
    assert.equal(response.headers.get('content-type'), 'application/problem+json')
    const problem = (await response.json()) as Problem
    assert.equal(problem.status, response.status)
    return problem
  }

  test('answers in the shapes of the published readers, and more', async () => {
    const audit = await json(`/audit?tenant_id=acme&limit=5&${new URLSearchParams(sampleWindow)}`)
    assert.deepEqual(Object.keys(audit).sort(), [
      'completeness',
      'limit',
      'next_after',
      'next_cursor',
      'offset',
      'rows',
      'total',
      'total_kind',
    ])
    assert.deepEqual(
      [
        audit['rows'].length,
        audit['total'],
        audit['total_kind'],
        audit['limit'],
        audit['offset'],
        audit['completeness'],
      ],
      [5, 12, 'exact', 5, 0, { audit: 'store' }],
    )
    const correlate = await json('/correlate?request_id=req-a')
    assert.deepEqual(correlate['counts'], { audit: 13, sys: 2, api: 1 })
    assert.deepEqual(correlate['totals'], { audit: 13, sys: 2, api: 1 })
    assert.deepEqual(correlate['truncated'], { audit: false, sys: false, api: false })
    assert.ok(correlate['audit'][0].timestamp >= correlate['audit'][12].timestamp)
    const search = await json('/search?q=REFUND&since=2031-01-01')
    assert.deepEqual(
      [search['counts'], search['matches'][0].summary, search['matches'][0].request_id],
      [{ sys: 1 }, 'order_placed', 'req-a'],
    )
    const topology = await json('/topology')
    assert.deepEqual(
      [topology['nodes'], topology['services'], topology['tenants'], topology['sources'][0].tenant_id],
      [1, 1, 2, 'acme'],
    )
    const doctor = await json('/audit/doctor')
    assert.deepEqual(Object.keys(doctor).sort(), ['chain', 'init', 'queue', 'redactor', 'store', 'transport'])
    assert.equal((await json('/verify'))['verdict'], 'PASS')
    assert.equal((await json('/logs'))['logs'].length, 5)
    const api = await json('/api?since=2031-01-01')
    assert.deepEqual([api['rows'][0].duration_ms, api['rows'][0].verification], [2, 'verified'])
    const [row] = audit['rows']
    assert.deepEqual(await json(`/row/${row.id}`), row)
    assert.deepEqual(
      await json(`/row?${new URLSearchParams({ log: row.log, monotonic_seq: row.monotonic_seq })}`),
      row,
    )
    assert.equal((await json('/thread?request_id=req-a&limit=1'))['truncated'].audit, true)
  })

  test('next_after walks every row once, as the published clients do', async () => {
    const seen = new Set<string>()
    let place = ''
    for (let page = 0; page < 20; page++) {
      const body = await json(`/audit?since=2031-01-01&limit=4${place}`)
      for (const { id } of body['rows']) seen.add(id)
      if (body['next_after'] === null) break
      place = `&after=${body['next_after']}`
    }
    assert.equal(seen.size, 13)
    assert.equal((await problemOf(await get('/audit?after=987654'))).code, 'BAD_CURSOR')
  })

  test('JSON answers have an entity tag, and HEAD has no body', async () => {
    const first = await get('/logs')
    const etag = first.headers.get('etag') ?? ''
    const again = await get('/logs', { headers: { 'if-none-match': `"x", W/${etag}` } })
    assert.deepEqual([again.status, await again.text()], [304, ''])
    const head = await get('/logs', { method: 'HEAD' })
    assert.deepEqual(
      [head.status, await head.text(), head.headers.get('content-length')],
      [200, '', String((await first.arrayBuffer()).byteLength)],
    )
    for (const path of ['/tail', '/export']) assert.equal((await get(path, { method: 'HEAD' })).status, 200)
  })

  test('every answer forbids keeping, sniffing, framing', async () => {
    for (const path of ['/audit', '/nothing', '/audit?nope=1', '/export', '/openapi.json']) {
      const { headers, body } = await get(path)
      await body?.cancel()
      assert.deepEqual(
        ['cache-control', 'x-content-type-options', 'x-frame-options', 'referrer-policy'].map((name) =>
          headers.get(name),
        ),
        ['no-store', 'nosniff', 'DENY', 'no-referrer'],
        path,
      )
    }
  })

  describe('the guard', () => {
    test('is required', () => {
      for (const options of [
        {},
        { token: undefined },
        { token: '' },
        { token: '  ' },
        { token: [] },
        { token: ['a', ''] },
        { token: 'a', authorize: 'open' },
        { authorize: 'closed' },
      ])
        assert.throws(
          () => createReaderRouter(reader, options as ReaderOptions),
          TypeError,
          JSON.stringify(options),
        )
      assert.throws(() => createReaderRouter(reader, { token, enforceTenantIsolation: true }), TypeError)
    })

    test('lets no wrong credential in, whatever it is made of', async () => {
      const handle = router({ token: [token, 'zweites-Geheimnis-äöü'] })
      const wrong = [
        '',
        'Bearer',
        'Bearer ',
        'Bearer wrong',
        `Bearer ${token}x`,
        `Bearer ${token.slice(1)}`,
        `Basic ${token}`,
        token,
        `Bearer ${token} x`,
        `Bearer\t${token}`,
        'Bearer \u00e9\u00ff',
        `Bearer ${'x'.repeat(8000)}`,
        'bearer null',
        'Bearer undefined',
      ]
      for (const authorization of wrong) {
        const response = await handle(new Request(`${origin}/audit`, { headers: { authorization } }))
        assert.equal(response.status, 401, authorization)
        assert.match(response.headers.get('www-authenticate') ?? '', /^Bearer realm="fasten"/)
        assert.equal((await problemOf(response)).code, 'UNAUTHENTICATED')
      }
      assert.equal((await handle(new Request(`${origin}/audit`))).status, 401)
      for (const good of [
        `Bearer ${token}`,
        `bearer  ${token}`,
        `Bearer ${Buffer.from('zweites-Geheimnis-äöü').toString('latin1')}`,
      ])
        assert.equal(
          (await handle(new Request(`${origin}/audit`, { headers: { authorization: good } }))).status,
          200,
          good,
        )
    })

    test('comes before anything is told, even whether a path exists', async () => {
      for (const path of ['/nothing', '/audit?nope=1', '/openapi.json', '/tail', '/export'])
        assert.equal((await router()(new Request(origin + path))).status, 401)
      assert.equal((await router()(new Request(`${origin}/audit`, { method: 'DELETE' }))).status, 401)
    })

    test('a hook may refuse, and one that fails lets nobody in', async () => {
      const errors: unknown[] = []
      const asked: unknown[] = []
      const hooked = (authorize: ReaderOptions['authorize']): ReaderHandler =>
        createReaderRouter(reader, { authorize, onError: (error) => errors.push(error) })
      const refused = await get('/audit', { handle: hooked((_request, ask) => (asked.push(ask), false)) })
      assert.deepEqual(
        [refused.status, (await problemOf(refused)).code, asked],
        [403, 'FORBIDDEN', [{ permission: 'audit:read', operation: 'listAudit' }]],
      )
      assert.equal(
        (await get('/audit', { handle: hooked(async () => 'unauthenticated' as const) })).status,
        401,
      )
      assert.equal((await get('/audit', { handle: hooked(() => Promise.resolve(true)) })).status, 200)
      // A hook that forgets to answer must not open the door.
      assert.equal((await get('/audit', { handle: hooked((() => undefined) as never) })).status, 403)
      assert.equal((await get('/audit', { handle: hooked((() => 1) as never) })).status, 403)
      const failed = await get('/audit', {
        handle: hooked(() => {
          throw new TypeError('the directory said: secret')
        }),
      })
      assert.equal(failed.status, 500)
      assert.doesNotMatch(await failed.text(), /secret/)
      assert.equal(errors.length, 1)
      assert.equal(
        (await get('/audit', { handle: createReaderRouter(reader, { authorize: 'open' }) })).status,
        200,
      )
    })

    test('a tenant sees itself only, on every endpoint', async () => {
      const handle = router({ token, tenantScope: async () => 'rival' })
      const bodies = await Promise.all(
        [
          '/audit',
          '/sys',
          '/api',
          '/correlate?request_id=req-a',
          '/thread?request_id=req-a',
          '/search?q=e&since=2031-01-01&streams=audit,sys,api',
          '/topology',
          '/audit/doctor',
          '/verify',
          '/logs',
        ].map(async (path) => JSON.stringify(await json(path, { handle }))),
      )
      for (const body of bodies) assert.doesNotMatch(body, /acme/)
      const text = await (await get('/export', { handle })).text()
      assert.deepEqual([text.split('\n').length - 1, text.includes('acme')], [2, false])
      const {
        rows: [own],
      } = await json('/audit?tenant_id=rival', { handle })
      assert.equal(own.tenant_id, 'rival')
      const {
        rows: [foreign],
      } = await json('/audit?tenant_id=acme')
      assert.equal((await get(`/row/${foreign.id}`, { handle })).status, 404)
      assert.equal((await get(`/row?log=${foreign.log}&monotonic_seq=0`, { handle })).status, 404)
      assert.equal(
        (await problemOf(await get('/audit?tenant_id=acme', { handle }))).code,
        'TENANT_OUT_OF_SCOPE',
      )
      assert.equal((await get('/tail?tenant_id=acme', { handle })).status, 403)
      const { logs, notes } = await json(`/verify?log=${foreign.log}`, { handle })
      assert.deepEqual([logs, notes], [[], [`the store holds no log named "${foreign.log}"`]])
      const { next_cursor } = await json('/audit?limit=1&tenant_id=acme')
      assert.equal((await get(`/audit?limit=1&cursor=${next_cursor}`, { handle })).status, 400)
    })

    test('a request that belongs to no tenant is not let in', async () => {
      for (const found of [null, undefined, '', '  ', 7 as never])
        assert.equal(
          (await get('/audit', { handle: router({ token, tenantScope: () => found }) })).status,
          401,
        )
    })
  })

  test('reading is told to whoever audits it', async () => {
    const told: Omit<Access, 'request'>[] = []
    const handle = router({
      token,
      tenantScope: () => 'acme',
      onAccess: ({ request, ...access }) => {
        assert.equal(request.method, 'GET')
        told.push(access)
      },
    })
    await get('/audit?limit=2', { handle })
    await get('/nothing', { handle })
    assert.deepEqual(told, [
      { operation: 'listAudit', query: 'limit=2', tenant_id: 'acme', status: 200, rows: 2 },
      { operation: undefined, query: '', tenant_id: 'acme', status: 404, rows: undefined },
    ])
  })

  test('a hundred hostile questions get a problem that says what is wrong, never a success, never a fault', async () => {
    const long = 'x'.repeat(3000)
    const values = [
      '%00',
      '%0d%0aset-cookie:%20a=b',
      '%ff',
      '%c0%af',
      '%',
      '%zz',
      long,
      '%F0%9F',
      '%ed%a0%80',
    ]
    const paths = [
      ...values.flatMap((value) =>
        ['actor', 'target', 'code', 'q', 'request_id', 'since', 'log'].map(
          (name) => `/audit?${name}=${value}&since=${name === 'q' ? '-1h' : ''}`,
        ),
      ),
      '/audit?limit=1e9',
      '/audit?limit=-1',
      '/audit?limit=0',
      '/audit?limit=9999999999999999999',
      '/audit?limit[]=1',
      '/audit?limit=1;limit=2',
      '/audit?offset=-1',
      '/audit?offset=1000000000',
      '/audit?__proto__=1',
      '/audit?constructor=1',
      '/audit?hasOwnProperty=1',
      '/audit?toString',
      '/audit?=',
      '/audit?&&=x',
      '/audit?%00=1',
      '/audit?code=A&code=B',
      '/audit?Code=A',
      "/audit?severity=' OR 1=1 --",
      '/audit?order=timestamp;DROP TABLE audit_log',
      '/audit?total=all',
      '/audit?cursor=%2e%2e%2f',
      '/audit?cursor=AAAA',
      '/audit?cursor=WyJwMSJd',
      '/audit?cursor=W10',
      '/audit?after=0',
      '/audit?after=abc',
      '/audit?has_flag=%24',
      '/audit?has_flag=__proto__',
      '/audit?actor_kind=__proto__',
      '/sys?level=LOUD',
      '/sys?status=200',
      '/api?status=abc',
      '/api?status=1000',
      '/api?severity=info',
      '/correlate',
      '/correlate?request_id=',
      '/correlate?request_id=a&request_id=b',
      '/correlate?request_id=%3Cscript%3E',
      '/thread?request_id=a&limit=1001',
      '/search',
      '/search?q=x',
      '/search?q=&since=-1h',
      '/search?since=-1h',
      `/search?q=${'x'.repeat(1025)}&since=-1h`,
      '/search?q=x&since=-1h&streams=audit,all',
      '/search?q=x&since=-1h&streams=',
      '/search?q=x&since=-1h&limit=201',
      '/topology?since=never',
      '/verify?log=a&from_seq=-1',
      '/verify?from_seq=2&to_seq=1',
      '/verify?stream=x',
      '/row',
      '/row?log=a',
      '/row?log=a&monotonic_seq=x',
      '/row/..%2f..%2fetc%2fpasswd',
      '/row/%00',
      '/row/evt-none',
      '/row/%',
      '/tail?since=-1h',
      '/tail?streams=x',
      '/tail?backlog=100000',
      '/tail?resume=zzzz',
      '/tail?streams=sys&code=A',
      '/export?format=exe',
      '/export?stream=all',
      '/export?format=csv&stream=sys&code=A',
      '/export?q=x',
      '/export?cursor=abcd',
      '/logs?x=1',
      '/audit/doctor?verbose=1',
      '/openapi.json/x',
      '/audit//',
      '/..%2faudit',
      '/AUDIT',
      `/audit?${'a=1&'.repeat(6000)}`,
    ]
    assert.ok(paths.length >= 100)
    for (const path of paths) {
      const response = await get(path)
      assert.ok(response.status >= 400 && response.status < 500, `${response.status} ${path.slice(0, 80)}`)
      const problem = await problemOf(response)
      assert.ok(problem.detail.length > 5 && problem.detail.length < 4000 && problem.title !== 'Error', path)
      assert.doesNotMatch(JSON.stringify(problem), /[\u0000-\u001f\u202e]/)
      if (response.status === 400 || response.status === 422)
        assert.ok((problem.errors?.length ?? 0) > 0, `${path.slice(0, 80)} ${JSON.stringify(problem)}`)
    }
  })

  test('only GET and HEAD do anything', async () => {
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
      const response = await get('/audit', { method })
      assert.deepEqual([response.status, response.headers.get('allow')], [405, 'GET, HEAD'])
    }
  })

  test('search can be switched off', async () => {
    const handle = router({ token, isSearchEnabled: false })
    for (const path of ['/search?q=x&since=-1h', '/sys?q=x&since=-1h', '/export?q=x&since=-1h', '/tail?q=x'])
      assert.equal((await problemOf(await get(path, { handle }))).code, 'SEARCH_DISABLED')
  })

  test('a tail whose body is dropped gives its place back', async () => {
    const handle = router({ token, tailClientsMax: 1 })
    const first = await get('/tail', { handle })
    assert.equal((await get('/tail', { handle })).status, 503)
    await first.body?.cancel()
    const second = await get('/tail', { handle })
    assert.equal(second.status, 200)
    await second.body?.cancel()
    const gone = new AbortController()
    const third = await get('/tail', { handle, signal: gone.signal })
    gone.abort()
    await third.text()
    const fourth = await get('/tail', { handle })
    assert.equal(fourth.status, 200)
    await fourth.body?.cancel()
  })

  describe('exports', () => {
    test('hold every row that matches, as NDJSON and as CSV', async () => {
      const response = await get('/export?tenant_id=acme&since=2031-01-01&outcome=denied')
      assert.match(
        response.headers.get('content-disposition') ?? '',
        /^attachment; filename="fasten-audit-\d{8}T\d{6}Z\.ndjson"$/,
      )
      const rows = (await response.text())
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as { outcome: string; hash: string })
      assert.equal(rows.length, 6)
      assert.ok(rows.every(({ outcome, hash }) => outcome === 'denied' && hash.length === 64))
      const csv = await (await get('/export?stream=api&format=csv&since=2031-01-01')).text()
      assert.deepEqual(
        [csv.split('\r\n').length, csv.startsWith('timestamp,id,log,monotonic_seq,method')],
        [3, true],
      )
      assert.equal((await (await get('/export?limit=3')).text()).split('\n').length, 4)
      assert.equal(await (await get('/export?code=NONE')).text(), '')
    })

    test('are a snapshot: rows stored meanwhile stay out', async () => {
      const other = await openSqlite()
      const drafts = createSampleDrafts()
      await other.append(Array.from({ length: 1200 }, () => drafts.audit()))
      const handle = createReaderRouter(readerOf(other.sources), { token })
      const response = await get('/export?since=2031-01-01', { handle })
      const body = response.body?.getReader()
      const first = await body?.read()
      await other.append([
        drafts.audit({ target: 'late' }),
        drafts.audit({ target: 'late', timestamp: sampleWindow.since }),
      ])
      let text = Buffer.from(first?.value ?? []).toString()
      for (let part = await body?.read(); part?.done === false; part = await body?.read())
        text += Buffer.from(part.value).toString()
      assert.deepEqual([text.split('\n').length - 1, text.includes('late')], [1200, false])
      await other.close()
    })

    test('have a bounded number of places, given back when a client goes', async () => {
      const handle = router({ token, exportClientsMax: 1 })
      const first = await get('/export', { handle })
      const second = await get('/export', { handle })
      assert.deepEqual(
        [second.status, second.headers.get('retry-after'), (await problemOf(second)).code],
        [503, '5', 'READER_BUSY'],
      )
      await first.body?.cancel()
      const third = await get('/export', { handle })
      assert.equal(third.status, 200)
      await third.text()
      assert.equal((await get('/export', { handle })).status, 200)
    })
  })

  describe('over a real server', () => {
    let served: Served
    before(async () => {
      served = await serveOn(
        nodeReader(reader, { token, basePath: '/api/v1/logs', tailClientsMax: 2, heartbeatMs: 20 }),
      )
    })
    after(() => served.close())

    /** Sends bytes as they are and reads all that comes back. */
    const raw = (text: string): Promise<string> =>
      new Promise((resolve, reject) => {
        const { hostname, port } = new URL(served.origin)
        const socket = connect(Number(port), hostname, () => socket.write(text, 'latin1'))
        let got = ''
        socket.on('data', (chunk) => (got += chunk.toString('latin1')))
        socket.on('close', () => resolve(got))
        socket.on('error', reject)
      })
    const line = (request: string, more = ''): string =>
      `${request} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer ${token}\r\n${more}\r\n`

    test('odd request lines are answered or refused, never a crash', async () => {
      for (const target of [
        '/api/v1/logs/audit',
        'http://other.example/api/v1/logs/audit',
        '/api/v1/logs/audit#x',
      ])
        assert.match(await raw(line(`GET ${target}`)), /^HTTP\/1\.1 200 /, target)
      for (const target of [
        '//evil.example/audit',
        '/api/v1/logsaudit',
        '/api/v1/logs/../logs/nothing',
        '*',
        '/',
      ])
        assert.match(await raw(line(`GET ${target}`)), /^HTTP\/1\.1 4\d\d /, target)
      assert.match(await raw(line('TRACE /api/v1/logs/audit')), /^HTTP\/1\.1 400 /)
      assert.match(
        await raw(line('GET /api/v1/logs/audit', 'X-A: \xe9\xff\r\nHost: y\r\n')),
        /^HTTP\/1\.1 [24]\d\d /,
      )
      assert.match(
        await raw(
          `GET /api/v1/logs/audit HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer \xe9\xe8\r\n\r\n`,
        ),
        /^HTTP\/1\.1 401 /,
      )
      assert.match(
        await raw(line('GET /api/v1/logs/audit?actor=%0d%0aSet-Cookie:%20x=1')),
        /^HTTP\/1\.1 422 [\s\S]*\r\n\r\n/,
      )
      assert.doesNotMatch(
        await raw(line('GET /api/v1/logs/audit?actor=%0d%0aSet-Cookie:%20x=1')),
        /^set-cookie/im,
      )
    })

    async function tailWhenFree(signal: AbortSignal): Promise<Response> {
      const url = `${served.origin}/api/v1/logs/tail`
      for (const deadline = performance.now() + 60_000; ; await sleep(10)) {
        const response = await fetch(url, { headers: { authorization: `Bearer ${token}` }, signal })
        if (response.status === 200) return response
        await response.body?.cancel()
        assert.ok(performance.now() < deadline, 'the places were not given back')
      }
    }

    test('tails have a bounded number of places and are given back when clients go', async () => {
      const url = `${served.origin}/api/v1/logs/tail`
      const headers = { authorization: `Bearer ${token}` }
      const clients = [new AbortController(), new AbortController()]
      for (const client of clients)
        assert.equal((await fetch(url, { headers, signal: client.signal })).status, 200)
      assert.equal((await fetch(url, { headers })).status, 503)
      for (const client of clients) client.abort()
      const again = new AbortController()
      await tailWhenFree(again.signal)
      again.abort()
    })

    test('an idle tail says that it is there, and names its place', async () => {
      const client = new AbortController()
      // The clients of the test before have gone; the server hears of it in its own time.
      const response = await tailWhenFree(client.signal)
      let text = ''
      for await (const chunk of response.body ?? []) {
        text += Buffer.from(chunk).toString()
        if (text.includes(': still here')) break
      }
      assert.match(
        text,
        /^retry: \d+\n: following\n\n(?:[\s\S]*\n)?id: [A-Za-z0-9_-]+\n\n[\s\S]*: still here\n\n/,
      )
      assert.equal(response.headers.get('content-type'), 'text/event-stream; charset=utf-8')
      client.abort()
    })

    test('a tail ends when its time is up', async () => {
      const short = await serveOn(nodeReader(reader, { token, tailLifetimeMsMax: 30 }))
      const response = await fetch(`${short.origin}/tail`, { headers: { authorization: `Bearer ${token}` } })
      assert.match(await response.text(), /^retry: /)
      await short.close()
    })
  })
})
