// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createReaderRouter, type ReaderOptions, type ReaderSource } from '../router.ts'
import { serve } from './node.ts'

/** What is used of a Fastify instance, request and reply. */
export interface FastifyLike {
  readonly prefix: string
  all(path: string, handler: (request: FastifyRequestLike, reply: FastifyReplyLike) => void): unknown
}
export interface FastifyRequestLike {
  readonly raw: IncomingMessage
}
export interface FastifyReplyLike {
  readonly raw: ServerResponse
  hijack(): unknown
  getHeaders(): Readonly<Record<string, unknown>>
}

export type FastifyReader = (instance: FastifyLike, options: unknown, done: () => void) => void

/**
 * The reader as a Fastify plugin: `app.register(fastifyReader(fasten, { token }), { prefix: '/api/v1/logs' })`. Hooks that run
 * before the handler (authentication, rate limits) apply, and headers they set are kept; the answer itself streams past
 * Fastify's serialisation.
 */
export function fastifyReader(source: ReaderSource, options: ReaderOptions): FastifyReader {
  return (instance, _options, done) => {
    const handle = createReaderRouter(source, { ...options, basePath: options.basePath ?? instance.prefix })
    const answer = (request: FastifyRequestLike, reply: FastifyReplyLike): void => {
      for (const [name, value] of Object.entries(reply.getHeaders())) {
        if (typeof value === 'string' || typeof value === 'number') reply.raw.setHeader(name, value)
      }
      reply.hijack()
      serve(handle, request.raw, reply.raw, request.raw.url ?? '/')
    }
    instance.all('/', answer)
    instance.all('/*', answer)
    done()
  }
}
