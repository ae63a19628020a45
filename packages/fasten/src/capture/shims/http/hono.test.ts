// SPDX-License-Identifier: Apache-2.0
import type { Server } from 'node:http'
import { createAdaptorServer, type HttpBindings } from '@hono/node-server'
import { Hono } from 'hono'
import { stream } from 'hono/streaming'
import type { StatusCode } from 'hono/utils/http-status'
import { describeHttpShim, type ShimRoute, type ShimSetup } from '../../../testing/http-shim-contract.ts'
import { captureView, listening } from './fixtures/capture-view.ts'
import { honoShim } from './hono.ts'

function appOf(setup: ShimSetup, routes: readonly ShimRoute[]): Hono<{ Bindings: HttpBindings }> {
  const app = new Hono<{ Bindings: HttpBindings }>()
  app.use(honoShim(setup))
  app.onError((_error, context) => context.text('failed', 500))
  for (const route of routes)
    app.on(route.method, route.path, async (context) => {
      const { status = 200, headers = {}, body } = await route.handle({
        param: (name) => context.req.param(name),
        text: () => context.req.text(),
        hangUp: () => void context.env.outgoing.destroy(),
      })
      for (const [name, value] of Object.entries(headers)) context.header(name, value)
      if (body === undefined || typeof body === 'string') return context.newResponse(body ?? null, status as StatusCode)
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
    start: (setup, routes) => listening(createAdaptorServer({ fetch: appOf(setup, routes).fetch }) as Server),
  },
  captureView,
)
