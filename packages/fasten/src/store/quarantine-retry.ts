// SPDX-License-Identifier: Apache-2.0
import { hasOpenNumber } from '../core/open-number.ts'
import { parseLogName } from '../core/log-name.ts'
import { sha256 } from './platform.ts'
import type { RowSink } from './ports.ts'
import { discardQuarantine, listQuarantine, type QuarantineEntry } from './quarantine.ts'

export interface RetryOutcome {
  readonly name: string
  readonly kind: 'stored' | 'still_refused' | 'not_a_row'
  readonly message: string
}

/**
 * Offers quarantined rows to the store again, each in a transaction of its own: after a schema was repaired, or a limit raised.
 * What is stored leaves the quarantine; what is refused again stays, as do damaged bytes, which are no rows.
 *
 * Exactly once: each entry has a spool identity derived from its name, so a retry that was interrupted after the commit and before the
 * file was removed finds its position recorded and only removes the file.
 */
export async function retryQuarantine(
  root: string,
  sink: RowSink,
  names?: readonly string[],
): Promise<RetryOutcome[]> {
  const outcomes: RetryOutcome[] = []
  for (const entry of listQuarantine(root)) {
    if (names && !names.includes(entry.name)) continue
    outcomes.push(await retryOne(root, sink, entry))
  }
  return outcomes
}

async function retryOne(root: string, sink: RowSink, entry: QuarantineEntry): Promise<RetryOutcome> {
  const { name } = entry
  const stream = entry.log === null ? undefined : parseLogName(entry.log)?.stream
  if (entry.kind !== 'row' || entry.log === null || stream === undefined)
    return { name, kind: 'not_a_row', message: entry.message }
  const spool = sha256(Buffer.from(`quarantine ${name}`)).slice(0, 16)
  if ((await sink.spoolPosition(spool)) === 0n) {
    const { rejected } = await sink.append({
      spool,
      position: 1n,
      drafts: [
        {
          stream,
          log: entry.log,
          text: entry.bytes,
          isUnnumbered: hasOpenNumber(entry.bytes),
          ...(entry.sealed === undefined ? {} : { sealed: entry.sealed }),
        },
      ],
    })
    const [refusal] = rejected
    if (refusal) return { name, kind: 'still_refused', message: `${refusal.code}: ${refusal.message}` }
  }
  discardQuarantine(root, [name])
  await sink.forgetSpool(spool)
  return { name, kind: 'stored', message: 'stored' }
}
