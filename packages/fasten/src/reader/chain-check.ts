// SPDX-License-Identifier: Apache-2.0
import type { DoctorReport, Reader } from './reader.ts'

/** Rows at the end of each log that `doctor` verifies. */
export const chainCheckRows = 50

/** Logs that `doctor` verifies; beyond that it says how many were left out, and `verify` is the tool. */
export const chainCheckLogs = 64

/**
 * Verifies the newest `chainCheckRows` rows of each log against leaf, columns, link and the log's head. `breaks` is null only
 * when nothing could be checked, so a status page that colours by it never shows green for "not looked".
 */
export async function checkChain(
  reader: Pick<Reader, 'logs' | 'verify'>,
  at: string,
): Promise<DoctorReport['chain']> {
  const logs = (await reader.logs()).filter(({ size }) => size > 0)
  let verified = 0
  let breaks = 0
  let first: { at: number; reason: string } | undefined
  for (const { log, size } of logs.slice(0, chainCheckLogs)) {
    const verdict = await reader.verify({ log, from_seq: Math.max(0, size - chainCheckRows) })
    for (const one of verdict.logs) {
      verified += one.rows_checked
      breaks += one.breaks_total
      const [found] = one.breaks
      if (found !== undefined) first ??= { at: found.from_index, reason: `${log}: ${found.message}` }
    }
  }
  const isChecked = verified > 0 || breaks > 0
  const left = logs.length - chainCheckLogs
  return {
    verified,
    breaks: isChecked ? breaks : null,
    first_break_at: first?.at ?? null,
    reason:
      first?.reason ??
      (isChecked
        ? left > 0
          ? `${left} further logs were not looked at`
          : null
        : 'there is no chained row to verify'),
    last_verified_at: isChecked ? at : null,
  }
}
