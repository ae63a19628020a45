// SPDX-License-Identifier: Apache-2.0
import type { ServerResponse } from 'node:http'
import { currentExchange } from './exchange-key.ts'
import { noteFailure } from './failure.ts'
import { expressShim, type ExpressMiddleware, type ExpressRequest } from './express.ts'
import type { HttpOptions } from './options.ts'

/**
 * Middleware for NestJS on its Express adapter: `app.use(nestShim())` before anything else, so that guards, pipes,
 * interceptors and filters run in the request's context. On the Fastify adapter register `fastifyShim()` on the adapter's
 * instance instead: `app.register(fastifyShim())`.
 */
export function nestShim<Request extends ExpressRequest = ExpressRequest>(
  options: HttpOptions<Request> = {},
): ExpressMiddleware<Request> {
  return expressShim(options)
}

/** A middleware class, for modules that wire it themselves: `consumer.apply(nestMiddleware()).forRoutes('{*path}')`. */
export function nestMiddleware<Request extends ExpressRequest = ExpressRequest>(
  options: HttpOptions<Request> = {},
): new () => { use: ExpressMiddleware<Request> } {
  const use = expressShim(options)
  return class FastenMiddleware {
    use(req: Request, res: ServerResponse, next: (error?: unknown) => void): void {
      use(req, res, next)
    }
  }
}

/** What is wrapped below: any exception filter of NestJS, of the framework or of your own. */
export interface ExceptionFilterLike {
  catch: (exception: never, host: never) => unknown
}

/**
 * Makes a filter put the class of each exception into the api row, and answer as it always did; returns it. Nest turns
 * exceptions into answers before Express sees them, so only a filter can tell:
 * `app.useGlobalFilters(nestFilter(new BaseExceptionFilter(app.getHttpAdapter())))`.
 */
export function nestFilter<Filter extends ExceptionFilterLike>(filter: Filter): Filter {
  if (typeof filter?.catch !== 'function')
    throw new TypeError('filter: give an exception filter, with its catch method')
  const answer = filter.catch.bind(filter)
  filter.catch = (exception: never, host: never) => {
    const exchange = currentExchange()
    if (exchange !== undefined) noteFailure(exchange, exception)
    return answer(exception, host)
  }
  return filter
}
