// SPDX-License-Identifier: Apache-2.0
import { currentContext, runWithContext, type RequestContext } from '../../context.ts'
import type { Exchange } from './exchange.ts'

/**
 * Where a context, a request and a response keep their exchange. Enumerable on contexts, so that the copies
 * `extendContext` makes lead to it as well; a symbol, so that no row ever shows it.
 */
export const exchangeKey: unique symbol = Symbol('fasten.exchange')

/** A context that is being filled. */
export type MutableContext = { -readonly [Member in keyof RequestContext]: RequestContext[Member] } & {
  [exchangeKey]?: Exchange
}

/** The exchange of the work in progress, or undefined outside a request. */
export function currentExchange(): Exchange | undefined {
  return exchangeOf(currentContext())
}

/** The exchange a context belongs to. */
export function exchangeOf(context: RequestContext | undefined): Exchange | undefined {
  return (context as { readonly [exchangeKey]?: Exchange } | undefined)?.[exchangeKey]
}

/** Runs `work` in the request's context, if it does not run there already; returns what it returns. */
export function runExchange<T, Values extends unknown[]>(
  exchange: Exchange,
  work: (...values: Values) => T,
  ...values: Values
): T {
  return currentExchange() === exchange ? work(...values) : runWithContext(exchange.context, work, ...values)
}
