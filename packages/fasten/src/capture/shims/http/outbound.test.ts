// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { once } from 'node:events'
import {
  createServer,
  request as httpRequest,
  type IncomingHttpHeaders,
  type RequestOptions,
} from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { mkdtemp, rm } from 'node:fs/promises'
import { after, before, describe, test } from 'node:test'
import { Agent, interceptors, request as undiciRequest } from 'undici'
import { runWithContext } from '../../context.ts'
import { listening } from './fixtures/capture-view.ts'
import { createHttpShim } from './options.ts'
import {
  instrumentFetch,
  instrumentHttp,
  propagationHeaders,
  undiciInterceptor,
  type HostRule,
} from './outbound.ts'
import { withRequest } from './with-request.ts'

const shim = createHttpShim({ fasten: () => undefined })
const trace = '4bf92f3577b34da6a3ce929d0e0e4736'
const inbound = {
  'x-request-id': 'out-1',
  traceparent: `00-${trace}-00f067aa0ba902b7-01`,
  tracestate: 'vendor=1',
}

/** Runs `work` as one request that came in with these headers. */
const within = <T>(work: () => Promise<T>, headers: Record<string, string> = inbound): Promise<T> =>
  withRequest(shim, { method: 'GET', target: '/', headers }, work)

test('baggage goes along as it came, with or without a trace', async () => {
  const told = async (headers: Record<string, string>): Promise<unknown> =>
    within(async () => propagationHeaders()['baggage'], headers)
  assert.equal(await told({ ...inbound, baggage: 'shop=7;p=1,region=eu' }), 'shop=7;p=1,region=eu')
  assert.equal(await told({ baggage: 'shop=7' }), 'shop=7')
  assert.equal(await told({ baggage: 'no list' }), undefined)
})

describe('outbound propagation', () => {
  const heard: IncomingHttpHeaders[] = []
  let port = 0
  let otherPort = 0
  let close: (() => Promise<void>)[] = []

  before(async () => {
    const servers = await Promise.all(
      [0, 1].map(() =>
        listening(
          createServer((req, res) => {
            heard.push(req.headers)
            const [, to] = /^\/redirect\/(\d+)/.exec(req.url ?? '') ?? []
            if (to === undefined) res.end('heard')
            else res.writeHead(302, { location: `http://127.0.0.1:${to}/landed` }).end()
          }),
        ),
      ),
    )
    ;[port = 0, otherPort = 0] = servers.map((server) => server.port)
    close = servers.map((server) => server.close)
  })
  after(() => Promise.all(close.map((closing) => closing())))

  /** What the servers heard of the ids while `work` ran. */
  const told = async (work: () => Promise<unknown>): Promise<unknown[]> => {
    heard.length = 0
    await work()
    return heard.map((headers) => headers['x-request-id'])
  }
  const url = (path = '/'): string => `http://127.0.0.1:${port}${path}`
  const get = (options: RequestOptions): Promise<void> =>
    new Promise((resolve, reject) => {
      httpRequest({ host: '127.0.0.1', port, ...options }, (answer) => answer.resume().once('end', resolve))
        .once('error', reject)
        .end()
    })

  test('the headers name the request and our span in its trace', async () => {
    assert.deepEqual(propagationHeaders(), {})
    const headers = await within(async () => propagationHeaders())
    assert.match(
      headers['traceparent'] ?? '',
      new RegExp(`^00-${trace}-(?!00f067aa0ba902b7)[0-9a-f]{16}-01$`),
    )
    assert.deepEqual(
      { ...headers, traceparent: '' },
      { 'x-request-id': 'out-1', traceparent: '', tracestate: 'vendor=1' },
    )
    assert.deepEqual(
      runWithContext({ request_id: 'bg-svc-1' }, () => propagationHeaders('x-cid')),
      { 'x-cid': 'bg-svc-1' },
    )
  })

  test('a request that came without a trace gets one with its first call, for good', async () => {
    const [one, two] = await within(async () => [propagationHeaders(), propagationHeaders()], {})
    assert.match(one?.['traceparent'] ?? '', /^00-[0-9a-f]{32}-[0-9a-f]{16}-03$/)
    assert.equal(one?.['traceparent'], two?.['traceparent'])
    const never = createHttpShim({ fasten: () => undefined, startTrace: 'never' })
    const none = withRequest(never, { method: 'GET', target: '/', headers: {} }, () => propagationHeaders())
    assert.equal(none['traceparent'], undefined)
  })

  test('fetch: a redirect never carries the ids to a host that was not opted in', async () => {
    const restore = instrumentFetch({ hosts: [`127.0.0.1:${port}`] })
    assert.deepEqual(await told(() => within(() => fetch(url(`/redirect/${otherPort}`)))), [
      'out-1',
      undefined,
    ])
    assert.deepEqual(await told(() => within(() => fetch(url(`/redirect/${port}`)))), ['out-1', 'out-1'])
    restore()
    assert.deepEqual(await told(() => within(() => fetch(url()))), [undefined])
  })

  test('fetch: a header already there is left alone, and nothing is sent outside a request', async () => {
    const restore = instrumentFetch({ hosts: '127.0.0.1' })
    const own = { 'X-Request-ID': 'own', traceparent: 'theirs' }
    assert.deepEqual(await told(() => within(() => fetch(url(), { headers: own }))), ['own'])
    assert.deepEqual([heard[0]?.['traceparent'], heard[0]?.['tracestate']], ['theirs', undefined])
    assert.deepEqual(await told(() => fetch(url())), [undefined])
    assert.deepEqual(
      await told(() => within(() => fetch(new Request(url(), { method: 'POST', body: 'x' })))),
      ['out-1'],
    )
    restore()
  })

  test('undici installed by the application is told of by the same channel', async () => {
    const restore = instrumentFetch({ hosts: '127.0.0.1' })
    assert.deepEqual(await told(() => within(async () => (await undiciRequest(url())).body.dump())), [
      'out-1',
    ])
    restore()
  })

  test('an undici interceptor tells one dispatcher, with every form of headers', async () => {
    const dispatcher = new Agent().compose(undiciInterceptor({ hosts: `127.0.0.1:${port}` }))
    for (const headers of [null, { 'x-app': '1' }, ['x-app', '1'], new Map([['x-app', '1']])]) {
      assert.deepEqual(
        await told(() =>
          within(async () => (await undiciRequest(url(), { dispatcher, headers })).body.dump()),
        ),
        ['out-1'],
      )
      assert.equal(heard[0]?.['x-app'], headers === null ? undefined : '1')
    }
    const own = { 'x-request-ID': 'own' }
    assert.deepEqual(
      await told(() =>
        within(async () => (await undiciRequest(url(), { dispatcher, headers: own })).body.dump()),
      ),
      ['own'],
    )
    const other = `http://127.0.0.1:${otherPort}/`
    assert.deepEqual(
      await told(() => within(async () => (await undiciRequest(other, { dispatcher })).body.dump())),
      [undefined],
    )
    const redirecting = new Agent().compose(
      undiciInterceptor({ hosts: `127.0.0.1:${port}` }),
      interceptors.redirect({ maxRedirections: 1 }),
    )
    assert.deepEqual(
      await told(() =>
        within(async () =>
          (await undiciRequest(url(`/redirect/${otherPort}`), { dispatcher: redirecting })).body.dump(),
        ),
      ),
      ['out-1', undefined],
    )
    await dispatcher.close()
    await redirecting.close()
  })

  test('node:http clients are told, whatever form their headers have, unless the head is written already', async () => {
    const restore = instrumentHttp({ hosts: `127.0.0.1:${port}` })
    assert.deepEqual(await told(() => within(() => get({ headers: { 'x-app': '1' } }))), ['out-1'])
    assert.deepEqual([heard[0]?.['x-app'], heard[0]?.['tracestate']], ['1', 'vendor=1'])
    assert.deepEqual(await told(() => within(() => get({ headers: { 'X-Request-Id': 'own' } }))), ['own'])
    assert.deepEqual(await told(() => within(() => get({ port: otherPort }))), [undefined])
    // Nothing can be added to these any more, and nothing breaks.
    assert.deepEqual(await told(() => within(() => get({ headers: ['x-app', '1', 'host', 'a'] as never }))), [
      undefined,
    ])
    assert.deepEqual(await told(() => get({})), [undefined])
    restore()
    assert.deepEqual(await told(() => within(() => get({}))), [undefined])
  })

  test('a Host header made up by the application opts nobody in', async () => {
    const restore = instrumentHttp({ hosts: ['internal.example', `127.0.0.1:${otherPort}`] })
    assert.deepEqual(await told(() => within(() => get({ headers: { host: 'internal.example' } }))), [
      undefined,
    ])
    assert.deepEqual(
      await told(() => within(() => get({ headers: { host: `127.0.0.1.evil:${otherPort}` } }))),
      [undefined],
    )
    restore()
  })

  test('requests over a Unix socket are left alone', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'fasten-'))
    const socketPath = join(folder, 's')
    const server = createServer((req, res) => res.end(String(req.headers['x-request-id'])))
    server.listen(socketPath)
    await once(server, 'listening')
    const restore = instrumentHttp({ hosts: '*' })
    const body = await within(
      () =>
        new Promise<string>((resolve, reject) => {
          httpRequest({ socketPath }, (answer) =>
            answer.once('data', (chunk: Buffer) => resolve(chunk.toString())),
          )
            .once('error', reject)
            .end()
        }),
    )
    restore()
    server.closeAllConnections()
    server.close()
    await rm(folder, { recursive: true })
    assert.equal(body, 'undefined')
  })

  test('hosts are judged whole', async () => {
    const isTold = async (hosts: HostRule | readonly HostRule[], origin: string): Promise<boolean> => {
      let names: string[] = []
      const dispatch = undiciInterceptor({ hosts })((options: {
        origin: string
        headers?: readonly string[]
      }) => {
        names = [...(options.headers ?? [])]
        return true
      })
      await within(async () => dispatch({ origin }))
      return names.includes('x-request-id')
    }
    const cases: readonly (readonly [rule: HostRule, origin: string, isTold: boolean])[] = [
      ['api.example.com', 'https://api.example.com', true],
      ['API.example.com', 'https://api.EXAMPLE.com.', true],
      ['api.example.com', 'https://api.example.com:8443', true],
      ['api.example.com:443', 'https://api.example.com', true],
      ['api.example.com:443', 'http://api.example.com', false],
      ['api.example.com', 'https://api.example.com.evil.test', false],
      ['api.example.com', 'https://evilapi.example.com', false],
      ['*.example.com', 'https://a.b.example.com', true],
      ['*.example.com', 'https://example.com', false],
      ['*.example.com', 'https://badexample.com', false],
      ['*', 'https://anything.test', true],
      ['*:8080', 'http://anything.test:8080', true],
      ['[::1]:3000', 'http://[::1]:3000', true],
      ['localhost', 'http://user@localhost:1', true],
      [/^internal-\d+:80$/g, 'http://internal-7', true],
      [/^internal-\d+:80$/g, 'http://internal-x', false],
      [(asked) => asked.port === '9', 'http://a:9', true],
      ['api.example.com', 'not a url', false],
    ]
    for (const [rule, origin, expected] of cases)
      assert.equal(await isTold(rule, origin), expected, `${String(rule)} ${origin}`)
    assert.equal(await isTold(['a.test', 'b.test'], 'http://b.test'), true)
  })

  test('wrong rules are refused by name, and a rule that throws tells nobody', async () => {
    for (const hosts of [
      undefined,
      null,
      5,
      '',
      'http://example.com',
      'exa mple.com',
      ['ok.test', 'a/b'],
      '*.',
      'a*b.com',
    ])
      assert.throws(
        () => instrumentFetch({ hosts: hosts as never }),
        { name: 'TypeError', message: /^hosts: / },
        String(hosts),
      )
    assert.throws(() => instrumentHttp({ hosts: '*', requestIdHeader: 'bad name' }), {
      name: 'TypeError',
      message: /^requestIdHeader: /,
    })
    assert.throws(() => undiciInterceptor(undefined as never), { name: 'TypeError', message: /^hosts: / })
    const printers = process.listeners('warning')
    process.removeAllListeners('warning')
    const warned = once(process, 'warning')
    const restore = instrumentFetch({
      hosts: () => {
        throw new RangeError('rule')
      },
    })
    assert.deepEqual(await told(() => within(() => fetch(url()))), [undefined])
    restore()
    assert.match(String((await warned)[0]), /RangeError: rule/)
    for (const printer of printers) process.on('warning', printer)
  })
})
