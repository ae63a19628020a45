// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { pipeline } from 'node:stream/promises'
import { text as readText } from 'node:stream/consumers'
import { describeHttpShim, type ShimCall, type ShimRoute } from '../../../testing/http-shim-contract.ts'
import { captureView, listening, readableOf } from './fixtures/capture-view.ts'
import { instrumentServer, wrap } from './node.ts'

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
    const call: ShimCall = { param: (name) => params[name], text: () => read(req), hangUp: () => void res.destroy() }
    const answer = await route.handle(call)
    res.writeHead(answer.status ?? 200, answer.headers)
    const readable = readableOf(answer)
    if (readable === undefined) res.end(answer.body)
    else await pipeline(readable, res).catch((error: unknown) => assert.ok(res.destroyed, String(error)))
  }
}

function match(routes: readonly ShimRoute[], req: IncomingMessage): [ShimRoute, Record<string, string>] | undefined {
  const path = (req.url ?? '').split('?')[0]?.split('/') ?? []
  for (const route of routes) {
    const pattern = route.path.split('/')
    const isMethod = req.method === route.method || (req.method === 'HEAD' && route.method === 'GET')
    if (!isMethod || pattern.length !== path.length) continue
    if (!pattern.every((part, place) => part.startsWith(':') || part === path[place])) continue
    return [route, Object.fromEntries(pattern.flatMap((part, place) => (part.startsWith(':') ? [[part.slice(1), path[place] ?? '']] : [])))]
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
    start: (setup, routes) => {
      const handler = handlerOf(routes, readText)
      const server = createServer((req, res) => void handler(req, res).catch(() => answerFailure(res)))
      instrumentServer(server, setup)
      return listening(server)
    },
  },
  captureView,
  { 'one row when the handler throws, at once or later, with the class of the error': 'a rejection inside a listener is not seen from outside it' },
)
