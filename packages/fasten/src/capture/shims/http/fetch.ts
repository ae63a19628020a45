// SPDX-License-Identifier: Apache-2.0
import { exchangeKey, runExchange } from './exchange-key.ts'
import { answerHeaders, beginExchange, endExchange, type Exchange } from './exchange.ts'
import { errorName, noteFailure } from './failure.ts'
import { createHttpShim, type HttpOptions, type HttpShim } from './options.ts'

/**
 * A handler of the `fetch` kind (Hono or any other on an edge runtime, a Next.js route handler, a service worker) that
 * runs in a context and leaves one api row per request. The row is written when the answer's body has been read to its
 * end, or given up; an answer without a body ends the request at once.
 */
export function wrapFetch<Rest extends unknown[]>(
  handler: (request: Request, ...rest: Rest) => Response | Promise<Response>,
  options: HttpOptions<Request> = {},
): (request: Request, ...rest: Rest) => Promise<Response> {
  if (typeof handler !== 'function') throw new TypeError('handler: give a function of (request)')
  const shim = createHttpShim(options)
  return async (request, ...rest) => {
    const exchange = beginFetchExchange(shim, request, request)
    try {
      return endWithResponse(exchange, await runExchange(exchange, () => handler(request, ...rest)))
    } catch (failure) {
      noteFailure(exchange, failure)
      endExchange(exchange, { status: 500 })
      throw failure
    }
  }
}

/** Begins the exchange of a web-standard request, or gives back the one an outer shim began for it. */
export function beginFetchExchange(shim: HttpShim, request: Request, hooksRequest: unknown): Exchange {
  const marked = request as { [exchangeKey]?: Exchange }
  const known = marked[exchangeKey]
  if (known !== undefined) return known
  const exchange = beginExchange(shim, {
    method: request.method,
    target: request.url,
    headers: headersOf(shim, request),
    request: hooksRequest,
  })
  marked[exchangeKey] = exchange
  const length = request.headers.get('content-length')
  if (length !== null && /^\d{1,15}$/.test(length)) {
    exchange.hasBody = true
    exchange.bytesIn = Number(length)
  }
  // Runtimes that notice a client leaving say so here, also when they then drop an answer without reading it.
  request.signal.addEventListener('abort', () => {
    const status = exchange.response?.statusCode ?? (exchange.error === undefined ? 499 : 500)
    endExchange(exchange, { status, ...bytesIn(exchange), error: exchange.error ?? 'aborted' })
  })
  return exchange
}

function headersOf(shim: HttpShim, request: Request): Record<string, string | undefined> {
  const headers: Record<string, string | undefined> = {}
  const names = [
    ...shim.requestIdHeaders,
    'user-agent',
    'traceparent',
    'tracestate',
    'baggage',
    shim.forwardedHeader,
  ]
  for (const name of names) headers[name] = request.headers.get(name) ?? undefined
  return headers
}

/**
 * The answer marked with the request id. Ends the exchange with it: when its body is done, or at once when there is
 * none (a switch of protocols has none either, and its `Response` must be handed on as it is).
 */
export function endWithResponse(exchange: Exchange, response: Response): Response {
  if (exchange.isEnded) return response
  if (response.status === 101) {
    endExchange(exchange, { status: 101 })
    return response
  }
  const headers = new Headers(response.headers)
  for (const [name, value] of Object.entries(answerHeaders(exchange)))
    if (!headers.has(name)) headers.set(name, value)
  const init = { status: response.status, statusText: response.statusText, headers }
  exchange.response = { headersSent: true, statusCode: response.status, writableFinished: false }
  // The body of an answer to HEAD is dropped by whoever sends it, without being read or cancelled.
  if (response.body !== null && exchange.method !== 'HEAD')
    return new Response(followBody(exchange, response.status, response.body), init)
  endExchange(exchange, {
    status: response.status,
    ...bytesIn(exchange),
    bytes_out: exchange.shim.isCounting ? 0 : undefined,
  })
  return new Response(null, init)
}

/** The same bytes, counted; the row is written when the reader reaches the end or turns away. */
function followBody(
  exchange: Exchange,
  status: number,
  body: ReadableStream<Uint8Array>,
): ReadableStream<Uint8Array> {
  const reader = body.getReader()
  const end = (error?: string): void => {
    const { isCounting } = exchange.shim
    endExchange(exchange, {
      status,
      ...bytesIn(exchange),
      bytes_out: isCounting ? exchange.bytesOut : undefined,
      error,
    })
  }
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await runExchange(exchange, () => reader.read())
          if (done) {
            end()
            controller.close()
          } else {
            exchange.bytesOut += value.byteLength
            controller.enqueue(value)
          }
        } catch (failure) {
          end(errorName(failure))
          controller.error(failure)
        }
      },
      async cancel(reason) {
        end('aborted')
        await reader.cancel(reason)
      },
    },
    // Nothing is read ahead of the client, or an answer it never took would count as delivered.
    { highWaterMark: 0 },
  )
}

/** What the request announced; the body itself is read out of our sight. */
function bytesIn(exchange: Exchange): { bytes_in?: number } {
  return exchange.shim.isCounting && exchange.hasBody ? { bytes_in: exchange.bytesIn } : {}
}
