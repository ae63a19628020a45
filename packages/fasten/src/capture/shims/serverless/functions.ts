// SPDX-License-Identifier: Apache-2.0
import { receive } from '../../carriers/carrier.ts'
import { wrapFetch } from '../http/fetch.ts'
import { createHttpShim } from '../http/options.ts'
import { withRequest } from '../http/with-request.ts'
import { eventCarrier } from './carriers.ts'
import { flushed, type ServerlessOptions } from './flushing.ts'

/**
 * A handler of the `fetch` kind (Workers, Vercel, Deno) as `wrapFetch` of fasten/http makes it, which answers when the rows it left are stored. The api row of an
 * answer with a body is written when the body has been read.
 */
export function wrapFetchFunction<Rest extends unknown[]>(
  handler: (request: Request, ...rest: Rest) => Response | Promise<Response>,
  options: ServerlessOptions = {},
): (request: Request, ...rest: Rest) => Promise<Response> {
  const wrapped = wrapFetch(handler, options.fasten === undefined ? {} : { fasten: options.fasten })
  return async (request, ...rest) => flushed(options, undefined, async () => wrapped(request, ...rest))
}

/** A request of Azure Functions v4, as far as it is read. */
export interface AzureRequest {
  readonly method: string
  readonly url: string
  readonly headers: { entries(): Iterable<readonly [string, string]> }
}

/** An HTTP handler of Azure Functions v4: one api row per request, answered when rows are stored. */
export function wrapAzureHttp<Req extends AzureRequest, Rest extends unknown[], Result>(
  handler: (request: Req, ...rest: Rest) => Promise<Result> | Result,
  options: ServerlessOptions = {},
): (request: Req, ...rest: Rest) => Promise<Result> {
  if (typeof handler !== 'function') throw new TypeError('handler: give a function of (request, context)')
  const shim = createHttpShim(options.fasten === undefined ? {} : { fasten: options.fasten })
  return async (request, ...rest) => {
    const { method, url: target } = request
    const facts = { method, target, headers: Object.fromEntries(request.headers.entries()), request }
    return flushed(options, undefined, async () =>
      withRequest(shim, facts, async (reply) => {
        const result = await handler(request, ...rest)
        const { status } = (result ?? {}) as { readonly status?: unknown }
        if (typeof status === 'number') reply.status = status
        return result
      }),
    )
  }
}

/** A handler of events that are not HTTP (CloudEvents of Google Cloud, queues and timers of Azure): runs in the context of what the event carries. */
export function wrapEvent<Event, Rest extends unknown[], Result>(
  handler: (event: Event, ...rest: Rest) => Promise<Result> | Result,
  options: ServerlessOptions = {},
): (event: Event, ...rest: Rest) => Promise<Result> {
  if (typeof handler !== 'function') throw new TypeError('handler: give a function of (event)')
  return async (event, ...rest) =>
    flushed(options, undefined, async () => receive(eventCarrier, event, async () => handler(event, ...rest)))
}
