// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { describe, test } from 'node:test'
import { createAdaptorServer, type HttpBindings } from '@hono/node-server'
import { Hono, type Context } from 'hono'
import { stream } from 'hono/streaming'
import type { StatusCode } from 'hono/utils/http-status'
import { ask } from '../../../testing/http-client.ts'
import { describeHttpShim, untilTrue } from '../../../testing/http-shim-contract.ts'
import type { ShimRoute } from '../../../testing/http-shim-routes.ts'
import { captureView, listening, recording } from './fixtures/capture-view.ts'
import { honoShim } from './hono.ts'
import type { HttpOptions } from './options.ts'

function appOf(setup: HttpOptions<Context>, routes: readonly ShimRoute[]): Hono<{ Bindings: HttpBindings }> {
  const app = new Hono<{ Bindings: HttpBindings }>()
  app.use(honoShim(setup))
  app.onError((_error, context) => context.text('failed', 500))
  for (const route of routes)
    app.on(route.method, route.path, async (context) => {
      const {
        status = 200,
        headers = {},
        body,
      } = await route.handle({
        param: (name) => context.req.param(name),
        text: () => context.req.text(),
        hangUp: () => void context.env.outgoing.destroy(),
      })
      for (const [name, value] of Object.entries(headers)) context.header(name, value)
      if (body === undefined || typeof body === 'string')
        return context.newResponse(body ?? null, status as StatusCode)
      return stream(context, async (writable) => {
        for await (const part of body) {
          if (writable.aborted) return
          await writable.write(part)
        }
      })
    })
  return app
}

describeHttpShim(
  {
    name: 'Hono on node-server',
    hasRoutes: true,
    seesBodies: true,
    start: (setup, routes) => listening(createAdaptorServer({ fetch: appOf(setup, routes).fetch }) as Server),
  },
  captureView,
)

/** What a runtime does that only knows `fetch`: builds a Request, aborts it when the client leaves, reads the Response. */
function plainRuntime(fetch: (request: Request, env: object) => Response | Promise<Response>): Server {
  return createServer((req, res) => {
    const leaving = new AbortController()
    res.on('close', () => leaving.abort())
    // Up to Node.js 22 an answer that waits behind another on its socket never closes.
    req.on('close', () => req.socket.destroyed && leaving.abort())
    const hasBody = req.method !== 'GET' && req.method !== 'HEAD'
    const request = new Request(`http://${req.headers.host}${req.url}`, {
      method: req.method ?? 'GET',
      headers: Object.entries(req.headers).map(([name, value]) => [name, String(value)]),
      signal: leaving.signal,
      ...(hasBody ? { body: Readable.toWeb(req) as ReadableStream, duplex: 'half' } : {}),
    })
    const answer = async (): Promise<void> => {
      const response = await fetch(request, { ip: req.socket.remoteAddress })
      res.writeHead(response.status, Object.fromEntries(response.headers))
      if (response.body === null) res.end()
      else await pipeline(Readable.fromWeb(response.body as never), res)
    }
    answer().catch(() => void res.destroy())
  })
}

describeHttpShim(
  {
    name: 'Hono on a runtime that only knows fetch',
    hasRoutes: true,
    seesBodies: false,
    start(setup, routes) {
      const app = appOf(
        { ...setup, peerAddress: (context: Context<{ Bindings: { ip: string } }>) => context.env.ip },
        routes,
      )
      return listening(plainRuntime((request, env) => app.fetch(request, env)))
    },
  },
  captureView,
  { 'one row when the server hangs up without an answer': 'fetch knows no way to hang up' },
)

describe('the Hono shim', () => {
  const served = async (build: (app: Hono) => void, paths: readonly string[]) => {
    const { fasten, rows } = recording()
    const app = new Hono()
    app.use(honoShim({ fasten }))
    build(app)
    const { port, close } = await listening(createAdaptorServer({ fetch: app.fetch }) as Server)
    const answers = []
    for (const path of paths) answers.push(await ask(port, { path }))
    await untilTrue(() => rows.length === paths.length)
    await close()
    return { rows, answers }
  }

  test("the route is the handler's, through sub-applications and past middleware", async () => {
    const { rows } = await served(
      (app) => {
        const items = new Hono()
        items.use(async (_context, next) => next())
        items.get('/:item', (context) => context.text(context.req.param('item')))
        items.get('/broken/:item', () => {
          throw new RangeError('broken')
        })
        const shop = new Hono()
        shop.onError((_error, context) => context.text('sorry', 503))
        shop.route('/items', items)
        app.route('/tenants/:tenant', shop)
        app.use('/guarded/*', async (context) => context.text('no', 401))
        app.get('/guarded/:thing', (context) => context.text('never'))
        app.get('/named/*', (context) => context.text('any'))
        app.all('/all/:x', (context) => context.text('all'))
      },
      [
        '/tenants/acme/items/7',
        '/tenants/acme/items/broken/7',
        '/guarded/gold',
        '/named/a/b',
        '/all/1',
        '/none',
      ],
    )
    assert.deepEqual(
      rows.map(({ route, status, error }) => [route, status, error]),
      [
        ['/tenants/:tenant/items/:item', 200, undefined],
        ['/tenants/:tenant/items/broken/:item', 503, 'RangeError'],
        ['/guarded/*', 401, undefined],
        ['/named/*', 200, undefined],
        ['/all/:x', 200, undefined],
        [undefined, 404, undefined],
      ],
    )
  })

  test('the answer stays the light one: nothing asks for a Response the application did not build', async () => {
    const { rows } = await served(
      (app) => {
        app.get('/', (context) => {
          const answer = context.json({ ok: true })
          // A real Response would have been made by now if anybody had looked at context.res.
          for (const name of ['clone', 'headers', 'body'] as const)
            Object.defineProperty(answer, name, { get: () => assert.fail(`the shim looked at ${name}`) })
          return answer
        })
      },
      ['/'],
    )
    assert.equal(rows[0]?.status, 200)
  })

  test('an actor hook is asked with the context, whose variables authentication set', async () => {
    const { fasten, rows } = recording()
    const app = new Hono<{ Variables: { user: string } }>()
    app.use(
      honoShim({ fasten, actor: (context: Context<{ Variables: { user: string } }>) => context.get('user') }),
    )
    app.use(async (context, next) => {
      context.set('user', 'grace')
      await next()
    })
    app.get('/', (context) => context.text(captureView.currentContext()?.actor ?? ''))
    const answer = await app.request('/')
    assert.equal(await answer.text(), 'grace')
    assert.equal(rows[0]?.actor, 'grace')
  })
})
