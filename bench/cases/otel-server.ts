// SPDX-License-Identifier: Apache-2.0
/**
 * The server of http-shims.ts under OpenTelemetry's own instrumentation, in a thread of its own, since that changes node:http for everybody in it. Spans are
 * sampled, ended and thrown away, as rows are beside it. Modules are required, which is how the instrumentation finds them.
 */
import { createRequire } from 'node:module'
import type { AddressInfo, Server } from 'node:net'
import { parentPort } from 'node:worker_threads'
import { context, propagation, SpanKind, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import { registerInstrumentations } from '@opentelemetry/instrumentation'
import { ExpressInstrumentation } from '@opentelemetry/instrumentation-express'
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http'
import { TracerProvider } from '@opentelemetry/sdk-trace'
import type { Express } from 'express'
import type { FastifyInstance, FastifyPluginCallback } from 'fastify'
import type { OtelContender } from './otel-contenders.ts'

let requests = 0
const provider = new TracerProvider({
  spanProcessors: [
    {
      onStart: () => {},
      // One server span a request, whatever spans a framework adds.
      onEnd: ({ kind }) => void (kind === SpanKind.SERVER && requests++),
      forceFlush: async () => {},
      shutdown: async () => {},
    },
  ],
})
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
propagation.setGlobalPropagator(new W3CTraceContextPropagator())
trace.setGlobalTracerProvider(provider)
registerInstrumentations({
  tracerProvider: provider,
  instrumentations: [new HttpInstrumentation(), new ExpressInstrumentation()],
})

const require = createRequire(import.meta.url)

parentPort?.on('message', ({ start }: { readonly start?: OtelContender }) => {
  if (start === undefined) {
    const { user, system } = process.threadCpuUsage()
    parentPort?.postMessage({ cpuMicros: user + system, rows: requests })
  } else
    void startServer(start).then((server) =>
      parentPort?.postMessage({ port: (server.address() as AddressInfo).port }),
    )
})

async function startServer(name: OtelContender): Promise<Server> {
  const http = require('node:http') as typeof import('node:http')
  switch (name) {
    case 'node':
      return listen(
        http.createServer((_req, res) => {
          res.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length })
          res.end(body)
        }),
      )
    case 'express': {
      const app = (require('express') as () => Express)()
      app.get('/items/:id', (req, res) => void res.json({ id: req.params['id'] }))
      return listen(http.createServer(app))
    }
    case 'fastify': {
      const { FastifyOtelInstrumentation } = require('@fastify/otel') as {
        FastifyOtelInstrumentation: new () => {
          setTracerProvider(provider: TracerProvider): void
          plugin(): FastifyPluginCallback
        }
      }
      const instrumentation = new FastifyOtelInstrumentation()
      instrumentation.setTracerProvider(provider)
      const app = (require('fastify') as () => FastifyInstance)()
      await app.register(instrumentation.plugin())
      app.get<{ Params: { id: string } }>('/items/:id', (request) =>
        Promise.resolve({ id: request.params.id }),
      )
      await app.listen({ port: 0, host: '127.0.0.1' })
      return app.server
    }
  }
}

const body = Buffer.from('{"id":"42"}')

function listen(server: Server): Promise<Server> {
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)))
}
