// SPDX-License-Identifier: Apache-2.0
import { currentContext, runWithContext } from '../context.ts'

/**
 * The callback, run for whom it was handed in. A client calls it when its socket says something, and a socket belongs to whoever opened
 * it: without this, work would go on under the id of the request that happened to connect first. Anything but a function comes back as it is.
 */
export function keepCaller<Value>(callback: Value): Value {
  const context = currentContext()
  if (typeof callback !== 'function' || context === undefined) return callback
  const original: unknown = callback
  const kept = function (this: unknown, ...values: unknown[]): unknown {
    return runWithContext(context, () => Reflect.apply(original as () => unknown, this, values))
  }
  return kept as Value
}
