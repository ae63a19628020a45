// SPDX-License-Identifier: Apache-2.0

export interface PlainFormOptions {
  /** Redacts text in place: an error's message and stack are prose, not values. */
  prose(text: string): string
  /** Errors keep their stack (log lines do, audit rows do not: it names files of the host). */
  readonly isStackKept: boolean
  /** Entries of a Map or Set that are copied before giving up; the byte limit of the whole refuses such a value anyway. */
  readonly entriesMax: number
}

/** What stands for a value that could not be read: its getter, proxy or `toJSON` threw. */
export const unreadable = '[unreadable]'

/**
 * The JSON-like stand-in for an object that is neither an array nor a plain object. Never throws. The answer is shallow: the members it
 * holds are still the caller's and have to be walked.
 *
 * | value | stand-in |
 * |---|---|
 * | Date | its time as `YYYY-MM-DDTHH:MM:SS.mmm000Z`; null when invalid |
 * | Map, Headers, FormData, URLSearchParams | object; keys as text, a repeated key gets `~2`, `~3` … |
 * | Set | array |
 * | Error | `{name, message, code?, cause?, errors?, stack?}` and its own members that hold primitives |
 * | bytes (Buffer, Uint8Array, ArrayBuffer, DataView) | `{bytes: <length>}`: raw bytes are where keys live, so they are never copied |
 * | other typed arrays | array of numbers (64-bit ones: decimal strings) |
 * | RegExp | its source text |
 * | Promise, WeakMap, WeakSet, WeakRef | `[promise]` and so on |
 * | boxed primitive | the primitive |
 * | anything with `toJSON` | what that returns |
 * | any other | its own enumerable members |
 *
 * Source: spec/redaction.md#safe-forms.
 */
export function plainForm(value: object, options: PlainFormOptions): unknown {
  try {
    return standIn(value, options)
  } catch {
    // A proxy, getter or method of the caller's threw; what it threw may itself be hostile, so it is not looked at.
    return unreadable
  }
}

function standIn(value: object, options: PlainFormOptions): unknown {
  if (ArrayBuffer.isView(value)) return viewForm(value, options.entriesMax)
  if (value instanceof Date) return dateText(value)
  if (value instanceof Error) return errorForm(value, options)
  if (value instanceof Map) return entriesForm(value.entries(), options.entriesMax)
  if (value instanceof Set) return take(value.values(), options.entriesMax)
  const tag = tagOf(value)
  if (tag === 'ArrayBuffer' || tag === 'SharedArrayBuffer')
    return { bytes: (value as ArrayBuffer).byteLength }
  if (boxTags.has(tag)) return value.valueOf()
  if (value instanceof RegExp) return String(value)
  const opaque = opaqueForms.get(tag)
  if (opaque !== undefined) return opaque
  if (entryListTags.has(tag) && 'entries' in value && typeof value.entries === 'function') {
    return entriesForm(value.entries() as Iterable<readonly [unknown, unknown]>, options.entriesMax)
  }
  // Made in another realm (a vm context, a frame): `instanceof` fails there, the built-in tag does not.
  if (tag === 'Date') return dateText(value as Date)
  if ('toJSON' in value && typeof value.toJSON === 'function') return value.toJSON('')
  if (tag === 'Error') return errorForm(value as Error, options)
  if (tag === 'Map') return entriesForm((value as Map<unknown, unknown>).entries(), options.entriesMax)
  if (tag === 'Set') return take((value as Set<unknown>).values(), options.entriesMax)
  return value
}

const opaqueForms: ReadonlyMap<string, string> = new Map([
  ['Promise', '[promise]'],
  ['WeakMap', '[weakmap]'],
  ['WeakSet', '[weakset]'],
  ['WeakRef', '[weakref]'],
])
const boxTags: ReadonlySet<string> = new Set(['String', 'Number', 'Boolean', 'BigInt'])
const entryListTags: ReadonlySet<string> = new Set(['Headers', 'FormData', 'URLSearchParams'])

const tagOf = (value: object): string => Object.prototype.toString.call(value).slice(8, -1)

function viewForm(view: ArrayBufferView, entriesMax: number): unknown {
  if (
    view instanceof Uint8Array ||
    view instanceof Uint8ClampedArray ||
    view instanceof DataView ||
    view instanceof Int8Array
  ) {
    return { bytes: view.byteLength }
  }
  return isNumberView(view)
    ? take(view as unknown as Iterable<number | bigint>, entriesMax)
    : { bytes: view.byteLength }
}

const numberViews: ReadonlySet<string> = new Set([
  'Int16Array',
  'Uint16Array',
  'Int32Array',
  'Uint32Array',
  'Float16Array',
  'Float32Array',
  'Float64Array',
  'BigInt64Array',
  'BigUint64Array',
])
const isNumberView = (view: ArrayBufferView): boolean => numberViews.has(tagOf(view))

function dateText(date: Date): string | null {
  // The caller may have put a method of its own on the object; the prototype's is asked.
  const ms = Date.prototype.getTime.call(date)
  if (Number.isNaN(ms)) return null
  const iso = new Date(ms).toISOString()
  return iso.length === 24 ? `${iso.slice(0, 23)}000Z` : iso
}

function errorForm(error: Error, options: PlainFormOptions): Record<string, unknown> {
  const form: Record<string, unknown> = {}
  for (const key of Object.keys(error)) {
    // Members that hold objects are sockets, requests and the like: too much, and nobody meant to record them.
    const member = readMember(error, key)
    if (
      key !== '__proto__' &&
      (typeof member !== 'object' || member === null) &&
      typeof member !== 'function'
    )
      form[key] = member
  }
  form['name'] = nameOf(error)
  form['message'] = textMember(error, 'message', options, messageCharsMax)
  const code = readMember(error, 'code')
  if (typeof code === 'string' || typeof code === 'number') form['code'] = code
  const cause = readMember(error, 'cause')
  if (cause !== undefined) form['cause'] = cause
  const errors = readMember(error, 'errors')
  if (Array.isArray(errors)) form['errors'] = errors
  delete form['stack']
  if (options.isStackKept) {
    const stack = textMember(error, 'stack', options, stackCharsMax)
    if (stack !== '') form['stack'] = stack
  }
  return form
}

const messageCharsMax = 4_096
const stackCharsMax = 8_192

function nameOf(error: Error): string {
  const name = readMember(error, 'name')
  return typeof name === 'string' ? name : 'Error'
}

function textMember(
  error: Error,
  key: 'message' | 'stack',
  options: PlainFormOptions,
  charsMax: number,
): string {
  const text = readMember(error, key)
  return typeof text === 'string' ? options.prose(text.slice(0, charsMax)) : ''
}

function readMember(object: object, key: string): unknown {
  try {
    return (object as Record<string, unknown>)[key]
  } catch {
    return unreadable
  }
}

function entriesForm(
  entries: Iterable<readonly [unknown, unknown]>,
  entriesMax: number,
): Record<string, unknown> {
  const form = Object.create(null) as Record<string, unknown>
  const free = createNames()
  let count = 0
  for (const [key, member] of entries) {
    if (count++ >= entriesMax) break
    form[free(keyText(key))] = member
  }
  return form
}

function keyText(key: unknown): string {
  if (typeof key === 'string') return key
  if (typeof key === 'number' || typeof key === 'bigint' || typeof key === 'boolean' || key === null)
    return String(key)
  return key === undefined ? 'undefined' : `[${typeof key}]`
}

/** Names that are each given out once: the name itself, then with `~2`, `~3` … appended. */
export function createNames(): (name: string) => string {
  const timesGiven = new Map<string, number>()
  return function free(name: string): string {
    const times = (timesGiven.get(name) ?? 0) + 1
    timesGiven.set(name, times)
    return times === 1 ? name : free(`${name}~${times}`)
  }
}

function take(values: Iterable<unknown>, max: number): unknown[] {
  const taken: unknown[] = []
  for (const value of values) {
    if (taken.length >= max) break
    taken.push(value)
  }
  return taken
}
