// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import { text } from 'node:stream/consumers'
import { describe, test } from 'node:test'
import Koa from 'koa'
import { ask } from '../../../testing/http-client.ts'
import { describeHttpShim, untilTrue } from '../../../testing/http-shim-contract.ts'
import type { ShimRoute } from '../../../testing/http-shim-routes.ts'
import { captureView, listening, readableOf, recording } from './fixtures/capture-view.ts'
import { koaShim } from './koa.ts'

describeHttpShim(
  {
    name: 'Koa 3',
    hasRoutes: true,
    seesBodies: true,
    start(setup, routes) {
      const app = new Koa()
      // Keeps errors that are answered with 500 from being printed.
      app.silent = true
      app.use(koaShim(setup))
      for (const route of routes) app.use(routed(route))
      return listening(serverOf(app))
    },
  },
  captureView,
)

/** A router of one route. It leaves the matched pattern where `@koa/router` documents that it does. */
function routed(route: ShimRoute): Koa.Middleware {
  const names = [...route.path.matchAll(/:(\w+)/g)].map(([, name]) => name ?? '')
  const pattern = new RegExp(`^${route.path.replace(/\./g, '\\.').replace(/:\w+/g, '([^/]+)')}$`)
  return async (context, next) => {
    const found = pattern.exec(context.path)
    const isMethod = context.method === route.method || (context.method === 'HEAD' && route.method === 'GET')
    if (found === null || !isMethod) return next()
    Object.assign(context, { _matchedRoute: route.path })
    const answer = await route.handle({
      param: (name) => found[names.indexOf(name) + 1],
      text: () => text(context.req),
      hangUp: () => void context.res.destroy(),
    })
    context.status = answer.status ?? 200
    context.set({ ...answer.headers })
    const readable = readableOf(answer)
    if (readable !== undefined) context.body = readable
    else if (answer.body !== undefined) context.body = answer.body
    return undefined
  }
}

describe('the Koa shim', () => {
  test('an error Koa answers for is named with the status it was sent, the route with it', async () => {
    const { fasten, rows } = recording()
    const app = new Koa()
    app.silent = true
    app.use(koaShim({ fasten, actor: (context: Koa.Context) => (context.state as { user?: string }).user }))
    app.use((context) => {
      context.state['user'] = 'heidi'
      Object.assign(context, { _matchedRoute: /^\/teas\/(\w+)$/ })
      return context.throw(418, 'short')
    })
    const { port, close } = await listening(serverOf(app))
    await ask(port, { path: '/teas/oolong' })
    await untilTrue(() => rows.length === 1)
    await close()
    const [row] = rows
    assert.deepEqual(
      [row?.status, row?.error, row?.route, row?.actor],
      [418, 'ImATeapotError', '/^\\/teas\\/(\\w+)$/', 'heidi'],
    )
  })

  test('a reply Koa was told to leave alone has its row', async () => {
    const { fasten, rows } = recording()
    const app = new Koa()
    app.use(koaShim({ fasten }))
    app.use((context) => {
      context.respond = false
      context.res.writeHead(202).end('own')
    })
    const { port, close } = await listening(serverOf(app))
    const answer = await ask(port)
    await untilTrue(() => rows.length === 1)
    await close()
    assert.deepEqual(
      [answer.body, answer.headers['x-request-id']?.length, rows[0]?.status, rows[0]?.bytes_out],
      ['own', 12, 202, 3],
    )
  })
})

function serverOf(app: Koa): Server {
  const answer = app.callback()
  return createServer((req, res) => void answer(req, res))
}
