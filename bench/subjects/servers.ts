// SPDX-License-Identifier: Apache-2.0
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'

export const frameworks = ['node', 'express', 'fastify', 'hono'] as const
export type Framework = (typeof frameworks)[number]

export interface Dressed {
  /** With fasten's shim in front. */
  readonly hasShim: boolean
  /** Called when a request arrives, before the route. */
  readonly onRequest: ((req: IncomingMessage, res: ServerResponse) => void) | undefined
  /** What the route does. */
  readonly work: () => void
}

/** The same one-route server in each framework, listening on a free port of the loopback. */
export function startServer(framework: Framework, dressed: Dressed): Promise<Server> {
  return starters[framework](dressed)
}

const answer = { id: '42' }
const body = Buffer.from(JSON.stringify(answer))

const starters: { readonly [F in Framework]: (dressed: Dressed) => Promise<Server> } = {
  async node({ hasShim, onRequest, work }) {
    const { wrap } = await import('fasten/http/node')
    const handler = (req: IncomingMessage, res: ServerResponse): void => {
      onRequest?.(req, res)
      work()
      res.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length })
      res.end(body)
    }
    return listen(createServer(hasShim ? wrap(handler) : handler))
  },

  async express({ hasShim, onRequest, work }) {
    const [{ default: express }, { expressShim }] = await Promise.all([
      import('express'),
      import('fasten/http/express'),
    ])
    const app = express()
    if (hasShim) app.use(expressShim())
    if (onRequest !== undefined) {
      app.use((req, res, next) => {
        onRequest(req, res)
        next()
      })
    }
    app.get('/items/:id', (_req, res) => {
      work()
      res.json(answer)
    })
    return listen(createServer(app))
  },

  async fastify({ hasShim, onRequest, work }) {
    const [{ fastify }, { fastifyShim }] = await Promise.all([
      import('fastify'),
      import('fasten/http/fastify'),
    ])
    const app = fastify()
    if (hasShim) await app.register(fastifyShim())
    if (onRequest !== undefined) {
      app.addHook('onRequest', (request, reply, done) => {
        onRequest(request.raw, reply.raw)
        done()
      })
    }
    app.get('/items/:id', () => {
      work()
      return Promise.resolve(answer)
    })
    await app.listen({ port: 0, host: '127.0.0.1' })
    return app.server
  },

  async hono({ hasShim, onRequest, work }) {
    const [{ Hono }, { serve }, { honoShim }] = await Promise.all([
      import('hono'),
      import('@hono/node-server'),
      import('fasten/http/hono'),
    ])
    const app = new Hono<{ Bindings: { incoming: IncomingMessage; outgoing: ServerResponse } }>()
    if (hasShim) app.use(honoShim())
    if (onRequest !== undefined) {
      app.use((context, next) => {
        onRequest(context.env.incoming, context.env.outgoing)
        return next()
      })
    }
    app.get('/items/:id', (context) => {
      work()
      return context.json(answer)
    })
    return new Promise((resolve) => {
      const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, () =>
        resolve(server as Server),
      )
    })
  },
}

function listen(server: Server): Promise<Server> {
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)))
}
