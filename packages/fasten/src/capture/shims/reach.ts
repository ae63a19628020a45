// SPDX-License-Identifier: Apache-2.0
import { instrumentOnce } from './patch.ts'

/** What a shim knows wherever it was put. */
export interface Reaching {
  /** False once the instrumentation that reached this object has been ended. */
  readonly isActive: () => boolean
}

/** Puts the shim on the target, unless it has one; answers what takes it out again, from there and from what was reached through it. */
export type Reach<Shim extends Reaching> = (target: object, shim: Shim) => () => void

/**
 * For libraries whose objects make others (a module connections, those channels): `patchesFor` lays the shim over one object, and reaches those that the
 * object makes later with the shim it was given, so that ending the first ends all of them. What an object inherits from counts: of a client whose class
 * is instrumented everything is done already. What an instrumentation reached that has been ended since is free for the next one.
 */
export function createReach<Shim extends Reaching>(
  patchesFor: (target: object, shim: Shim) => readonly (() => void)[],
): Reach<Shim> {
  const known = new WeakMap<object, () => void>()
  const shims = new WeakMap<object, Shim>()
  return (target, shim) => {
    for (
      let each: object | null = target;
      each !== null;
      each = Object.getPrototypeOf(each) as object | null
    ) {
      const earlier = known.get(each)
      if (earlier !== undefined && shims.get(each)?.isActive() !== false) return earlier
      earlier?.()
    }
    return instrumentOnce(known, target, () => {
      let isOn = true
      const inner: Shim = { ...shim, isActive: () => isOn && shim.isActive() }
      const undos = patchesFor(target, inner)
      shims.set(target, inner)
      return [...undos, () => (isOn = false)]
    })
  }
}
