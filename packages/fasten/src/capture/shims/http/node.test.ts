// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { text as readText } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { ask, closed, dial, requestText } from '../../../testing/http-client.ts'
import { describeHttpShim, untilTrue, type RecordedAccess } from '../../../testing/http-shim-contract.ts'
import type { ShimCall, ShimRoute } from '../../../testing/http-shim-routes.ts'
import { currentRequestID } from '../../context.ts'
import { captureView, listening, readableOf, recording } from './fixtures/capture-view.ts'
import { instrumentServer, wrap } from './node.ts'
import type { HttpOptions } from './options.ts'

/** A bare server's handler over the suite's routes; an application would answer its own errors so. */
function handlerOf(routes: readonly ShimRoute[], read: (req: IncomingMessage) => Promise<string>) {
  return async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const found = match(routes, req)
    if (found === undefined) {
      res.statusCode = 404
      res.end('nothing here')
      return
    }
    const [route, params] = found
    const call: ShimCall = {
      param: (name) => params[name],
      text: () => read(req),
      hangUp: () => void res.destroy(),
    }
    const answer = await route.handle(call)
    res.writeHead(answer.status ?? 200, answer.headers)
    const readable = readableOf(answer)
    if (readable === undefined) res.end(answer.body)
    else await pipeline(readable, res).catch((error: unknown) => assert.ok(res.destroyed, String(error)))
  }
}

function match(
  routes: readonly ShimRoute[],
  req: IncomingMessage,
): [ShimRoute, Record<string, string>] | undefined {
  const path = (req.url ?? '').split('?')[0]?.split('/') ?? []
  for (const route of routes) {
    const pattern = route.path.split('/')
    const isMethod = req.method === route.method || (req.method === 'HEAD' && route.method === 'GET')
    if (!isMethod || pattern.length !== path.length) continue
    if (!pattern.every((part, place) => part.startsWith(':') || part === path[place])) continue
    return [
      route,
      Object.fromEntries(
        pattern.flatMap((part, place) => (part.startsWith(':') ? [[part.slice(1), path[place] ?? '']] : [])),
      ),
    ]
  }
  return undefined
}

/** Body events, the way that loses the context without the shim. */
const byEvents = (req: IncomingMessage): Promise<string> =>
  new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    req.on('data', (chunk: Buffer) => chunks.push(chunk))
    req.on('end', () => resolve(Buffer.concat(chunks).toString()))
    req.on('error', reject)
  })

function answerFailure(res: ServerResponse): void {
  if (res.headersSent) res.destroy()
  else res.writeHead(500).end('failed')
}

describeHttpShim(
  {
    name: 'node:http, wrapped handler',
    hasRoutes: false,
    seesBodies: true,
    start: (setup, routes) => {
      const handler = wrap(handlerOf(routes, byEvents), setup)
      return listening(createServer((req, res) => void handler(req, res).catch(() => answerFailure(res))))
    },
  },
  captureView,
)

describeHttpShim(
  {
    name: 'node:http, instrumented server',
    hasRoutes: false,
    seesBodies: true,
    start: (setup, routes) => {
      const handler = handlerOf(routes, readText)
      const server = createServer((req, res) => void handler(req, res).catch(() => answerFailure(res)))
      instrumentServer(server, setup)
      return listening(server)
    },
  },
  captureView,
  {
    'one row when the handler throws, at once or later, with the class of the error':
      'a rejection inside a listener is not seen from outside it',
  },
)

describe('the node:http shim', { timeout: 600_000 }, () => {
  const instrumented = async (
    handler: (req: IncomingMessage, res: ServerResponse) => void,
    prepare?: (server: Server) => void,
    options: HttpOptions<IncomingMessage> = {},
  ) => {
    const { fasten, rows } = recording()
    const server = createServer(handler)
    const restore = instrumentServer(server, { fasten, ...options })
    prepare?.(server)
    return { ...(await listening(server)), rows, restore, server }
  }
  const byPath = (rows: readonly RecordedAccess[]): unknown[] =>
    rows.map(({ path, status, error }) => [path, status, error]).sort()

  test('what Node.js answers by itself leaves a row as well', async () => {
    const { port, close, rows } = await instrumented(
      (_req, res) => void res.end('ok'),
      (server) => (server.maxRequestsPerSocket = 1),
    )
    const bare = await dial(port)
    bare.write('GET /no-host HTTP/1.1\r\n\r\n')
    await closed(bare)
    await ask(port, { path: '/expectation', headers: ['expect: a-miracle'] })
    const twice = await dial(port)
    twice.write(requestText({ path: '/first' }) + requestText({ path: '/one-too-many' }))
    await untilTrue(() => rows.length === 4)
    twice.destroy()
    await close()
    assert.deepEqual(byPath(rows), [
      ['/expectation', 417, undefined],
      ['/first', 200, undefined],
      ['/no-host', 400, undefined],
      ['/one-too-many', 503, undefined],
    ])
  })

  test('a request that breaks off as HTTP is told from one whose client left', async () => {
    const { port, close, rows } = await instrumented((req) => void req.resume())
    const broken = await dial(port)
    broken.write('POST /broken HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n')
    await sleep(10)
    broken.write('not a chunk\r\n')
    await closed(broken)
    const half = await dial(port)
    half.write('POST /half HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nab')
    await sleep(10)
    half.end()
    await closed(half)
    await untilTrue(() => rows.length === 2)
    await close()
    assert.deepEqual(byPath(rows), [
      ['/broken', 400, 'HPE_INVALID_CHUNK_SIZE'],
      ['/half', 499, 'aborted'],
    ])
  })

  test('a request that takes too long to arrive, and an answer that takes too long to come', async () => {
    const { fasten, rows } = recording()
    // No time runs before a request is there: a crowded machine would end its connection, and with it the test.
    const slowServer = createServer(
      { connectionsCheckingInterval: 20, requestTimeout: 0, headersTimeout: 0 },
      wrap(
        (req) => {
          req.resume()
          if (req.url === '/late') slowServer.requestTimeout = 60
          else req.socket.setTimeout(40)
        },
        { fasten },
      ),
    )
    const slow = await listening(slowServer)
    const late = await dial(slow.port)
    late.write('POST /late HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nab')
    await closed(late)
    slowServer.requestTimeout = 0
    const idle = await dial(slow.port)
    idle.write(requestText({ path: '/idle' }))
    await closed(idle)
    await untilTrue(() => rows.length === 2)
    await slow.close()
    assert.deepEqual(byPath(rows), [
      ['/idle', 500, 'timeout'],
      ['/late', 408, 'ERR_HTTP_REQUEST_TIMEOUT'],
    ])
  })

  test('an answer destroyed with an error names it', async () => {
    const { port, close, rows } = await instrumented(
      (_req, res) => void res.destroy(new RangeError('given up')),
    )
    const socket = await dial(port)
    socket.write(requestText({ path: '/given-up' }))
    await closed(socket)
    await untilTrue(() => rows.length === 1)
    await close()
    assert.deepEqual(byPath(rows), [['/given-up', 500, 'RangeError']])
  })

  test('an upgrade is one row, with the status its handler wrote; its socket keeps the context', async () => {
    const seen: (string | null)[] = []
    const { port, close, rows } = await instrumented(
      () => assert.fail('not a plain request'),
      (server) => {
        server.on('upgrade', (req, socket) => {
          seen.push(currentRequestID())
          if (req.url === '/refused')
            return void socket.end('HTTP/1.1 401 Unauthorized\r\nconnection: close\r\n\r\n')
          if (req.url === '/silent') return void socket.destroy()
          socket.write(
            Buffer.from('HTTP/1.1 101 Switching Protocols\r\nupgrade: echo\r\nconnection: upgrade\r\n\r\n'),
          )
          socket.on('end', () => socket.end())
          return socket.on('data', (chunk: Buffer) =>
            socket.write(`${currentRequestID()}:${chunk.toString()}`),
          )
        })
        server.on('connect', (_req, socket) => {
          seen.push(currentRequestID())
          socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
          socket.resume().on('end', () => socket.end())
        })
      },
    )
    const upgrade = async (path: string, method = 'GET') => {
      const socket = await dial(port)
      socket.write(
        requestText({
          method,
          path,
          headers: [
            'connection: upgrade',
            'upgrade: echo',
            `x-request-id: up${path.replaceAll('/', '-').replace(':', '-')}`,
          ],
        }),
      )
      return socket
    }
    const open = await upgrade('/open')
    await once(open, 'data')
    await untilTrue(() => rows.length === 1)
    open.write('ping')
    const [echoed] = (await once(open, 'data')) as [Buffer]
    for (const path of ['/refused', '/silent']) await closed(await upgrade(path))
    const tunnel = await upgrade('example.com:443', 'CONNECT')
    await once(tunnel, 'data')
    await untilTrue(() => rows.length === 4)
    // What left HTTP is no longer the server's to close.
    for (const socket of [open, tunnel]) socket.destroy()
    await close()
    assert.equal(echoed.toString(), 'up-open:ping')
    assert.deepEqual(seen, ['up-open', 'up-refused', 'up-silent', 'upexample.com-443'])
    assert.deepEqual(
      rows.map(({ method, path, status, error }) => [method, path, status, error]),
      [
        ['GET', '/open', 101, undefined],
        ['GET', '/refused', 401, undefined],
        ['GET', '/silent', 499, 'aborted'],
        ['CONNECT', 'example.com:443', 200, undefined],
      ],
    )
  })

  test('a body nobody answers for waits for checkContinue in one exchange', async () => {
    const { port, close, rows } = await instrumented(
      (_req, res) => void res.end(currentRequestID()),
      (server) => {
        server.on('checkContinue', (req, res) => {
          res.writeContinue()
          server.emit('request', req, res)
        })
      },
    )
    const answer = await ask(port, {
      method: 'POST',
      path: '/',
      headers: ['expect: 100-continue'],
      body: 'x',
    })
    await untilTrue(() => rows.length >= 1)
    await close()
    assert.equal(answer.body, answer.headers['x-request-id'])
    assert.equal(rows.length, 1)
  })

  test("headers of every form of writeHead reach the client beside the id, and an application's own id stands", async () => {
    const shared = { 'x-app': 'kept' }
    const forms: Record<string, (res: ServerResponse) => void> = {
      '/none': (res) => res.writeHead(200),
      '/object': (res) => res.writeHead(200, shared),
      '/reason': (res) => res.writeHead(200, 'Fine', shared),
      '/flat': (res) => res.writeHead(200, ['x-app', 'kept', 'x-app', 'twice']),
      '/pairs': (res) => res.writeHead(200, [['x-app', 'kept']] as never),
      '/set': (res) => void res.setHeader('x-app', 'kept'),
      '/set-and-object': (res) => res.setHeader('x-other', '1').writeHead(200, shared),
      '/flush': (res) => res.setHeader('x-app', 'kept').flushHeaders(),
      '/own': (res) => res.writeHead(200, { ...shared, 'X-Request-ID': 'own' }),
      '/own-set': (res) => void res.setHeader('x-app', 'kept').setHeader('x-request-id', 'own'),
      '/own-flat': (res) => res.writeHead(200, ['x-app', 'kept', 'X-Request-Id', 'own']),
    }
    const { port, close } = await instrumented((req, res) => {
      forms[req.url ?? '']?.(res)
      res.end('ok')
    })
    for (const path of Object.keys(forms)) {
      const { status, headers, body } = await ask(port, { path, headers: ['x-request-id: theirs'] })
      assert.deepEqual(
        [status, body, headers['x-request-id']],
        [200, 'ok', path.startsWith('/own') ? 'own' : 'theirs'],
        path,
      )
      if (path !== '/none') assert.match(headers['x-app'] ?? '', /kept|twice/, path)
    }
    await close()
    assert.deepEqual(shared, { 'x-app': 'kept' })
  })

  test('bytes are those of the body, in every form of write and end', async () => {
    const { port, close, rows } = await instrumented((_req, res) => {
      res.write('h\u00e9')
      res.write('6869', 'hex')
      res.write(Buffer.from('abc'), () => undefined)
      res.end(new Uint8Array(4), () => undefined)
    })
    const { body } = await ask(port)
    await untilTrue(() => rows.length === 1)
    await close()
    assert.deepEqual([body.length, rows[0]?.bytes_out], [12, 12])
  })

  for (const bodyBytes of [true, false])
    test(`listeners of the application run in the context wherever they are added${bodyBytes ? '' : ', bodies uncounted'}`, async () => {
      const heard: Record<string, string | null> = {}
      const note = (name: string) => (): void => void (heard[name] = currentRequestID())
      const { port, close, rows } = await instrumented(
        (req, res) => {
          req.addListener('data', note('data'))
          req.once('end', note('end'))
          req.on('close', note('req close'))
          res.once('finish', note('finish'))
          res.on('close', note('res close'))
          setTimeout(() => res.end('ok'), 5)
        },
        undefined,
        { bodyBytes },
      )
      const socket = await dial(port)
      socket.write(requestText({ method: 'POST', headers: ['x-request-id: listening', 'content-length: 1'] }))
      await sleep(5)
      socket.write('x')
      await untilTrue(() => rows.length === 1 && Object.keys(heard).length === 5)
      await close()
      assert.deepEqual(new Set(Object.values(heard)), new Set(['listening']))
    })

  test('a listener hears of a client that left in the context of its request', async () => {
    const heard: (string | null)[] = []
    let hasArrived = false
    const { port, close, rows } = await instrumented((req) => {
      hasArrived = true
      req.on('close', () => heard.push(currentRequestID()))
      req.on('error', () => heard.push(currentRequestID()))
    })
    const socket = await dial(port)
    socket.write(requestText({ path: '/left', headers: ['x-request-id: left'] }))
    // A reset may overtake what was written before it.
    await untilTrue(() => hasArrived)
    socket.resetAndDestroy()
    await untilTrue(() => rows.length === 1 && heard.length === 2)
    await close()
    assert.deepEqual(heard, ['left', 'left'])
  })

  test('taken out again, the server is as it was', async () => {
    const { port, close, rows, restore, server } = await instrumented(
      (_req, res) => void res.end(String(currentRequestID())),
    )
    restore()
    const answer = await ask(port)
    await close()
    assert.deepEqual(
      [answer.body, answer.headers['x-request-id'], rows.length, Object.hasOwn(server, 'emit')],
      ['null', undefined, 0, false],
    )
  })

  test('HTTP/2 requests have their rows, ids and endings', async () => {
    const { fasten, rows } = recording()
    const server = createHttp2Server((req, res) => {
      if (req.url === '/hang') return
      if (req.url === '/fail') return void res.stream.destroy(new RangeError('x'))
      res.end(String(currentRequestID()))
    })
    instrumentServer(server, { fasten })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const client = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    const fetch2 = async (path: string, body?: string) => {
      const stream = client.request({
        ':path': path,
        ':method': body === undefined ? 'GET' : 'POST',
        'x-request-id': 'h2',
      })
      stream.on('error', () => undefined)
      stream.end(body)
      const heads = once(stream, 'response') as Promise<[Record<string, string>]>
      return { stream, heads }
    }
    const ok = await fetch2('/ok?x', 'hello')
    const [headers] = await ok.heads
    assert.deepEqual([headers['x-request-id'], await readText(ok.stream)], ['h2', 'h2'])
    const hang = await fetch2('/hang')
    hang.heads.catch(() => undefined)
    await sleep(20)
    hang.stream.close(8)
    const fail = await fetch2('/fail')
    fail.heads.catch(() => undefined)
    await untilTrue(() => rows.length === 3)
    client.close()
    server.close()
    assert.deepEqual(
      rows.map(({ method, path, status, error, source }) => [method, path, status, error, source?.ip]).sort(),
      [
        ['GET', '/fail', 500, 'RangeError', '127.0.0.1'],
        ['GET', '/hang', 499, 'aborted', '127.0.0.1'],
        ['POST', '/ok', 200, undefined, '127.0.0.1'],
      ],
    )
  })

  test('the request that takes the process down has its row, and so have those beside it', async () => {
    const { stdout, code } = await runFixture('dying-server.ts')
    assert.notEqual(code, 0)
    const rows = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as RecordedAccess)
    assert.deepEqual(
      rows.map(({ path, status, error }) => [path, status, error]),
      [
        ['/streaming', 206, 'exited'],
        ['/waiting', 500, 'exited'],
        ['/deadly', 500, 'RangeError'],
      ],
    )
  })
})

async function runFixture(name: string): Promise<{ stdout: string; code: number | null }> {
  const child = spawn(
    process.execPath,
    [
      ...process.execArgv.filter((argument) => !argument.startsWith('--test')),
      '--conditions=fasten-source',
      fileURLToPath(new URL(`fixtures/${name}`, import.meta.url)),
    ],
    {
      stdio: ['ignore', 'pipe', 'ignore'],
    },
  )
  const [stdout, [code]] = await Promise.all([
    readText(child.stdout),
    once(child, 'close') as Promise<[number | null]>,
  ])
  return { stdout, code }
}
