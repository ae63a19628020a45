// SPDX-License-Identifier: Apache-2.0
import { runExchange } from './exchange-key.ts'
import { answerHeaders, beginExchange, endExchange, type RequestFacts } from './exchange.ts'
import { noteFailure } from './failure.ts'
import type { HttpShim } from './options.ts'

/** What the work says about its answer while it makes it. */
export interface Reply {
  /** HTTP status; 200 until something else is said, 500 when the work throws before saying so. */
  status: number | undefined
  /** The pattern that matched. */
  route: string | undefined
  bytes_in: number | undefined
  bytes_out: number | undefined
  /** Class or code of what went wrong; said by itself when the work throws. */
  error: string | undefined
  /** To be sent with the answer: the request id, and the trace when that is wanted. */
  readonly headers: { readonly [name: string]: string }
}

/**
 * Runs `work` as one request of a transport no shim knows (a serverless event, a message that speaks HTTP): inside a
 * context with a request id taken from the headers or minted, followed by one api row when the work has settled. Returns
 * or throws what the work does. `shim` is made once: `const shim = createHttpShim(options)`.
 */
export function withRequest<Result>(
  shim: HttpShim,
  facts: RequestFacts,
  work: (reply: Reply) => Promise<Result>,
): Promise<Result>
export function withRequest<Result>(
  shim: HttpShim,
  facts: RequestFacts,
  work: (reply: Reply) => Result,
): Result
export function withRequest<Result>(
  shim: HttpShim,
  facts: RequestFacts,
  work: (reply: Reply) => Result,
): Result {
  const exchange = beginExchange(shim, facts)
  const reply: Reply = {
    status: undefined,
    route: undefined,
    bytes_in: undefined,
    bytes_out: undefined,
    error: undefined,
    headers: answerHeaders(exchange),
  }
  const end = (otherwise: number): void => {
    exchange.route = reply.route
    endExchange(exchange, { ...reply, status: reply.status ?? otherwise })
  }
  const fail = (failure: unknown): never => {
    noteFailure(exchange, failure)
    end(500)
    throw failure
  }
  let result: Result
  try {
    result = runExchange(exchange, () => work(reply))
  } catch (failure) {
    return fail(failure)
  }
  if (result instanceof Promise)
    return result.then((value: unknown) => {
      end(200)
      return value
    }, fail) as Result
  end(200)
  return result
}
