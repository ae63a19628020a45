// SPDX-License-Identifier: Apache-2.0
import { FastenError } from '../core/error.ts'

/**
 * What `work` answers, or `STORE_TIMEOUT` once `timeoutMs` have passed. The work itself goes on; what it says then reaches nobody.
 */
export async function within<T>(timeoutMs: number, work: Promise<T>, what: string, at?: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const error = new FastenError('STORE_TIMEOUT', `${what} within ${timeoutMs} ms`, {
        ...(at === undefined ? {} : { at }),
        hint: 'look at stats() and `fasten doctor` for what the store says; rows wait in the spool meanwhile',
      })
      reject(error)
    }, timeoutMs)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
