// SPDX-License-Identifier: Apache-2.0

/** The same object with one member replaced: its prototype, hidden members and accessors are those of the first, which stays as it is. */
export function twinWith<T extends object>(object: T, name: string, value: unknown): T {
  const descriptors = Object.getOwnPropertyDescriptors(object) as Record<string, PropertyDescriptor>
  const enumerable = descriptors[name]?.enumerable ?? true
  descriptors[name] = { value, enumerable, configurable: true, writable: true }
  return Object.create(Object.getPrototypeOf(object) as object | null, descriptors) as T
}

/** `fn` called by way of `work`, under its own name and length. */
export function disguised(
  fn: (...args: never[]) => unknown,
  work: (this: unknown, ...args: never[]) => unknown,
): typeof work {
  Object.defineProperty(work, 'name', { value: fn.name, configurable: true })
  Object.defineProperty(work, 'length', { value: fn.length, configurable: true })
  return work
}
