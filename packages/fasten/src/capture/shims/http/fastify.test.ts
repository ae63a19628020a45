// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { describe, test } from 'node:test'
import fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import { ask } from '../../../testing/http-client.ts'
import { describeHttpShim, untilTrue } from '../../../testing/http-shim-contract.ts'
import { currentRequestID } from '../../context.ts'
import { fastifyShim } from './fastify.ts'
import { captureView, readableOf, recording } from './fixtures/capture-view.ts'

async function started(app: FastifyInstance): Promise<{ port: number; close(): Promise<void> }> {
  await app.listen({ port: 0, host: '127.0.0.1' })
  return {
    port: (app.server.address() as AddressInfo).port,
    async close() {
      app.server.closeAllConnections()
      await app.close()
    },
  }
}

describeHttpShim(
  {
    name: 'Fastify 5',
    hasRoutes: true,
    seesBodies: true,
    async start(setup, routes) {
      const app = fastify()
      await app.register(fastifyShim(setup))
      app.addContentTypeParser('text/plain', { parseAs: 'string' }, (_request, body, done) =>
        done(null, body),
      )
      for (const route of routes)
        app.route({
          method: route.method === 'GET' ? ['GET', 'HEAD'] : route.method,
          url: route.path,
          exposeHeadRoute: false,
          async handler(request, reply) {
            const answer = await route.handle({
              param: (name) => (request.params as Record<string, string>)[name],
              text: () => Promise.resolve(String(request.body)),
              hangUp: () => void reply.raw.destroy(),
            })
            void reply.code(answer.status ?? 200).headers({ ...answer.headers })
            return reply.send(readableOf(answer) ?? answer.body)
          },
        })
      return started(app)
    },
  },
  captureView,
)

describe('the Fastify shim', () => {
  test('reaches scopes beside its own, hooks that run before and addresses Fastify refuses', async () => {
    const { fasten, rows } = recording()
    const app = fastify()
    const seen: (string | null)[] = []
    app.addHook('onRequest', async () => void seen.push(currentRequestID()))
    await app.register(fastifyShim({ fasten }))
    await app.register(async (scope) => void scope.get('/things/:id', async () => currentRequestID()), {
      prefix: '/v1',
    })
    const { port, close } = await started(app)
    const answer = await ask(port, { path: '/v1/things/1' })
    await ask(port, { path: '/v1/%E0%A4%A' })
    await ask(port, { path: '/v2' })
    await untilTrue(() => rows.length === 3)
    await close()
    assert.equal(answer.body, answer.headers['x-request-id'])
    assert.equal(seen[0], answer.body)
    assert.deepEqual(
      rows.map(({ path, route, status }) => [path, route, status]),
      [
        ['/v1/things/1', '/v1/things/:id', 200],
        ['/v1/%E0%A4%A', undefined, 400],
        ['/v2', undefined, 404],
      ],
    )
  })

  test('injected requests have a context and a row', async () => {
    const { fasten, rows } = recording()
    const app = fastify()
    await app.register(fastifyShim({ fasten }))
    app.get('/things/:id', async () => currentRequestID())
    const answer = await app.inject({ url: '/things/1', headers: { 'x-request-id': 'injected' } })
    await untilTrue(() => rows.length === 1)
    assert.deepEqual([answer.body, answer.headers['x-request-id']], ['injected', 'injected'])
    assert.deepEqual(
      [rows[0]?.route, rows[0]?.status, rows[0]?.context?.request_id],
      ['/things/:id', 200, 'injected'],
    )
  })

  test('a handler that takes too long, and a hijacked reply, leave their row', async () => {
    const { fasten, rows } = recording()
    const app = fastify({ connectionTimeout: 30 })
    await app.register(fastifyShim({ fasten }))
    app.get('/slow', () => new Promise(() => undefined))
    app.get('/raw', (_request, reply) => {
      reply.hijack()
      reply.raw.writeHead(202)
      reply.raw.end('raw')
    })
    const { port, close } = await started(app)
    const socket = connect({ port, host: '127.0.0.1' }).on('error', () => undefined)
    socket.write('GET /slow HTTP/1.1\r\nhost: a\r\n\r\n')
    await once(socket, 'close')
    const raw = await ask(port, { path: '/raw' })
    await untilTrue(() => rows.length === 2)
    await close()
    assert.match(raw.headers['x-request-id'] ?? '', /^[0-9a-f]{12}$/)
    assert.deepEqual(
      rows.map(({ path, status, error }) => [path, status, error]),
      [
        ['/slow', 500, 'timeout'],
        ['/raw', 202, undefined],
      ],
    )
  })

  test("the actor hook is asked with Fastify's request", async () => {
    const { fasten, rows } = recording()
    const app = fastify()
    app.decorateRequest('user', '')
    await app.register(
      fastifyShim({ fasten, actor: (request: FastifyRequest & { user?: string }) => request.user }),
    )
    app.addHook('preHandler', async (request) => void Object.assign(request, { user: 'dave' }))
    app.get('/', async () => captureView.currentContext()?.actor)
    const { port, close } = await started(app)
    assert.equal((await ask(port)).body, 'dave')
    await untilTrue(() => rows.length === 1)
    await close()
    assert.equal(rows[0]?.actor, 'dave')
  })
})
