// SPDX-License-Identifier: Apache-2.0
import { patchMethod } from '../shims/patch.ts'

type Make = (this: unknown, ...values: unknown[]) => unknown

/**
 * For libraries that make their classes when they are asked for a client: has each of these functions of a CommonJS module hand what it makes to
 * `reach`, namely the object that owns the method `owned`, so that copies which a client makes of itself are reached as well.
 */
export function instrumentMade(
  exports: Readonly<Record<string, unknown>>,
  makers: readonly string[],
  owned: string,
  reach: (owner: object) => void,
): void {
  for (const name of makers) {
    const { writable, get } = Object.getOwnPropertyDescriptor(exports, name) ?? {}
    // One that is handed on from another module was reached there.
    if (writable !== true || get !== undefined || typeof exports[name] !== 'function') continue
    patchMethod(exports as Record<string, Make>, name, (make) => {
      return function (this: unknown, ...values) {
        const made = Reflect.apply(make, this, values)
        let owner = made as object | null
        while (owner !== null && !Object.hasOwn(owner, owned))
          owner = Object.getPrototypeOf(owner) as object | null
        if (owner !== null) reach(owner)
        return made
      }
    })
  }
}
