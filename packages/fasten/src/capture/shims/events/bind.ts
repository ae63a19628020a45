// SPDX-License-Identifier: Apache-2.0
import { AsyncLocalStorage } from 'node:async_hooks'
import { instrumentOnce, patchMethod } from '../patch.ts'

/** An `EventEmitter`. */
export interface Emitter {
  emit(name: string | symbol, ...values: never[]): boolean
}

/** An `EventTarget`. */
export interface Target {
  dispatchEvent(event: never): boolean
}

const known = new WeakMap<object, () => void>()

/**
 * Makes every listener of the emitter (or event target) run in the context at hand, whoever emits: for an emitter that was made for one request, but
 * whose events come out of a pool or a shared socket. What others keep in AsyncLocalStorage comes along. Listeners stay what they are, so removing one works as ever. A
 * second call changes nothing. Answers a function that takes it out again.
 */
export function bindEmitter(emitter: Emitter | Target): () => void {
  return instrumentOnce(known, emitter, () => {
    const inContext = AsyncLocalStorage.snapshot()
    if ('emit' in emitter && typeof emitter.emit === 'function')
      return [
        patchMethod(
          emitter,
          'emit',
          (emit) =>
            function (this: Emitter, name, ...values) {
              return inContext(() => Reflect.apply(emit, this, [name, ...values]))
            },
        ),
      ]
    if (!('dispatchEvent' in emitter) || typeof emitter.dispatchEvent !== 'function')
      throw new TypeError('emitter: give an EventEmitter or an EventTarget')
    return [
      patchMethod(
        emitter,
        'dispatchEvent',
        (dispatch) =>
          function (this: Target, event) {
            return inContext(() => Reflect.apply(dispatch, this, [event]))
          },
      ),
    ]
  })
}

/**
 * The listener, bound to the context at hand: it runs where it was registered, not where the event was emitted. For a shared emitter that many
 * requests listen to: `pool.once('drain', bindListener(next))`. Keep what it answers to remove it. `this` and arguments are the emitter's own.
 */
export function bindListener<This, Values extends unknown[], Result>(
  listener: (this: This, ...values: Values) => Result,
): (this: This, ...values: Values) => Result {
  if (typeof listener !== 'function') throw new TypeError('listener: give a function')
  const inContext = AsyncLocalStorage.snapshot()
  const bound = function (this: This, ...values: Values): Result {
    return inContext(() => Reflect.apply(listener, this, values))
  }
  Object.defineProperty(bound, 'name', { value: listener.name, configurable: true })
  Object.defineProperty(bound, 'length', { value: listener.length, configurable: true })
  return bound
}
