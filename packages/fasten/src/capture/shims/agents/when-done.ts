// SPDX-License-Identifier: Apache-2.0

/**
 * Runs `work` and tells how it ended, once: when it returned, or when the promise that it answered was settled. Answers what `work` answered; a promise as
 * the one behind it, so that a rejection which nobody handles stays one.
 */
export function whenDone<T>(
  work: () => T,
  succeeded: (result: Awaited<T>) => void,
  failed: (error: unknown) => void,
): T {
  let result: T
  try {
    result = work()
  } catch (error) {
    failed(error)
    throw error
  }
  if (!isThenable(result)) {
    succeeded(result as Awaited<T>)
    return result
  }
  return result.then(
    (value) => {
      succeeded(value as Awaited<T>)
      return value
    },
    (error: unknown) => {
      failed(error)
      throw error
    },
  ) as T
}

/** True for promises and what behaves like one. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}
