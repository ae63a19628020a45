// SPDX-License-Identifier: Apache-2.0
import { currentContext, runWithContext } from '../../context.ts'
import { exchangeKey, exchangeOf } from './exchange-key.ts'
import type { Exchange } from './exchange.ts'

type Emit = (name: string | symbol, ...values: unknown[]) => boolean
type On = (name: string | symbol, listener: (...values: never[]) => void) => unknown

/** What is needed of `req`, `res` and sockets; the exchange is on them before this is called. */
export interface ContextKeeping {
  [exchangeKey]?: Exchange
  [emitBefore]?: Emit
  [onBefore]?: On
  emit: Emit
  on: On
  addListener: On
  listenerCount(name: string | symbol): number
}

const emitBefore: unique symbol = Symbol('fasten.emit')
const onBefore: unique symbol = Symbol('fasten.on')

/**
 * Makes listeners that are added from now on run in the emitter's exchange. Body and close events are emitted by the
 * parser and the socket, outside any request's context, on every version of Node.js. Most requests never get a listener,
 * so the first `on` is waited for; and what is laid over `emit` then is one function shared by all, where binding
 * `emit` would cost a resource and two closures for each.
 */
export function keepContext(emitter: ContextKeeping): void {
  emitter[onBefore] = emitter.on
  emitter.on = onFirst
  emitter.addListener = onFirst
}

/** The same at once, for an emitter whose events the shim itself has to hear: they go through `emit`. */
export function keepContextNow(emitter: ContextKeeping, emit: Emit = emitInContext): void {
  if (emitter[emitBefore] !== undefined) return
  emitter[emitBefore] = emitter.emit
  emitter.emit = emit
}

function onFirst(
  this: ContextKeeping,
  name: string | symbol,
  listener: (...values: never[]) => void,
): unknown {
  const on = this[onBefore] as On
  // Node.js itself waits for the end of a request it has answered; that listener needs no context.
  if (name === 'end' && this[exchangeKey]?.response?.writableFinished === true)
    return on.call(this, name, listener)
  // Whoever wrapped `on` after us stays in charge.
  if (this.on === onFirst) this.on = on
  if (this.addListener === onFirst) this.addListener = on
  keepContextNow(this)
  return on.call(this, name, listener)
}

function emitInContext(this: ContextKeeping, name: string | symbol, ...values: unknown[]): boolean {
  return emitKept(this, name, values)
}

/** Emits as before, in the context of the emitter's exchange. */
export function emitKept(emitter: ContextKeeping, name: string | symbol, values: unknown[]): boolean {
  const exchange = emitter[exchangeKey] as Exchange
  const emit = emitter[emitBefore] as Emit
  // Most events have no listener, and then there is nobody to run in a context.
  return exchangeOf(currentContext()) === exchange || (emitter.listenerCount(name) === 0 && name !== 'error')
    ? emit.call(emitter, name, ...values)
    : runWithContext(exchange.context, () => emit.call(emitter, name, ...values))
}
