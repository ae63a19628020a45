// SPDX-License-Identifier: Apache-2.0
import { AsyncLocalStorage } from 'node:async_hooks'

/** What a winston logger has of a stream, as far as lines pass through it. */
interface LoggerStream {
  write(info: unknown, ...rest: unknown[]): unknown
  push(info: unknown, ...rest: unknown[]): unknown
  _transform(info: unknown, ...rest: unknown[]): unknown
}

type Within = ReturnType<typeof AsyncLocalStorage.snapshot>

const known = new WeakSet<object>()
/** By whom a line that has left its logger was logged. */
const origins = new WeakMap<object, Within>()

/**
 * Makes a winston logger remember by whom each line was logged. It is a stream: as soon as one of its transports is slow, lines wait in it, and are formatted and passed on in
 * the turn of whoever logs later, or of nobody. From now on formats run in the context of the line's own work, and `withinOrigin` finds it.
 */
export function keepOrigins(stream: unknown): void {
  if (!isLogger(stream) || known.has(stream)) return
  known.add(stream)
  /** One object may be logged twice before it is formatted once. */
  const waiting = new WeakMap<object, Within[]>()
  let current: Within | undefined
  const { write, push, _transform } = stream
  stream.write = function (this: unknown, info, ...rest) {
    if (isObject(info)) {
      const snapshots = waiting.get(info) ?? []
      snapshots.push(AsyncLocalStorage.snapshot())
      waiting.set(info, snapshots)
    }
    return Reflect.apply(write, this, [info, ...rest])
  }
  stream._transform = function (this: unknown, info, ...rest) {
    const outer = current
    current = isObject(info) ? waiting.get(info)?.shift() : undefined
    try {
      const work = (): unknown => Reflect.apply(_transform, this, [info, ...rest])
      return current === undefined ? work() : current(work)
    } finally {
      current = outer
    }
  }
  stream.push = function (this: unknown, info, ...rest) {
    if (isObject(info) && current !== undefined) origins.set(info, current)
    return Reflect.apply(push, this, [info, ...rest])
  }
}

/** Runs `work` in the context in which the line was logged, where that is known; otherwise as it is. */
export function withinOrigin(info: object, work: () => void): void {
  const within = origins.get(info)
  if (within === undefined) work()
  else within(work)
}

const isObject = (value: unknown): value is object =>
  (typeof value === 'object' && value !== null) || typeof value === 'function'

const isLogger = (stream: unknown): stream is LoggerStream =>
  isObject(stream) &&
  ['write', 'push', '_transform'].every((name) => typeof (stream as never)[name] === 'function')
