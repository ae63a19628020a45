// SPDX-License-Identifier: Apache-2.0
import { createServer } from 'node:http'
import { text } from 'node:stream/consumers'
import Koa from 'koa'
import { describeHttpShim, type ShimRoute } from '../../../testing/http-shim-contract.ts'
import { captureView, listening, readableOf } from './fixtures/capture-view.ts'
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
      return listening(createServer(app.callback()))
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
