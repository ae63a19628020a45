// SPDX-License-Identifier: Apache-2.0
/**
 * 20,000 requests to each server, each of which asks a second server with `fetch` or `node:http`: the first, the second and the rows of both know it by
 * the one id it came with.
 */
import assert from 'node:assert/strict'
import { Agent, createServer, request, type OutgoingHttpHeaders, type Server } from 'node:http'
import { text } from 'node:stream/consumers'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createAdaptorServer } from '@hono/node-server'
import express from 'express'
import fastify from 'fastify'
import { Hono } from 'hono'
import Koa from 'koa'
import { readJson } from '../../../core/read-json.ts'
import { untilTrue } from '../../../testing/http-shim-contract.ts'
import { currentRequestID } from '../../context.ts'
import { expressShim } from './express.ts'
import { fastifyShim } from './fastify.ts'
import { listening, recording } from './fixtures/capture-view.ts'
import { honoShim } from './hono.ts'
import { koaShim } from './koa.ts'
import { instrumentServer } from './node.ts'
import { instrumentFetch, instrumentHttp } from './outbound.ts'

const requests = 20_000
/** Sockets of each client, and so requests under way. */
const together = 200

type Recorder = ReturnType<typeof recording>['fasten']
type Work = (n: number) => Promise<object>

/** What a user would write of each framework, with its shim. */
const servers: Readonly<Record<string, (fasten: Recorder, work: Work) => Server | Promise<Server>>> = {
  'node:http': bareServer,
  Express(fasten, work) {
    const app = express()
    app.use(expressShim({ fasten }))
    app.get('/n/:n', (req, res, next) => {
      work(Number(req.params.n)).then((seen) => res.json(seen), next)
    })
    return createServer(app)
  },
  async Fastify(fasten, work) {
    const app = fastify()
    await app.register(fastifyShim({ fasten }))
    app.get('/n/:n', async ({ params }) => work(Number((params as { readonly n: string }).n)))
    await app.ready()
    return app.server
  },
  Hono(fasten, work) {
    const app = new Hono()
    app.use(honoShim({ fasten }))
    app.get('/n/:n', async (context) => context.json(await work(Number(context.req.param('n')))))
    return createAdaptorServer({ fetch: app.fetch }) as Server
  },
  Koa(fasten, work) {
    const app = new Koa()
    app.use(koaShim({ fasten }))
    app.use(async (context) => {
      context.body = await work(numberIn(context.path))
    })
    const answer = app.callback()
    return createServer((req, res) => void answer(req, res))
  },
}

describe(`${requests} requests, and as many that they make: none is taken for another`, () => {
  for (const [name, open] of Object.entries(servers))
    test(name, { timeout: 1_200_000 }, async (t) => {
      const begun = performance.now()
      const agents = [0, 1].map(() => new Agent({ keepAlive: true, maxSockets: together }))
      const [outer, inner] = [recording(), recording()]
      let [crossed, inTheAir, most] = [0, 0, 0]
      const look = (n: number): void => {
        if (currentRequestID() !== `r-${n}`) crossed++
      }
      const second = await patient(
        bareServer(inner.fasten, async (n) => {
          look(n)
          await sleep(n % 3)
          look(n)
          return { id: currentRequestID() }
        }),
      )
      const hosts = [`127.0.0.1:${second.port}`]
      const undo = [instrumentFetch({ hosts }), instrumentHttp({ hosts })]
      const first = await patient(
        await open(outer.fasten, async (n) => {
          most = Math.max(most, ++inTheAir)
          look(n)
          await sleep(n % 5)
          const url = `http://127.0.0.1:${second.port}/n/${n}`
          const answer = n % 2 === 0 ? await (await fetch(url)).text() : await get(url, agents[1])
          look(n)
          inTheAir--
          return readJson(answer) as object
        }),
      )
      t.after(async () => {
        for (const each of undo) each()
        for (const agent of agents) agent.destroy()
        await Promise.all([first.close(), second.close()])
      })

      await Promise.all(
        Array.from({ length: requests }, async (_, n) => {
          const id = `r-${n}`
          const answer = await get(`http://127.0.0.1:${first.port}/n/${n}`, agents[0], { 'x-request-id': id })
          if ((readJson(answer) as { readonly id: string }).id !== id) crossed++
        }),
      )
      await untilTrue(() => [outer, inner].every(({ rows }) => rows.length >= requests))

      const rows = [outer, inner].map((each) => each.rows)
      assert.deepEqual(
        {
          crossed,
          rows: rows.map((each) => each.length),
          requests: rows.map((each) => new Set(each.map(({ path }) => path)).size),
          wrong: rows.flat().filter(({ path, context }) => context?.request_id !== `r-${numberIn(path)}`)
            .length,
        },
        { crossed: 0, rows: [requests, requests], requests: [requests, requests], wrong: 0 },
      )
      const seconds = Math.round((performance.now() - begun) / 1000)
      t.diagnostic(
        `HTTP, ${name}: ${requests} requests and as many behind them, up to ${most} at work at once, none crossed, ${seconds} s`,
      )
    })
})

function bareServer(fasten: Recorder, work: Work): Server {
  const server = createServer(
    (req, res) => void work(numberIn(req.url ?? '')).then((seen) => res.end(JSON.stringify(seen))),
  )
  instrumentServer(server, { fasten })
  return server
}

/** On a crowded machine a client writes into a socket at the moment at which a server gives it up for idle; that is no finding here. */
async function patient(server: Server): ReturnType<typeof listening> {
  server.keepAliveTimeout = 0
  return listening(server)
}

const numberIn = (path: string): number => Number(path.slice('/n/'.length))

async function get(
  url: string,
  agent: Agent | undefined,
  headers: OutgoingHttpHeaders = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    request(url, { headers, ...(agent === undefined ? {} : { agent }) }, (answer) => {
      text(answer).then(resolve, reject)
    })
      .on('error', reject)
      .end()
  })
}
