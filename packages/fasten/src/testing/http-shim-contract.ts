// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { sentinelKinds } from '../core/ids.ts'
import { readJson } from '../core/read-json.ts'
import { ask, dial, parseAnswers, requestText } from './http-client.ts'
import { routesOf, type CaptureView, type ContextView, type ShimRoute } from './http-shim-routes.ts'

/** One api row as the shim handed it over, with the context it was handed over in. */
export interface RecordedAccess {
  readonly method: string
  readonly path: string
  readonly route?: string
  readonly status: number
  readonly duration_us: number
  readonly bytes_in?: number
  readonly bytes_out?: number
  readonly actor?: string
  readonly source?: { readonly ip?: string; readonly user_agent?: string }
  readonly error?: string
  readonly context: ContextView | undefined
}

/** What the suite asks of the shim's options; every framework's options have these. */
export interface ShimSetup {
  readonly fasten:
    | { recordApi(input: Omit<RecordedAccess, 'context'>): void; mintID(): string }
    | (() => undefined)
  readonly skip?: readonly (string | RegExp | ((access: { readonly path: string }) => boolean))[]
  readonly trustProxy?: boolean | number | readonly string[]
  readonly actor?: (request: object) => string | undefined
  readonly echo?: boolean
}

/** One framework with the shim wired in as its users would. */
export interface HttpShimHarness {
  readonly name: string
  /** False where nothing matches routes (a bare server). */
  readonly hasRoutes: boolean
  /** False where the shim cannot see a body that comes without a length. */
  readonly seesBodies: boolean
  /** Starts a real server on 127.0.0.1. An error a handler throws is answered with 500, as the framework does it. */
  start(
    setup: ShimSetup,
    routes: readonly ShimRoute[],
  ): Promise<{ readonly port: number; close(): Promise<void> }>
}

/** How many requests are in the air together in the case about mixing them up. */
const interleavedRequests = 5000
const interleavedSockets = 50

/**
 * What every HTTP shim promises, asked of a real server with real sockets: one id per request, taken or minted; a context
 * that holds through everything a handler does; exactly one row per request however it ends.
 */
export function describeHttpShim(
  harness: HttpShimHarness,
  capture: CaptureView,
  skips: Readonly<Record<string, string>> = {},
): void {
  interface Bench {
    readonly port: number
    readonly rows: RecordedAccess[]
    /** What handlers saw of their contexts, in order. */
    readonly seen: (ContextView | undefined)[]
    /** The rows so far, once there are `count` of them, and after one more request none but its own. */
    rowsOf(count: number): Promise<readonly RecordedAccess[]>
  }

  const it = (
    title: string,
    work: (bench: Bench) => Promise<void>,
    setup: Omit<ShimSetup, 'fasten'> = {},
  ): void => {
    test(title, { skip: skips[title] ?? false, timeout: 600_000 }, async () => {
      const rows: RecordedAccess[] = []
      const seen: (ContextView | undefined)[] = []
      const fasten = createRecorder(capture, rows)
      const server = await harness.start({ ...setup, fasten }, routesOf(capture, seen))
      const rowsOf = async (count: number): Promise<readonly RecordedAccess[]> => {
        await untilTrue(() => rows.length >= count)
        await ask(server.port, { path: '/last' })
        await untilTrue(() => rows.some(({ path }) => path === '/last'))
        const own = rows.filter(({ path }) => path !== '/last')
        if (own.length !== count) assert.fail(`${count} rows were expected: ${JSON.stringify(own)}`)
        rows.length = 0
        return own
      }
      try {
        await work({ port: server.port, rows, seen, rowsOf })
      } finally {
        await server.close()
      }
    })
  }

  const routeIfAny = (route: string): { route?: string } => (harness.hasRoutes ? { route } : {})

  describe(`http shim contract: ${harness.name}`, () => {
    it('an id is minted, seen by the handler, named in the answer and kept in the row', async ({
      port,
      seen,
      rowsOf,
    }) => {
      const answer = await ask(port, { path: '/items/42?secret=1', headers: ['user-agent: probe/1'] })
      const [row] = await rowsOf(1)
      const id = answer.headers['x-request-id'] ?? ''
      assert.match(id, /^[0-9a-f]{12}$/)
      assert.deepEqual([answer.status, readJson(answer.body)], [200, { id: '42', request_id: id }])
      const source = { ip: '127.0.0.1', user_agent: 'probe/1' }
      assert.deepEqual({ ...seen[0] }, { ...seen[0], request_id: id, method: 'http', source })
      assert.ok(row !== undefined && Number.isInteger(row.duration_us) && row.duration_us > 0)
      assert.equal(row.context?.request_id, id)
      assert.deepEqual(
        { ...row, context: undefined, duration_us: 0 },
        {
          method: 'GET',
          path: '/items/42',
          ...routeIfAny('/items/:id'),
          status: 200,
          duration_us: 0,
          bytes_out: answer.body.length,
          source,
          context: undefined,
        },
      )
    })

    it('an id of the allowed alphabet is honoured', async ({ port, seen, rowsOf }) => {
      for (const id of ['a', 'Req_1.2:3-4', 'x'.repeat(128), 'bootleg', '0'])
        assert.equal(
          (await ask(port, { path: '/items/1', headers: [`x-request-id: ${id}`] })).headers['x-request-id'],
          id,
        )
      const rows = await rowsOf(5)
      assert.deepEqual(
        rows.map(({ context }) => context?.request_id),
        seen.map((context) => context?.request_id),
      )
      assert.deepEqual(
        rows.map(({ context }) => context?.request_id),
        ['a', 'Req_1.2:3-4', 'x'.repeat(128), 'bootleg', '0'],
      )
    })

    it('a hostile id is replaced and kept as evidence', async ({ port, seen, rowsOf }) => {
      const hostile: readonly (readonly [sent: string, kept: string])[] = [
        ['x'.repeat(129), 'x'.repeat(128)],
        ['has space', 'has space'],
        ['line%0d%0abreak', 'line%0d%0abreak'],
        ['tab\there', 'tab\\u{9}here'],
        ['{"level":"error"}', '{"level":"error"}'],
        ['<script>', '<script>'],
        ['caf\u00e9', 'caf\\u{e9}'],
        ['\u00f0\u009f\u009a\u00b2', '\\u{f0}\\u{9f}\\u{9a}\\u{b2}'],
        ['../../etc/passwd', '../../etc/passwd'],
        ...sentinelKinds.map((kind) => [`${kind}-svc-0123456789ab`, `${kind}-svc-0123456789ab`] as const),
      ]
      for (const [sent] of hostile) {
        const { status, headers } = await ask(port, { path: '/items/1', headers: [`x-request-id: ${sent}`] })
        assert.equal(status, 200, sent)
        assert.match(headers['x-request-id'] ?? '', /^[0-9a-f]{12}$/, sent)
      }
      await ask(port, { path: '/items/1', headers: ['x-request-id: one', 'x-request-id: two'] })
      const rows = await rowsOf(hostile.length + 1)
      const kept = [...hostile.map(([, text]) => text), 'one, two']
      assert.deepEqual(
        rows.map(({ context }) => context?.inbound_request_id),
        kept,
      )
      assert.deepEqual(
        seen.map((context) => context?.inbound_request_id),
        kept,
      )
    })

    it('an id that would break the head never reaches a handler, or not as it was', async ({
      port,
      seen,
    }) => {
      for (const line of [
        'x-request-id: a\r\n b',
        'x-request-id: a\rb',
        'x-request-id: a\u0000b',
        'x-request-id: a\nx-evil: 1',
      ]) {
        const socket = await dial(port)
        socket.write(requestText({ path: '/items/1', headers: [line, 'connection: close'] }), 'latin1')
        const chunks: Buffer[] = []
        socket.on('data', (chunk) => chunks.push(chunk))
        await once(socket, 'close')
        assert.doesNotMatch(Buffer.concat(chunks).toString('latin1').split('\r\n\r\n')[0] ?? '', /x-evil/i)
      }
      for (const context of seen) assert.match(context?.request_id ?? '', /^[A-Za-z0-9._:-]{1,128}$/)
    })

    it('a valid traceparent is continued with a span of our own', async ({ port, rowsOf }) => {
      const trace = '4bf92f3577b34da6a3ce929d0e0e4736'
      const parent = '00f067aa0ba902b7'
      const valid = [
        `00-${trace}-${parent}-01`,
        `00-${trace}-${parent}-00`,
        `cc-${trace}-${parent}-01`,
        `01-${trace}-${parent}-01-and-what-comes-next`,
      ]
      for (const traceparent of valid)
        await ask(port, { path: '/items/1', headers: [`traceparent: ${traceparent}`] })
      const rows = await rowsOf(valid.length)
      assert.deepEqual(
        rows.map(({ context }) => context?.trace_id),
        valid.map(() => trace),
      )
      const spans = rows.map(({ context }) => context?.span_id ?? '')
      for (const span of spans) assert.match(span, /^[0-9a-f]{16}$/)
      assert.equal(new Set([...spans, parent]).size, valid.length + 1)
    })

    it('a broken traceparent is not continued', async ({ port, rowsOf }) => {
      const trace = '4bf92f3577b34da6a3ce929d0e0e4736'
      const parent = '00f067aa0ba902b7'
      const broken = [
        `ff-${trace}-${parent}-01`,
        `00-${trace.toUpperCase()}-${parent}-01`,
        `00-${'0'.repeat(32)}-${parent}-01`,
        `00-${trace}-${'0'.repeat(16)}-01`,
        `00-${trace}-${parent}-01-more`,
        `01-${trace}-${parent}-01.more`,
        `00-${trace}-${parent}`,
        `${trace}-${parent}`,
        'x'.repeat(55),
      ]
      for (const traceparent of broken)
        await ask(port, { path: '/items/1', headers: [`traceparent: ${traceparent}`] })
      await ask(port, {
        path: '/items/1',
        headers: [`traceparent: 00-${trace}-${parent}-01`, `traceparent: 00-${trace}-${parent}-01`],
      })
      for (const { context } of await rowsOf(broken.length + 1))
        assert.deepEqual([context?.trace_id, context?.span_id], [undefined, undefined])
    })

    it('one row for every tidy ending: found, missing, empty, unchanged, asked for the head only', async ({
      port,
      rowsOf,
    }) => {
      await ask(port, { path: '/items/7' })
      await ask(port, { path: '/nowhere/else' })
      await ask(port, { path: '/empty' })
      await ask(port, { path: '/unchanged' })
      await ask(port, { path: '/items/7', method: 'HEAD' })
      await ask(port, { path: '/teapot' })
      const rows = await rowsOf(6)
      assert.deepEqual(
        // Some frameworks answer what is missing by throwing.
        rows.map(({ method, path, route, status, error }) => ({
          method,
          path,
          status,
          error: status === 404 ? undefined : error,
          ...(route === undefined ? {} : { route }),
        })),
        [
          { method: 'GET', path: '/items/7', status: 200, error: undefined, ...routeIfAny('/items/:id') },
          { method: 'GET', path: '/nowhere/else', status: 404, error: undefined },
          { method: 'GET', path: '/empty', status: 204, error: undefined, ...routeIfAny('/empty') },
          { method: 'GET', path: '/unchanged', status: 304, error: undefined, ...routeIfAny('/unchanged') },
          { method: 'HEAD', path: '/items/7', status: 200, error: undefined, ...routeIfAny('/items/:id') },
          { method: 'GET', path: '/teapot', status: 418, error: undefined, ...routeIfAny('/teapot') },
        ],
      )
      assert.deepEqual(
        [2, 3, 4].map((place) => rows[place]?.bytes_out),
        [0, 0, 0],
      )
    })

    it('one row when the handler throws, at once or later, with the class of the error', async ({
      port,
      rowsOf,
    }) => {
      assert.equal((await ask(port, { path: '/throw/now' })).status, 500)
      assert.equal((await ask(port, { path: '/throw/later' })).status, 500)
      assert.deepEqual(
        (await rowsOf(2)).map(({ path, status, error }) => ({ path, status, error })),
        [
          { path: '/throw/now', status: 500, error: 'RangeError' },
          { path: '/throw/later', status: 500, error: 'OutOfStock' },
        ],
      )
    })

    it('one row when the reply streams, written when the stream ends', async ({ port, rows, rowsOf }) => {
      const socket = await dial(port)
      socket.write(requestText({ path: '/stream/3', headers: ['connection: close'] }))
      await once(socket, 'data')
      assert.equal(rows.length, 0)
      const chunks: Buffer[] = []
      socket.on('data', (chunk) => chunks.push(chunk))
      await once(socket, 'close')
      const [row] = await rowsOf(1)
      assert.deepEqual(
        [row?.status, row?.error, row?.bytes_out],
        [200, undefined, 'part 0;part 1;part 2;'.length],
      )
    })

    it('one row when the client leaves before an answer', async ({ port, seen, rowsOf }) => {
      for (const leave of ['end', 'resetAndDestroy'] as const) {
        const before = seen.length
        const socket = await dial(port)
        socket.write(requestText({ path: '/hang' }))
        await untilTrue(() => seen.length > before)
        socket[leave]()
        await once(socket, 'close')
      }
      const rows = await rowsOf(2)
      assert.deepEqual(
        rows.map(({ status, error }) => ({ status, error })),
        [
          { status: 499, error: 'aborted' },
          { status: 499, error: 'aborted' },
        ],
      )
      assert.deepEqual(
        rows.map(({ context }) => context?.request_id),
        seen.map((context) => context?.request_id),
      )
    })

    it('one row when the client leaves in the middle of the reply, with the status it was sent', async ({
      port,
      rowsOf,
    }) => {
      const socket = await dial(port)
      socket.write(requestText({ path: '/stream/1000000' }))
      await once(socket, 'data')
      socket.resetAndDestroy()
      assert.deepEqual(
        (await rowsOf(1)).map(({ status, error }) => ({ status, error })),
        [{ status: 200, error: 'aborted' }],
      )
    })

    it('one row when the client leaves in the middle of its own body', async ({ port, seen, rowsOf }) => {
      const socket = await dial(port)
      socket.write(
        requestText({
          method: 'POST',
          path: '/echo',
          headers: ['content-type: text/plain', 'content-length: 100', 'expect: 100-continue'],
          body: 'ab',
        }),
      )
      // A reset may overtake what was written before it: the server says that it has begun to read.
      await once(socket, 'data')
      socket.resetAndDestroy()
      const [row] = await rowsOf(1)
      assert.ok(row !== undefined && seen.length <= 2)
      assert.ok(row.status >= 400, `${row.status}`)
    })

    it('one row when the server hangs up without an answer', async ({ port, rowsOf }) => {
      const socket = await dial(port)
      socket.write(requestText({ path: '/hang-up' }))
      await once(socket, 'close')
      assert.deepEqual(
        (await rowsOf(1)).map(({ status, error }) => ({ status, error })),
        [{ status: 500, error: 'destroyed' }],
      )
    })

    it('bodies are counted, and their events keep the context', async ({ port, rowsOf }) => {
      const body = 'h\u00e9llo'.repeat(3000)
      const text = Buffer.from(body, 'latin1').toString('utf8')
      const plain = await ask(port, {
        method: 'POST',
        path: '/echo',
        headers: ['content-type: text/plain'],
        body,
      })
      const chunked = await ask(port, {
        method: 'POST',
        path: '/echo',
        headers: ['content-type: text/plain', 'transfer-encoding: chunked'],
        body: '5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n',
      })
      const rows = await rowsOf(2)
      assert.deepEqual(readJson(plain.body), {
        length: text.length,
        ids: Array(5).fill(plain.headers['x-request-id']),
      })
      assert.deepEqual(readJson(chunked.body), {
        length: 11,
        ids: Array(5).fill(chunked.headers['x-request-id']),
      })
      assert.deepEqual(
        rows.map(({ bytes_in }) => bytes_in),
        [body.length, harness.seesBodies ? 11 : undefined],
      )
    })

    it('requests written together on one socket are answered and recorded each on its own', async ({
      port,
      rowsOf,
    }) => {
      const socket = await dial(port)
      const paths = ['/items/1', '/slow/2', '/items/3', '/slow/4']
      let text = ''
      socket.on('data', (chunk) => (text += chunk.toString()))
      socket.write(
        paths.map((path, place) => requestText({ path, headers: [`x-request-id: p${place}`] })).join(''),
      )
      await untilTrue(() => parseAnswers(text).length === paths.length)
      socket.end()
      assert.deepEqual(
        parseAnswers(text).map(({ headers }) => headers['x-request-id']),
        ['p0', 'p1', 'p2', 'p3'],
      )
      const rows = (await rowsOf(paths.length)).map(({ path, context }) => [path, context?.request_id])
      assert.deepEqual(rows.sort(), paths.map((path, place) => [path, `p${place}`]).sort())
    })

    it('one row for each request left on a socket that is cut', async ({ port, seen, rowsOf }) => {
      const socket = await dial(port)
      socket.write([1, 2, 3].map(() => requestText({ path: '/hang' })).join(''))
      await untilTrue(() => seen.length === 3)
      socket.destroy()
      assert.deepEqual(
        (await rowsOf(3)).map(({ status }) => status),
        [499, 499, 499],
      )
    })

    it('a body waited for with 100-continue is one request', async ({ port, rowsOf }) => {
      const socket = await dial(port)
      socket.write(
        'POST /echo HTTP/1.1\r\nhost: localhost\r\ncontent-type: text/plain\r\nexpect: 100-continue\r\ncontent-length: 5\r\nconnection: close\r\n\r\n',
      )
      const [first] = (await once(socket, 'data')) as [Buffer]
      assert.match(first.toString(), /^HTTP\/1\.1 100 /)
      let text = ''
      socket.on('data', (chunk) => (text += chunk.toString()))
      socket.write('hello')
      await once(socket, 'close')
      assert.match(text, /"length":5/)
      assert.deepEqual(
        (await rowsOf(1)).map(({ status, bytes_in }) => ({ status, bytes_in })),
        [{ status: 200, bytes_in: 5 }],
      )
    })

    it(
      'skipped accesses leave no row and keep their id',
      async ({ port, seen, rowsOf }) => {
        for (const path of ['/health', '/assets/app.js', '/assets/deep/app.css', '/items/9', '/teapot'])
          assert.match((await ask(port, { path })).headers['x-request-id'] ?? '', /^[0-9a-f]{12}$/)
        assert.deepEqual(
          (await rowsOf(1)).map(({ path }) => path),
          ['/items/9'],
        )
        assert.ok(seen.every((context) => context !== undefined))
      },
      { skip: ['/health', '/assets/*.js', /\.css$/g, ({ path }) => path === '/teapot'] },
    )

    it('the client cannot name its own address', async ({ port, rowsOf }) => {
      const headers = ['x-forwarded-for: 203.0.113.9', 'forwarded: for=203.0.113.9', 'x-real-ip: 203.0.113.9']
      await ask(port, { path: '/items/1', headers })
      assert.equal((await rowsOf(1))[0]?.source?.ip, '127.0.0.1')
    })

    it(
      'behind a trusted proxy its word counts, and only its',
      async ({ port, rowsOf }) => {
        await ask(port, { path: '/items/1', headers: ['x-forwarded-for: 1.1.1.1, 203.0.113.9, 10.0.0.7'] })
        await ask(port, { path: '/items/1', headers: ['forwarded: for=203.0.113.9'] })
        assert.deepEqual(
          (await rowsOf(2)).map(({ source }) => source?.ip),
          ['203.0.113.9', '127.0.0.1'],
        )
      },
      { trustProxy: ['loopback', '10.0.0.0/8'] },
    )

    it('an actor named by a handler is in the context from then on and in the row', async ({
      port,
      rowsOf,
    }) => {
      const answer = await ask(port, { path: '/login/alice' })
      assert.deepEqual(readJson(answer.body), { before: null, after: 'alice', later: 'alice' })
      assert.equal((await rowsOf(1))[0]?.actor, 'alice')
    })

    it(
      'an actor hook is asked with the request, after the handler knew more',
      async ({ port, rowsOf }) => {
        await ask(port, { path: '/items/1' })
        await ask(port, { path: '/login/bob' })
        assert.deepEqual(
          (await rowsOf(2)).map(({ actor }) => actor),
          ['from the hook', 'bob'],
        )
      },
      { actor: (request: object) => (typeof request === 'object' ? 'from the hook' : undefined) },
    )

    it('timers, promises and streams keep the context', async ({ port }) => {
      const answer = await ask(port, { path: '/everywhere' })
      const ids = readJson(answer.body) as Record<string, string | null>
      for (const [place, id] of Object.entries(ids)) assert.equal(id, answer.headers['x-request-id'], place)
      const stream = await ask(port, { path: '/stream-ids' })
      assert.deepEqual(new Set(stream.body.trim().split('\n')), new Set([stream.headers['x-request-id']]))
    })

    it(`${interleavedRequests} requests in the air together keep their ids apart`, async ({
      port,
      rowsOf,
    }) => {
      const per = interleavedRequests / interleavedSockets
      await Promise.all(
        Array.from({ length: interleavedSockets }, async (_, line) => {
          const socket = await dial(port)
          let text = ''
          let onAnswer = (): void => undefined
          socket.on('data', (chunk) => {
            text += chunk.toString()
            onAnswer()
          })
          for (let turn = 0; turn < per; turn++) {
            const id = `line-${line}-turn-${turn}`
            const isPost = turn % 3 === 0
            const head = requestText({
              method: isPost ? 'POST' : 'GET',
              path: isPost ? '/echo' : turn % 3 === 1 ? '/slow/1' : '/items/1',
              headers: [
                `x-request-id: ${id}`,
                ...(isPost ? ['content-type: text/plain', 'content-length: 6'] : []),
              ],
            })
            const answered = new Promise<void>((resolve) => {
              onAnswer = () => {
                if (parseAnswers(text).length > 0) resolve()
              }
            })
            socket.write(head)
            if (isPost) {
              // Two packets, so that the body's events come after the head's.
              await new Promise((resolve) => setImmediate(resolve))
              socket.write('abcdef')
            }
            await answered
            const [answer] = parseAnswers(text)
            text = ''
            assert.equal(answer?.headers['x-request-id'], id)
            const body = readJson(answer.body) as { request_id?: string; ids?: string[] }
            assert.deepEqual(new Set(body.ids ?? [body.request_id]), new Set([id]))
          }
          socket.destroy()
        }),
      )
      const rows = await rowsOf(interleavedRequests)
      const ids = new Set(rows.map(({ context }) => context?.request_id))
      assert.equal(ids.size, interleavedRequests)
      for (const { status } of rows) assert.equal(status, 200)
    })

    it('calls to opted-in hosts carry the ids, others none', async ({ port, rowsOf }) => {
      const upstream = await startUpstream()
      const restore = [
        capture.instrumentFetch({ hosts: [`127.0.0.1:${upstream.port}`] }),
        capture.instrumentHttp({ hosts: [`127.0.0.1:${upstream.port}`] }),
      ]
      try {
        const trace = '4bf92f3577b34da6a3ce929d0e0e4736'
        const headers = [
          'x-request-id: outward-1',
          `traceparent: 00-${trace}-00f067aa0ba902b7-01`,
          'tracestate: vendor=1',
        ]
        for (const kind of ['fetch', 'http']) {
          await ask(port, { path: `/call/${kind}/${upstream.port}`, headers })
          await ask(port, { path: `/call/${kind}/${upstream.otherPort}`, headers })
        }
        const rows = await rowsOf(4)
        const carried = upstream.heard.map((heard) => [
          heard['x-request-id'],
          heard['traceparent'],
          heard['tracestate'],
        ])
        assert.deepEqual(carried, [
          ['outward-1', `00-${trace}-${rows[0]?.context?.span_id}-01`, 'vendor=1'],
          [undefined, undefined, undefined],
          ['outward-1', `00-${trace}-${rows[2]?.context?.span_id}-01`, 'vendor=1'],
          [undefined, undefined, undefined],
        ])
      } finally {
        for (const undo of restore) undo()
        await upstream.close()
      }
    })

    test(
      'without an instance there is a context and no row',
      { skip: skips['without an instance'] ?? false },
      async () => {
        const seen: (ContextView | undefined)[] = []
        const server = await harness.start({ fasten: () => undefined }, routesOf(capture, seen))
        const answer = await ask(server.port, { path: '/items/1' })
        await server.close()
        assert.match(seen[0]?.request_id ?? '', /^[0-9a-f]{12}$/)
        assert.equal(answer.headers['x-request-id'], seen[0]?.request_id)
      },
    )
  })
}

/** A small but real recorder: it keeps what it is given, with the context it was given it in. */
export function createRecorder(
  capture: Pick<CaptureView, 'currentContext'>,
  rows: RecordedAccess[],
): { recordApi(input: Omit<RecordedAccess, 'context'>): void; mintID(): string } {
  let minted = 0
  return {
    recordApi(input) {
      const context = capture.currentContext()
      rows.push({ ...input, context: context === undefined ? undefined : { ...context } })
    },
    mintID: () => (minted++).toString(16).padStart(12, '0'),
  }
}

/** Asks again and again, since rows are written a turn after the client has its answer; the test's own timeout bounds it. */
export async function untilTrue(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await sleep(2)
}

interface Upstream {
  readonly port: number
  readonly otherPort: number
  readonly heard: IncomingHttpHeaders[]
  close(): Promise<void>
}

async function startUpstream(): Promise<Upstream> {
  const heard: IncomingHttpHeaders[] = []
  const servers = await Promise.all(
    [0, 1].map(async () => {
      const server = createServer((req, res) => {
        heard.push(req.headers)
        res.end('heard')
      })
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      return server
    }),
  )
  const [port = 0, otherPort = 0] = servers.map((server) => (server.address() as AddressInfo).port)
  return {
    port,
    otherPort,
    heard,
    async close() {
      for (const server of servers) {
        server.closeAllConnections()
        server.close()
        await once(server, 'close')
      }
    },
  }
}
