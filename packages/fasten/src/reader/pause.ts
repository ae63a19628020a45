// SPDX-License-Identifier: Apache-2.0

/** The longest pause between two attempts, where nobody asks for a longer one. */
const waitMsMax = 30_000

/** How long to wait after so many failures before: half a second, doubled each time. */
export const waitMsOf = (failures: number): number => Math.min(500 * 2 ** failures, waitMsMax)

/** Resolves after `ms`, or when the signal aborts. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done)
  })
}
