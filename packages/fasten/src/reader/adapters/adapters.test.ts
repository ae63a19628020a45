// SPDX-License-Identifier: Apache-2.0
// oxlint-disable-next-line import/no-unassigned-import -- Nest reads what this puts on Reflect
import 'reflect-metadata'
import assert from 'node:assert/strict'
import { createServer, type RequestListener, type Server } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createAdaptorServer } from '@hono/node-server'
import { Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import express5 from 'express'
import fastify from 'fastify'
import { Hono } from 'hono'
import Koa from 'koa'
import { createSampleDrafts } from '../../testing/sample-drafts.ts'
import { openSqlite, readerOf, type Opened } from '../fixtures/opened.ts'
import type { Reader } from '../reader.ts'
import { remoteReader } from '../remote.ts'
import type { ReaderOptions } from '../router.ts'
import { expressReader } from './express.ts'
import { fastifyReader } from './fastify.ts'
import { honoReader } from './hono.ts'
import { koaReader } from './koa.ts'
import { nestReader } from './nest.ts'
import { nodeReader } from './node.ts'

/** The older major version has no types beside it; what is used here is the same in both. */
const express4 = createRequire(import.meta.url)('express4') as typeof express5

interface App {
  /** Where it listens; closed by the suite. */
  readonly server: Server
  close?(): Promise<unknown>
}

const base = '/api/v1/logs'
const token = 'open-sesame'
const options: ReaderOptions = { token, tailClientsMax: 1, heartbeatMs: 20 }

const listen = async (server: Server): Promise<App> => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { server }
}

/** Each application mounts the reader at `base`, says `home` at `/`, and sets `x-app` before the reader runs. */
const frameworks: Readonly<Record<string, (reader: Reader) => Promise<App>>> = {
  'node:http': (reader) => {
    const handle = nodeReader(reader, { ...options, basePath: base })
    const listener: RequestListener = (request, response) => {
      response.setHeader('x-app', 'yes')
      if (request.url?.startsWith(base) === true) handle(request, response)
      else response.end('home')
    }
    return listen(createServer(listener))
  },
  'express 5': (reader) => {
    const app = express5()
    app.use((_request, response, next) => {
      response.setHeader('x-app', 'yes')
      next()
    })
    app.use(base, expressReader(reader, options))
    app.get('/', (_request, response) => void response.end('home'))
    return listen(createServer(app))
  },
  'express 4, in a router below a router': (reader) => {
    const app = express4()
    const [api, logs] = [express4.Router(), express4.Router()]
    logs.use('/logs', expressReader(reader, options))
    api.use('/v1', logs)
    app.use((_request, response, next) => {
      response.setHeader('x-app', 'yes')
      next()
    })
    app.use('/api', api)
    app.get('/', (_request, response) => void response.end('home'))
    return listen(createServer(app))
  },
  fastify: async (reader) => {
    const app = fastify()
    app.addHook('onRequest', async (_request, reply) => void reply.header('x-app', 'yes'))
    app.get('/', async () => 'home')
    await app.register(fastifyReader(reader, options), { prefix: base })
    await app.listen({ port: 0, host: '127.0.0.1' })
    return { server: app.server, close: () => app.close() }
  },
  hono: (reader) => {
    const app = new Hono()
    app.use(async (context, next) => {
      await next()
      context.header('x-app', 'yes')
    })
    app.all(`${base}/*`, honoReader(reader, { ...options, basePath: base }))
    app.get('/', (context) => context.text('home'))
    return listen(createAdaptorServer({ fetch: app.fetch }) as Server)
  },
  koa: (reader) => {
    const app = new Koa()
    app.use(async (context, next) => {
      context.set('x-app', 'yes')
      await next()
    })
    app.use(koaReader(reader, { ...options, basePath: base }))
    app.use((context) => {
      context.body = 'home'
    })
    const callback = app.callback()
    return listen(createServer((request, response) => void callback(request, response)))
  },
  'nest, on express': async (reader) => {
    // oxlint-disable-next-line typescript/no-extraneous-class -- Nest's modules are classes
    class Home {}
    Module({})(Home)
    const app = await NestFactory.create(Home, { logger: false })
    app.use(
      (_request: unknown, response: { setHeader(name: string, value: string): void }, next: () => void) => {
        response.setHeader('x-app', 'yes')
        next()
      },
    )
    app.use(base, nestReader(reader, options))
    app.use('/', (request: { url: string }, response: { end(text: string): void }, next: () => void) =>
      request.url === '/' ? response.end('home') : next(),
    )
    await app.listen(0, '127.0.0.1')
    return { server: app.getHttpServer() as Server, close: () => app.close() }
  },
}

for (const [name, start] of Object.entries(frameworks)) {
  describe(`the reader in ${name}`, () => {
    const drafts = createSampleDrafts()
    let opened: Opened
    let reader: Reader
    let app: App
    let origin: string
    before(async () => {
      opened = await openSqlite()
      reader = readerOf(opened.sources)
      await opened.append(
        Array.from({ length: 700 }, () => drafts.audit({ detail: { filler: 'x'.repeat(2000) } })),
      )
      app = await start(reader)
      origin = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`
    })
    after(async () => {
      await reader.close()
      app.server.closeAllConnections()
      await (app.close?.() ?? new Promise((resolve) => app.server.close(resolve)))
      await opened.close()
    })
    const get = (path: string, init: RequestInit = {}): Promise<Response> =>
      fetch(origin + path, {
        ...init,
        headers: { authorization: `Bearer ${token}`, ...(init.headers as Record<string, string>) },
      })

    test('answers below its mount point, and leaves the rest alone', async () => {
      const response = await get(`${base}/audit?limit=2&code=ORDER_*`)
      assert.equal(response.status, 200)
      assert.equal(response.headers.get('x-app'), 'yes')
      assert.equal(((await response.json()) as { rows: unknown[] }).rows.length, 2)
      assert.equal(await (await get('/')).text(), 'home')
    })

    test('refusals are problems', async () => {
      for (const [path, status, init] of [
        [`${base}/audit`, 401, { headers: { authorization: 'Bearer no' } }],
        [`${base}/nothing`, 404],
        [base, 404],
        [`${base}/`, 404],
        [`${base}/audit?nope=1`, 400],
        [`${base}/audit?actor=%ff`, 400],
        [`${base}/audit?limit=0`, 422],
        [`${base}/audit`, 405, { method: 'POST', body: '{}' }],
      ] as const) {
        const response = await get(path, init)
        assert.deepEqual(
          [response.status, response.headers.get('content-type')],
          [status, 'application/problem+json'],
          path,
        )
        await response.text()
      }
    })

    test('HEAD has the headers and no body', async () => {
      const response = await get(`${base}/logs`, { method: 'HEAD' })
      assert.deepEqual([response.status, await response.text()], [200, ''])
      assert.ok(Number(response.headers.get('content-length')) > 10)
    })

    test('a large export arrives whole', async () => {
      const text = await (await get(`${base}/export?since=2031-01-01`)).text()
      assert.equal(text.split('\n').length - 1, 700)
    })

    test('a tail streams as rows come, is resumed without loss, and its place is given back', async () => {
      const remote = remoteReader({ url: origin + base, token, retryMsMin: 5 })
      const client = new AbortController()
      const tail = remote.tail({ streams: ['audit'], filter: {}, backlog: 1 }, client.signal)
      const events = tail[Symbol.asyncIterator]()
      await events.next()
      const sent = [drafts.audit(), drafts.audit(), drafts.audit()]
      const seen: string[] = []
      for (const draft of sent) {
        await opened.append([draft])
        const { value } = await events.next()
        seen.push(value?.row.id ?? '')
        // The connection is cut under the client; it comes back by itself.
        app.server.closeAllConnections()
      }
      assert.deepEqual(
        seen,
        sent.map(({ id }) => id),
      )
      client.abort()
      await events.return?.()
      await remote.close()
      for (const deadline = performance.now() + 60_000; ;) {
        const again = new AbortController()
        const { status } = await get(`${base}/tail`, { signal: again.signal })
        again.abort()
        if (status === 200) break
        assert.ok(performance.now() < deadline, 'the place of a client that went was not given back')
        await sleep(10)
      }
    })
  })
}
