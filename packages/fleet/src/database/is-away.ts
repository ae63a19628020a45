// SPDX-License-Identifier: Apache-2.0
import { systemCode } from 'fasten/core'

/**
 * Whether what was thrown says that the database is away, full, restarting, or too slow for the limits of a transaction: nothing was acknowledged, and
 * whoever asked may ask again. Connections (08), resources (53), an operator (57), locks and cancelled statements; and the words of
 * the system and the driver for a socket that broke.
 */
export function isAway(error: unknown): boolean {
  const code = systemCode(error)
  if (code !== undefined)
    return /^(08...|53...|57...|55P03|40001|40P01|25P0[23])$/.test(code) || broken.has(code)
  return (
    error instanceof Error &&
    /^(Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error)/.test(
      error.message,
    )
  )
}

const broken: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
])
