// SPDX-License-Identifier: Apache-2.0
/**
 * What the HTTP shim costs: the same server bare and with the shim, both up at once in one worker thread, and under OpenTelemetry's
 * instrumentation in another, loaded in turn over keep-alive sockets from this thread. Told as the ratio of requests per second (median of paired rounds, with the
 * extremes) and as processor time added per request, measured on the server's own thread. A round whose rows do not
 * equal its requests fails the run.
 *
 *     node --conditions=fasten-source bench/http-shims.ts [--only fastify,hono] [--rounds 8] [--ms 600] [--json]
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { connect, type AddressInfo, type Server, type Socket } from 'node:net'
import { parseArgs } from 'node:util'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import type { HttpRecorder } from 'fasten/http'
import { otelContenders, type OtelContender } from './cases/otel-contenders.ts'

const contenders = ['node', 'express', 'fastify', 'hono', 'koa'] as const
type Contender = (typeof contenders)[number]

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      rounds: { type: 'string', default: '8' },
      ms: { type: 'string', default: '600' },
      json: { type: 'boolean', default: false },
    },
  })
  const wanted = contenders.filter((name) => values.only?.split(',').includes(name) ?? true)
  const results: Result[] = []
  for (const name of wanted) {
    // A thread each, as an application has one framework: code that served several is compiled for all of them.
    const worker = new Worker(new URL(import.meta.url)).setMaxListeners(0)
    const ask = asker(worker)
    const own = (await ask({ start: name })) as { readonly bare: number; readonly shim: number }
    const peer = isOtel(name) ? await startPeer(name) : undefined
    const ports = { ...own, ...(peer === undefined ? {} : { otel: peer.port }) }
    const asks = { bare: ask, shim: ask, otel: peer?.ask ?? ask }
    const result = await compare(name, ports, Number(values.rounds), Number(values.ms), asks)
    await worker.terminate()
    await peer?.worker.terminate()
    results.push(result)
    if (!values.json) process.stdout.write(`${lineOf(result)}\n`)
  }
  if (values.json) process.stdout.write(`${JSON.stringify(results)}\n`)
}

const sides = ['bare', 'shim', 'otel'] as const
type Side = (typeof sides)[number]

type Ports = { readonly bare: number; readonly shim: number; readonly otel?: number }

const isOtel = (name: Contender): name is OtelContender =>
  (otelContenders as readonly Contender[]).includes(name)

async function startPeer(name: OtelContender) {
  const worker = new Worker(new URL('./cases/otel-server.ts', import.meta.url)).setMaxListeners(0)
  const ask = asker(worker)
  const { port } = (await ask({ start: name })) as { readonly port: number }
  return { worker, ask, port }
}

interface Sample {
  readonly cpuMicros: number
  readonly rows: number
}

interface Result {
  readonly name: Contender
  readonly ratio: number
  readonly ratioMin: number
  readonly ratioMax: number
  readonly barePerSecond: number
  readonly bareMicros: number
  readonly addedMicros: number
  /** The same of OpenTelemetry's instrumentation, where the framework has one. */
  readonly otel?: { readonly ratio: number; readonly addedMicros: number }
}

type Ask = (message: object) => Promise<unknown>

function asker(worker: Worker): Ask {
  return (message) =>
    new Promise((resolve, reject) => {
      worker.once('message', resolve)
      worker.once('error', reject)
      worker.postMessage(message)
    })
}

async function compare(
  name: Contender,
  ports: Ports,
  rounds: number,
  ms: number,
  asks: Readonly<Record<Side, Ask>>,
): Promise<Result> {
  const present = sides.filter((side) => ports[side] !== undefined)
  const clients = new Map<Side, Client>()
  for (const side of present) clients.set(side, await openClient(ports[side] ?? 0))
  const round = async (side: Side): Promise<Round> => {
    const before = (await asks[side]({ sample: true })) as Sample
    const { requests, seconds } = (await clients.get(side)?.load(ms)) ?? { requests: 0, seconds: 1 }
    const after = (await asks[side]({ sample: true })) as Sample
    const rows = after.rows - before.rows
    const expected = side === 'bare' ? 0 : requests
    if (rows !== expected)
      throw new Error(`${name}: ${requests} requests left ${rows} rows on the ${side} server`)
    return { perSecond: requests / seconds, micros: (after.cpuMicros - before.cpuMicros) / requests }
  }
  // All sides are compiled by the time it counts.
  for (let warm = 0; warm < 2; warm++) for (const side of present) await round(side)
  const turns: Partial<Record<Side, Round>>[] = []
  for (let turn = 0; turn < rounds; turn++) {
    const results: Partial<Record<Side, Round>> = {}
    // The order alternates, so that a drift of the machine favours none.
    for (const side of turn % 2 === 0 ? present : present.toReversed()) results[side] = await round(side)
    turns.push(results)
  }
  for (const client of clients.values()) client.close()
  const beside = (side: Side, pick: (one: Round, bare: Round) => number): number[] =>
    turns.flatMap(({ bare, [side]: one }) =>
      bare === undefined || one === undefined ? [] : [pick(one, bare)],
    )
  const ratiosOf = (side: Side): number[] => beside(side, (one, bare) => one.perSecond / bare.perSecond)
  const addedOf = (side: Side): number => median(beside(side, (one, bare) => one.micros - bare.micros))
  const ratios = ratiosOf('shim')
  return {
    name,
    ratio: median(ratios),
    ratioMin: Math.min(...ratios),
    ratioMax: Math.max(...ratios),
    barePerSecond: median(beside('bare', (one) => one.perSecond)),
    bareMicros: median(beside('bare', (one) => one.micros)),
    addedMicros: addedOf('shim'),
    ...(ports.otel === undefined
      ? {}
      : { otel: { ratio: median(ratiosOf('otel')), addedMicros: addedOf('otel') } }),
  }
}

interface Round {
  readonly perSecond: number
  readonly micros: number
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, two) => one - two)
  return ((sorted[(sorted.length - 1) >> 1] ?? 0) + (sorted[sorted.length >> 1] ?? 0)) / 2
}

function lineOf(result: Result): string {
  const { name, ratio, ratioMin, ratioMax, barePerSecond, bareMicros, addedMicros, otel } = result
  const peer =
    otel === undefined
      ? ''
      : `; OpenTelemetry ${otel.ratio.toFixed(3)}x bare, adds ${otel.addedMicros.toFixed(2)} us`
  return `${name.padEnd(8)} ${ratio.toFixed(3)}x bare (${ratioMin.toFixed(3)} to ${ratioMax.toFixed(3)})  bare ${Math.round(barePerSecond)} req/s, ${bareMicros.toFixed(1)} us CPU; shim adds ${addedMicros.toFixed(2)} us${peer}`
}

interface Client {
  load(ms: number): Promise<{ requests: number; seconds: number }>
  close(): void
}

const requestText =
  'GET /items/42?full=1 HTTP/1.1\r\nhost: localhost\r\naccept: application/json\r\nuser-agent: bench/1.0 (loopback)\r\naccept-encoding: gzip, br\r\n\r\n'
const connections = 32

/** Sockets that send the next request when an answer is whole. All answers of one server have one length, learnt first. */
async function openClient(port: number): Promise<Client> {
  const sockets = await Promise.all(Array.from({ length: connections }, () => openSocket(port)))
  const length = await firstAnswer(sockets[0] as Socket)
  let isRunning = false
  let requests = 0
  let inFlight = 0
  let onIdle = (): void => undefined
  for (const socket of sockets) {
    let left = length
    socket.on('data', (chunk) => {
      left -= chunk.length
      if (left > 0) return
      if (left < 0) throw new Error('an answer was longer than the first one')
      left = length
      requests++
      if (isRunning) socket.write(requestText)
      else if (--inFlight === 0) onIdle()
    })
  }
  return {
    async load(ms) {
      requests = 0
      isRunning = true
      inFlight = sockets.length
      const idle = new Promise<void>((resolve) => (onIdle = resolve))
      const startedAt = performance.now()
      for (const socket of sockets) socket.write(requestText)
      setTimeout(() => (isRunning = false), ms)
      await idle
      const seconds = (performance.now() - startedAt) / 1000
      // Rows are written when a response closes, a turn after its last byte.
      await new Promise((resolve) => setTimeout(resolve, 20))
      return { requests, seconds }
    },
    close: () => sockets.forEach((socket) => socket.destroy()),
  }
}

function openSocket(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => resolve(socket)).once(
      'error',
      reject,
    )
  })
}

async function firstAnswer(socket: Socket): Promise<number> {
  const answer = new Promise<number>((resolve) => socket.once('data', (chunk) => resolve(chunk.length)))
  socket.write(requestText)
  return answer
}

// The server's thread.

function serve(): void {
  let rows = 0
  const recorder: HttpRecorder = {
    recordApi: () => void rows++,
    mintID: createMint(),
  }
  parentPort?.on('message', (message: { start?: Contender }) => {
    void answer(message).then((reply) => parentPort?.postMessage(reply))
  })
  async function answer({ start }: { start?: Contender }): Promise<Ports | Sample> {
    if (start === undefined) {
      const { user, system } = process.threadCpuUsage()
      return { cpuMicros: user + system, rows }
    }
    const [bare, shim] = await Promise.all([startServer(start, undefined), startServer(start, recorder)])
    return { bare: portOf(bare), shim: portOf(shim) }
  }
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port
}

/** As long as a minted id, and as cheap as one can be: what is measured is the shim. */
function createMint(): () => string {
  let count = 0
  return () => (count++).toString(16).padStart(12, '0')
}

async function startServer(name: Contender, fasten: HttpRecorder | undefined): Promise<Server> {
  const options = fasten === undefined ? undefined : { fasten }
  switch (name) {
    case 'node': {
      const { wrap } = await import('fasten/http/node')
      const handler = (_req: IncomingMessage, res: ServerResponse): void => {
        res.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length })
        res.end(body)
      }
      return listen(createServer(options === undefined ? handler : wrap(handler, options)))
    }
    case 'express': {
      const [{ default: express }, { expressShim }] = await Promise.all([
        import('express'),
        import('fasten/http/express'),
      ])
      const app = express()
      if (options !== undefined) app.use(expressShim(options))
      app.get('/items/:id', (req, res) => void res.json({ id: req.params['id'] }))
      return listen(createServer(app))
    }
    case 'fastify': {
      const [{ default: fastify }, { fastifyShim }] = await Promise.all([
        import('fastify'),
        import('fasten/http/fastify'),
      ])
      const app = fastify()
      if (options !== undefined) await app.register(fastifyShim(options))
      app.get<{ Params: { id: string } }>('/items/:id', (request) =>
        Promise.resolve({ id: request.params.id }),
      )
      await app.listen({ port: 0, host: '127.0.0.1' })
      return app.server
    }
    case 'hono': {
      const [{ Hono }, { serve: serveHono }, { honoShim }] = await Promise.all([
        import('hono'),
        import('@hono/node-server'),
        import('fasten/http/hono'),
      ])
      const app = new Hono()
      if (options !== undefined) app.use(honoShim(options))
      app.get('/items/:id', (context) => context.json({ id: context.req.param('id') }))
      return new Promise((resolve) => {
        const server = serveHono({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, () => resolve(server))
      })
    }
    case 'koa': {
      const [{ default: Koa }, { koaShim }] = await Promise.all([import('koa'), import('fasten/http/koa')])
      const app = new Koa()
      if (options !== undefined) app.use(koaShim(options))
      app.use((context) => void (context.body = { id: '42' }))
      const answer = app.callback()
      return listen(createServer((req, res) => void answer(req, res)))
    }
  }
}

const body = Buffer.from('{"id":"42"}')

function listen(server: Server): Promise<Server> {
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)))
}

if (isMainThread) await main()
else serve()
