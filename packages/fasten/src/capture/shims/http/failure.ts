// SPDX-License-Identifier: Apache-2.0
import { currentExchange } from './exchange-key.ts'
import type { Exchange } from './exchange.ts'

/**
 * Puts the class of an error into the api row of the request in progress, where an application turns errors into
 * answers before the shim can see them. Returns false outside a request, where it does nothing.
 */
export function noteError(error: unknown): boolean {
  const exchange = currentExchange()
  if (exchange !== undefined) noteFailure(exchange, error)
  return exchange !== undefined
}

/** Keeps what went wrong for the api row; the first failure is the cause, later ones its consequences. */
export function noteFailure(exchange: Exchange, failure: unknown): void {
  exchange.error ??= errorName(failure)
}

const charactersMax = 128

/** The class of an error (`TypeError`, or the constructor's name when `name` was left at `Error`), else its type. Never throws. */
export function errorName(failure: unknown): string {
  try {
    if (!(failure instanceof Error)) return failure === null ? 'null' : typeof failure
    const name: unknown = failure.name === 'Error' ? failure.constructor.name : failure.name
    return typeof name === 'string' && name !== '' ? name.slice(0, charactersMax) : 'Error'
  } catch {
    // A getter or a proxy of the application's: whoever waits for this error must get it, not ours.
    return typeof failure
  }
}
