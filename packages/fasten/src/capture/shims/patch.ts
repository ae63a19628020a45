// SPDX-License-Identifier: Apache-2.0

type Method = (this: never, ...values: never[]) => unknown
type MethodNames<Target> = {
  [Name in keyof Target]-?: NonNullable<Target[Name]> extends Method ? Name : never
}[keyof Target]

/** A method of a library, as our structural types name it. */
export type Call = (this: unknown, ...values: never[]) => unknown
/** The same where we call it, with whatever it was called with. */
export type Loose = (this: unknown, ...values: unknown[]) => unknown
/** Any constructor, whatever it takes and makes. */
export type Class = abstract new (...values: never[]) => object

/**
 * Lays a function over a method of `target`, of its name and arity. `wrap` is given the method and answers what is called in its place. Answers a
 * function that takes it out again; where somebody wrapped the method after us, ours then only passes on.
 */
export function patchMethod<Target extends object, Name extends MethodNames<Target>>(
  target: Target,
  name: Name,
  wrap: (original: NonNullable<Target[Name]>) => NonNullable<Target[Name]>,
): () => void {
  const original = target[name] as NonNullable<Target[Name]>
  const wrapped = wrap(original)
  const hadOwn = Object.getOwnPropertyDescriptor(target, name)
  let isActive = true
  const patched = function (this: unknown, ...values: unknown[]): unknown {
    return Reflect.apply((isActive ? wrapped : original) as () => unknown, this, values)
  }
  for (const member of ['name', 'length'] as const)
    Object.defineProperty(patched, member, {
      value: (original as unknown as Method)[member],
      configurable: true,
    })
  Object.defineProperty(target, name, {
    value: patched,
    writable: true,
    configurable: true,
    enumerable: hadOwn?.enumerable ?? false,
  })
  return () => {
    isActive = false
    if (target[name] !== (patched as unknown)) return
    if (hadOwn === undefined) delete target[name]
    else Object.defineProperty(target, name, hadOwn)
  }
}

/** Whether the target has all of these methods. */
export function hasMethods(target: object, ...names: readonly string[]): boolean {
  return names.every((name) => typeof (target as Readonly<Record<string, unknown>>)[name] === 'function')
}

/** Whether the methods of `target` are patched where it has them from: a class, of an instance or of another class. */
export function isPatchedAbove(known: { has(target: object): boolean }, target: object): boolean {
  const above = Object.getPrototypeOf(target) as object | null
  return above !== null && (known.has(above) || isPatchedAbove(known, above))
}

/**
 * `install` for a target that has it not yet; otherwise what the first call answered. What it answers takes the shim out, and the next call
 * puts it in anew.
 */
export function instrumentOnce<Target extends object>(
  known: WeakMap<Target, () => void>,
  target: Target,
  install: () => readonly (() => void)[],
): () => void {
  const earlier = known.get(target)
  if (earlier !== undefined) return earlier
  const undos = install()
  const undo = (): void => {
    if (known.get(target) !== undo) return
    known.delete(target)
    for (const each of undos) each()
  }
  known.set(target, undo)
  return undo
}
