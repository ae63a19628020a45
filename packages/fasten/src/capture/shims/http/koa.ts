// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { runExchange } from './exchange-key.ts'
import type { Exchange } from './exchange.ts'
import { noteFailure } from './failure.ts'
import { beginNodeExchange } from './node-exchange.ts'
import { createHttpShim, type HttpOptions } from './options.ts'

/** What the shim needs of Koa's context; those of versions 2 and 3 are such. */
export interface KoaContextLike {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly originalUrl: string
  readonly body?: unknown
}

export type KoaMiddleware<Context extends KoaContextLike = KoaContextLike> = (
  context: Context,
  next: () => Promise<unknown>,
) => Promise<void>

/** Middleware for Koa 2 and 3; use it first: `app.use(koaShim())`. The route is the one `@koa/router` matched. */
export function koaShim<Context extends KoaContextLike = KoaContextLike>(
  options: HttpOptions<Context> = {},
): KoaMiddleware<Context> {
  const shim = createHttpShim(options)
  return async (context, next) => {
    const exchange = beginNodeExchange(shim, context.req, context.res, context.originalUrl)
    exchange.request = context
    exchange.readRoute ??= koaRouteOf
    try {
      await runExchange(exchange, next)
      // Koa pipes a body after all middleware, outside their context.
      keepReading(exchange, context.body)
    } catch (failure) {
      noteFailure(exchange, failure)
      throw failure
    }
  }
}

/** Lets whatever makes the parts of a readable body run in the request's context, whoever reads it. */
function keepReading(exchange: Exchange, body: unknown): void {
  if (!(body instanceof Readable)) return
  const read = body._read
  body._read = (size) => runExchange(exchange, () => read.call(body, size))
}

/** What `@koa/router` and its ancestor koa-router leave on the context, prefixes and nesting included. */
function koaRouteOf(request: unknown): string | undefined {
  const { _matchedRoute: matched } = request as { readonly _matchedRoute?: unknown }
  return typeof matched === 'string' || matched instanceof RegExp ? String(matched) : undefined
}
