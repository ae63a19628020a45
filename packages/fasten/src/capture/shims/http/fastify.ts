// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage, ServerResponse } from 'node:http'
import { runExchange } from './exchange-key.ts'
import { noteFailure } from './failure.ts'
import { instrumentWith, type NodeServer } from './node.ts'
import { beginNodeExchange, nodeExchange } from './node-exchange.ts'
import { createHttpShim, type HttpOptions } from './options.ts'

/** What the shim needs of Fastify's request and reply; those of versions 4 and 5 are such. */
export interface FastifyRequestLike {
  readonly raw: IncomingMessage
  readonly originalUrl: string
  readonly routeOptions: { readonly url?: string | undefined }
}

export interface FastifyReplyLike {
  readonly raw: ServerResponse
}

/** What the shim needs of an instance. */
export interface FastifyInstanceLike {
  readonly server: NodeServer
  addHook(
    name: 'onRequest',
    hook: (request: FastifyRequestLike, reply: FastifyReplyLike, done: () => void) => void,
  ): unknown
  addHook(
    name: 'onError',
    hook: (request: FastifyRequestLike, reply: FastifyReplyLike, error: Error, done: () => void) => void,
  ): unknown
}

/** A plugin for `app.register`. */
export type FastifyShim = (instance: FastifyInstanceLike, options: object, done: () => void) => void

/**
 * A plugin for Fastify 4 and 5; register it first: `app.register(fastifyShim())`. It reaches the whole application it is
 * registered on, not only its own scope, and the server below: rows are also left by addresses Fastify refuses before
 * any hook, by unknown routes and by upgrades.
 */
export function fastifyShim<Request extends FastifyRequestLike = FastifyRequestLike>(
  options: HttpOptions<Request> = {},
): FastifyShim {
  const shim = createHttpShim(options)
  const plugin: FastifyShim = (instance, _options, done) => {
    instrumentWith(instance.server, shim)
    instance.addHook('onRequest', (request, reply, next) => {
      // Begun by the server already, unless the request was injected or came in through a further listening socket.
      const exchange = beginNodeExchange(shim, request.raw, reply.raw, request.originalUrl)
      exchange.request = request
      exchange.route = request.routeOptions.url
      runExchange(exchange, next)
    })
    instance.addHook('onError', (request, _reply, error, next) => {
      const exchange = nodeExchange(request.raw)
      if (exchange !== undefined) noteFailure(exchange, error)
      next()
    })
    done()
  }
  // What the fastify-plugin package would do: leave the scope, carry a name and the versions it is made for.
  return Object.assign(plugin, {
    [Symbol.for('skip-override')]: true,
    [Symbol.for('fastify.display-name')]: 'fasten',
    [Symbol.for('plugin-meta')]: { name: 'fasten', fastify: '4.x || 5.x' },
  })
}
