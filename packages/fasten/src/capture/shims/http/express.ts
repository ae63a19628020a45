// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage, ServerResponse } from 'node:http'
import { currentExchange, runExchange } from './exchange-key.ts'
import { noteFailure } from './failure.ts'
import { expressErrorOf, expressRouteOf } from './express-route.ts'
import { beginNodeExchange, nodeExchange } from './node-exchange.ts'
import { createHttpShim, type HttpOptions } from './options.ts'

/** What the shim needs of a request; Express 4 and 5 requests are such, and so are those of connect and Restify. */
export type ExpressRequest = IncomingMessage & { readonly originalUrl?: string }

/** Middleware as every version of Express takes it, written out so that no typings of Express are needed. */
export type ExpressMiddleware<Request extends ExpressRequest = ExpressRequest> = (
  req: Request,
  res: ServerResponse,
  next: (error?: unknown) => void,
) => void

export type ExpressErrorMiddleware = (
  error: unknown,
  req: ExpressRequest,
  res: ServerResponse,
  next: (error?: unknown) => void,
) => void

/**
 * Middleware for Express 4 and 5; mount it first, on the application: `app.use(expressShim())`. Everything after it runs
 * in the request's context, and each request leaves one api row with the pattern that matched (mounts included).
 */
export function expressShim<Request extends ExpressRequest = ExpressRequest>(
  options: HttpOptions<Request> = {},
): ExpressMiddleware<Request> {
  const shim = createHttpShim(options)
  return (req, res, next) => {
    const exchange = beginNodeExchange(shim, req, res, req.originalUrl ?? req.url)
    exchange.request = req
    exchange.readRoute ??= expressRouteOf
    exchange.readError ??= expressErrorOf
    runExchange(exchange, next)
  }
}

/**
 * Error middleware that puts the class of an error into the api row and passes it on; mount it after the routes, before
 * error handlers of your own. Express 5.3 remembers errors itself, so there it adds nothing.
 */
export function expressErrorShim(): ExpressErrorMiddleware {
  // Express tells error middleware by its four parameters.
  return (error, req, _res, next) => {
    const exchange = nodeExchange(req) ?? currentExchange()
    if (exchange !== undefined) noteFailure(exchange, error)
    next(error)
  }
}
