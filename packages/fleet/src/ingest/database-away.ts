// SPDX-License-Identifier: Apache-2.0
import { systemCode } from 'fasten/core'
import { Problem } from '../web/problem.ts'

/**
 * What `work` answers. Where the database is away, full, restarting, or too slow for the limits of a transaction, the caller is told to come back (503
 * with Retry-After) instead of that the fleet failed: nothing was acknowledged, and the next attempt goes on from what is stored.
 */
export async function whenAway<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof Problem || !isAway(error)) throw error
    throw new Problem(503, 'FLEET_BUSY', 'the database does not answer now', { retryAfterS: 5, cause: error })
  }
}

/** Connections (08), resources (53), an operator (57), locks and cancelled statements; and the system's words for a socket that broke. */
function isAway(error: unknown): boolean {
  const code = systemCode(error)
  if (code !== undefined) return /^(08...|53...|57...|55P03|40001|40P01|25P0[23]|E[A-Z]+)$/.test(code)
  return (
    error instanceof Error &&
    /^(Connection terminated|timeout exceeded when trying to connect)/.test(error.message)
  )
}
