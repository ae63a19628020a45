// SPDX-License-Identifier: Apache-2.0
import { instrumentOnce, patchMethod } from '../patch.ts'
import { bindListener } from './bind.ts'

type Listener = (...values: unknown[]) => void

/** An `EventEmitter`, as far as listeners are added and removed. */
export interface ListenedEmitter {
  on(name: string | symbol, listener: Listener): unknown
  addListener(name: string | symbol, listener: Listener): unknown
  prependListener(name: string | symbol, listener: Listener): unknown
  once(name: string | symbol, listener: Listener): unknown
  prependOnceListener(name: string | symbol, listener: Listener): unknown
  off(name: string | symbol, listener: Listener): unknown
  removeListener(name: string | symbol, listener: Listener): unknown
}

const known = new WeakMap<ListenedEmitter, () => void>()
const adding = ['on', 'addListener', 'prependListener', 'once', 'prependOnceListener'] as const

/**
 * Makes every listener that is added from now on run in the context it was added in. For an emitter that many requests share. Listeners are
 * removed by the function that was added, and `listeners()` shows it. Listeners of `once` run in the context they were added in, too. A second call changes nothing.
 * Answers a function that takes it out again; listeners that were added meanwhile stay bound.
 */
export function bindListeners(emitter: ListenedEmitter): () => void {
  if (typeof emitter?.on !== 'function') throw new TypeError('emitter: give an EventEmitter')
  return instrumentOnce(known, emitter, () =>
    adding.map((name) =>
      patchMethod(
        emitter,
        name,
        (add) =>
          function (this: ListenedEmitter, event, listener) {
            return Reflect.apply(add, this, [
              event,
              typeof listener === 'function' ? boundOf(listener) : listener,
            ])
          },
      ),
    ),
  )
}

/** Node.js finds a wrapped listener by the member `listener`. */
type Wrapper = Listener & { listener?: Wrapper }

function boundOf(listener: Wrapper): Listener {
  // What `once` adds is a wrapper around what we bound already; it is to be found by the application's own function.
  const inner = listener.listener
  if (inner === undefined) return Object.assign(bindListener(listener), { listener })
  if (inner.listener !== undefined) listener.listener = inner.listener
  return listener
}
