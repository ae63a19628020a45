// SPDX-License-Identifier: Apache-2.0
import { isRowId } from '../core/ids.ts'
import { formatMicros } from '../core/timestamp.ts'
import type { DrainPlace } from './drain.ts'
import { sha256 } from './platform.ts'
import type { AppendedRow, Outbox, OutboxRow, SpooledDraft } from './ports.ts'
import { quarantine, type QuarantineEntry } from './quarantine.ts'
import { decodeFrame } from './spool/frame.ts'

export interface MovedSlice {
  readonly moved: readonly AppendedRow[]
  readonly quarantined: readonly QuarantineEntry[]
  /** Nothing was left to move when this slice was read. */
  readonly isEmpty: boolean
}

/** Rows that one transaction moves; each may be as large as a frame, and they are all in memory. */
const sliceRowsMax = 500

/**
 * Moves the oldest committed rows of the outbox into their logs.
 *
 * What a crash costs: nothing. A row is in the outbox or in its log, since one transaction takes it out of the one and puts it into the
 * other. Of several processes that move at once, one gets a row; the others find it gone, and start over with what is left. A draft
 * that the store can never take goes to quarantine, durably, before it leaves the outbox.
 *
 * Throws what the store throws; the caller waits and calls again.
 */
export async function moveOutboxSlice(place: DrainPlace, outbox: Outbox): Promise<MovedSlice> {
  const rows = await outbox.outboxRows(Math.min(place.rowsMax, sliceRowsMax))
  if (rows.length === 0) return { moved: [], quarantined: [], isEmpty: true }
  const outboxKeys = rows.map(({ key }) => key)
  const quarantined_at = formatMicros(place.clock.nowMicros())
  const entries: QuarantineEntry[] = []
  let remaining: { readonly row: OutboxRow; readonly draft: SpooledDraft }[] = []
  for (const row of rows) {
    const bytes = Buffer.from(row.frame)
    const frame = decodeFrame(bytes, 0, bytes.length)
    if (frame.kind === 'frame' && frame.bytes === bytes.length)
      remaining.push({ row, draft: { ...frame.draft, isUnnumbered: true } })
    else
      entries.push({
        ...entryOf(row.key, quarantined_at),
        kind: 'bytes',
        code: 'SPOOL_DAMAGED',
        message: `a row of the outbox is no draft: ${frame.kind === 'damaged' ? frame.reason : 'frame is cut off or too long'}`,
        log: null,
        bytes,
      })
  }
  quarantine(place.root, entries)
  for (;;) {
    const { appended, rejected, isRaced } = await place.sink.append({
      spool: '',
      position: 0n,
      drafts: remaining.map(({ draft }) => draft),
      outboxKeys,
    })
    if (isRaced) return { moved: [], quarantined: [], isEmpty: false }
    if (rejected.length === 0) return { moved: appended, quarantined: entries, isEmpty: false }
    const reasons = new Map(rejected.map((rejection) => [rejection.index, rejection]))
    const refused = remaining.flatMap(({ row, draft }, at) => {
      const reason = reasons.get(at)
      if (reason === undefined) return []
      const { code, message } = reason
      return [
        {
          ...entryOf(row.key, quarantined_at),
          kind: 'row' as const,
          code,
          message,
          log: draft.log,
          bytes: draft.text,
          ...(draft.sealed === undefined ? {} : { sealed: draft.sealed }),
        },
      ]
    })
    if (refused.length === 0)
      throw new TypeError(`the store refused draft ${rejected[0]?.index} of ${remaining.length}`)
    quarantine(place.root, refused)
    entries.push(...refused)
    remaining = remaining.filter((_, at) => !reasons.has(at))
  }
}

/** The key becomes the name of a file, and whoever can write the table chose it. */
function entryOf(
  key: string,
  quarantined_at: string,
): Pick<QuarantineEntry, 'name' | 'spool' | 'position' | 'quarantined_at'> {
  const name = isRowId(key) ? key : sha256(new TextEncoder().encode(key)).slice(0, 26)
  return { name: `outbox-${name}`, spool: 'outbox', position: 0, quarantined_at }
}
