// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage, ServerResponse } from 'node:http'
import { runExchange } from './exchange-key.ts'
import type { Exchange } from './exchange.ts'
import { errorName } from './failure.ts'
import { beginFetchExchange, endWithResponse } from './fetch.ts'
import { beginNodeExchange } from './node-exchange.ts'
import { createHttpShim, type HttpOptions, type HttpShim } from './options.ts'
import { beginUpgrade } from './upgrade.ts'

/** What the shim needs of Hono's context; that of version 4 is such. */
export interface HonoContextLike {
  readonly env: unknown
  readonly req: { readonly raw: Request; readonly routeIndex: number }
  readonly error: Error | undefined
  res: Response
}

export type HonoMiddleware<Context extends HonoContextLike = HonoContextLike> = (
  context: Context,
  next: () => Promise<void>,
) => Promise<void>

/**
 * Middleware for Hono 4; use it first: `app.use(honoShim())`. On `@hono/node-server` the row is written when the socket
 * is done with the answer; on runtimes that only know `fetch`, when the body has been read to its end or given up.
 */
export function honoShim<Context extends HonoContextLike = HonoContextLike>(
  options: HttpOptions<Context> = {},
): HonoMiddleware<Context> {
  const shim = createHttpShim(options)
  return (context, next) => {
    const pair = nodePairOf(context.env)
    return pair === undefined ? handleFetch(shim, context, next) : handleNode(shim, pair, context, next)
  }
}

interface NodePair {
  readonly incoming: IncomingMessage
  /** Missing while an upgrade is negotiated. */
  readonly outgoing: ServerResponse | undefined
}

/** What `@hono/node-server` hands on as `env`. */
function nodePairOf(env: unknown): NodePair | undefined {
  if (typeof env !== 'object' || env === null || !('incoming' in env)) return undefined
  const { incoming, outgoing } = env as {
    readonly incoming?: IncomingMessage
    readonly outgoing?: ServerResponse
  }
  return incoming?.socket === undefined ? undefined : { incoming, outgoing }
}

/**
 * Nothing here may look at `context.res`, nor set a header on it: that makes the Node.js adapter build the whole
 * Response it otherwise leaves out, which costs more than half of the requests per second. Node.js's own `res` tells all.
 */
function handleNode(
  shim: HttpShim,
  { incoming, outgoing }: NodePair,
  context: HonoContextLike,
  next: () => Promise<void>,
): Promise<void> {
  const exchange =
    outgoing === undefined
      ? beginUpgrade(shim, incoming, incoming.socket)
      : beginNodeExchange(shim, incoming, outgoing)
  follow(exchange, context)
  return runExchange(exchange, next)
}

async function handleFetch(
  shim: HttpShim,
  context: HonoContextLike,
  next: () => Promise<void>,
): Promise<void> {
  const exchange = beginFetchExchange(shim, context.req.raw, context)
  follow(exchange, context)
  await runExchange(exchange, next)
  context.res = endWithResponse(exchange, context.res)
}

function follow(exchange: Exchange, context: HonoContextLike): void {
  exchange.request = context
  exchange.readRoute ??= honoRouteOf
  exchange.readError ??= honoErrorOf
}

interface HonoRoute {
  readonly path: string
  readonly method: string
  readonly handler: HonoHandler
}

type HonoHandler = ((...values: never[]) => unknown) & { readonly __COMPOSED_HANDLER?: HonoHandler }

/** The pattern of the deepest handler that ran; middleware, which takes a second parameter, matched no route. */
function honoRouteOf(request: unknown): string | undefined {
  const { req } = request as {
    readonly req: { readonly routeIndex: number; readonly matchedRoutes?: readonly HonoRoute[] }
  }
  const routes = req.matchedRoutes ?? []
  for (let place = Math.min(req.routeIndex, routes.length - 1); place >= 0; place--) {
    const route = routes[place]
    if (route !== undefined && isRoute(route)) return route.path
  }
  return undefined
}

function isRoute(route: HonoRoute): boolean {
  if (route.method !== 'ALL') return true
  // A sub-application with an error handler of its own wraps its handlers.
  let { handler } = route
  while (handler.__COMPOSED_HANDLER !== undefined) handler = handler.__COMPOSED_HANDLER
  return handler.length < 2
}

function honoErrorOf(request: unknown): string | undefined {
  const { error } = request as HonoContextLike
  return error === undefined ? undefined : errorName(error)
}
