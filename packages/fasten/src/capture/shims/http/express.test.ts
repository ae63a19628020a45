// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { pipeline } from 'node:stream/promises'
import { describe, test } from 'node:test'
import express5 from 'express'
import { ask } from '../../../testing/http-client.ts'
import { describeHttpShim, untilTrue } from '../../../testing/http-shim-contract.ts'
import type { ShimAnswer } from '../../../testing/http-shim-routes.ts'
import { currentRequestID } from '../../context.ts'
import { expressErrorShim, expressShim } from './express.ts'
import { captureView, listening, readableOf, recording } from './fixtures/capture-view.ts'
import { instrumentServer } from './node.ts'

/** The older major version has no types beside it; what is used here is the same in both. */
const express4 = createRequire(import.meta.url)('express4') as typeof express5

const versions = [
  { name: 'Express 5', express: express5 },
  { name: 'Express 4', express: express4 },
]

for (const { name, express } of versions)
  describeHttpShim(
    {
      name,
      hasRoutes: true,
      seesBodies: true,
      start(setup, routes) {
        const app = express()
        // Keeps the default error page from printing.
        app.set('env', 'test')
        app.use(expressShim(setup))
        app.use(express.text({ type: '*/*', limit: '1mb' }))
        for (const route of routes) {
          const verb = route.method === 'GET' ? 'get' : 'post'
          app[verb](route.path, (req, res, next) => {
            const answered = async (): Promise<void> => {
              const answer = await route.handle({
                param: (param) => req.params[param]?.toString(),
                text: () => Promise.resolve(String(req.body)),
                hangUp: () => void res.destroy(),
              })
              await send(res, answer)
            }
            // oxlint-disable-next-line promise/no-callback-in-promise -- what applications on Express 4 write
            answered().catch(next)
          })
        }
        app.use(expressErrorShim())
        return listening(createServer(app))
      },
    },
    captureView,
  )

async function send(res: express5.Response, answer: ShimAnswer): Promise<void> {
  res.status(answer.status ?? 200).set(answer.headers ?? {})
  const readable = readableOf(answer)
  if (readable === undefined) res.send(answer.body)
  else await pipeline(readable, res).catch((error: unknown) => assert.ok(res.destroyed, String(error)))
}

describe('the Express shim', () => {
  for (const { name, express } of versions) {
    test(`${name}: the route names its mounts as patterns, also when an error passes through them`, async () => {
      const { fasten, rows } = recording()
      const app = express()
      app.set('env', 'test')
      app.use(expressShim({ fasten }))
      const items = express.Router({ mergeParams: true })
      items.get('/items/:item', (_req, res) => void res.send('item'))
      items.get('/broken/:item', () => {
        throw new RangeError('broken')
      })
      items.get('/', (_req, res) => void res.send('all'))
      const tenants = express.Router()
      tenants.use('/:tenant/shop-1.0', items)
      app.use('/tenants', tenants)
      const admin = express()
      admin.get('/users/:user', (_req, res) => void res.send('user'))
      app.use('/admin/:area', admin)
      app.get('/', (_req, res) => void res.send('home'))
      app.get(/^\/files\/(.*)$/, (_req, res) => void res.send('file'))
      app.use(expressErrorShim())
      const { port, close } = await listening(createServer(app))
      const paths = [
        '/tenants/acme/shop-1.0/items/7',
        '/tenants/acme/shop-1.0/broken/7',
        '/tenants/acme/shop-1.0',
        '/admin/west/users/3',
        '/',
        '/files/a/b',
        '/none',
      ]
      for (const path of paths) await ask(port, { path })
      await untilTrue(() => rows.length === paths.length)
      await close()
      assert.deepEqual(
        rows.map(({ path, route, status, error }) => [path, route, status, error]),
        [
          ['/tenants/acme/shop-1.0/items/7', '/tenants/:tenant/shop-1.0/items/:item', 200, undefined],
          ['/tenants/acme/shop-1.0/broken/7', '/tenants/:tenant/shop-1.0/broken/:item', 500, 'RangeError'],
          ['/tenants/acme/shop-1.0', '/tenants/:tenant/shop-1.0', 200, undefined],
          ['/admin/west/users/3', '/admin/:area/users/:user', 200, undefined],
          ['/', '/', 200, undefined],
          ['/files/a/b', '/^\\/files\\/(.*)$/', 200, undefined],
          ['/none', undefined, 404, undefined],
        ],
      )
    })

    test(`${name}: a router mounted twice is told by the text of its mount`, async () => {
      const { fasten, rows } = recording()
      const app = express()
      app.use(expressShim({ fasten }))
      const router = express.Router()
      router.get('/ping/:id', (_req, res) => void res.send('pong'))
      app.use('/v1', router)
      app.use('/v2', router)
      const { port, close } = await listening(createServer(app))
      await ask(port, { path: '/v2/ping/1' })
      await ask(port, { path: '/v1/ping/1' })
      await untilTrue(() => rows.length === 2)
      await close()
      assert.deepEqual(
        rows.map(({ route }) => route),
        ['/v2/ping/:id', '/v1/ping/:id'],
      )
    })
  }

  test('on Express 5.3 an error is named without the error middleware', async () => {
    const { fasten, rows } = recording()
    const app = express5()
    app.set('env', 'test')
    app.use(expressShim({ fasten }))
    app.get('/', () => {
      throw new RangeError('broken')
    })
    const { port, close } = await listening(createServer(app))
    await ask(port)
    await untilTrue(() => rows.length === 1)
    await close()
    assert.deepEqual([rows[0]?.status, rows[0]?.error], [500, 'RangeError'])
  })

  test('mounted twice, under a path, or over an instrumented server, it still leaves one row with the whole path', async () => {
    const { fasten, rows } = recording()
    const app = express5()
    app.use('/api', expressShim({ fasten }), expressShim({ fasten }))
    app.get('/api/things/:id', (_req, res) => void res.send(currentRequestID()))
    const server = createServer(app)
    instrumentServer(server, { fasten })
    const { port, close } = await listening(server)
    const answer = await ask(port, { path: '/api/things/1?x=1' })
    await untilTrue(() => rows.length >= 1)
    await close()
    assert.equal(answer.body, answer.headers['x-request-id'])
    assert.deepEqual(
      rows.map(({ path, route }) => [path, route]),
      [['/api/things/1', '/api/things/:id']],
    )
  })

  test('an actor hook sees what authentication put on the request after the shim ran', async () => {
    const { fasten, rows } = recording()
    const app = express5()
    app.use(
      expressShim({ fasten, actor: (req: express5.Request & { user?: { id: string } }) => req.user?.id }),
    )
    app.use((req, _res, next) => {
      Object.assign(req, { user: { id: 'carol' } })
      next()
    })
    app.get('/', (_req, res) => void res.json(captureView.currentContext()?.actor))
    const { port, close } = await listening(createServer(app))
    assert.equal((await ask(port)).body, '"carol"')
    await untilTrue(() => rows.length === 1)
    await close()
    assert.equal(rows[0]?.actor, 'carol')
  })
})
