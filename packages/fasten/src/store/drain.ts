// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '../core/clock.ts'
import { formatMicros } from '../core/timestamp.ts'
import type { RowSink, SpooledDraft } from './ports.ts'
import { quarantine, quarantineName, type QuarantineEntry } from './quarantine.ts'
import type { SpoolReader } from './spool/spool.ts'

export interface DrainedSlice {
  /** Behind what is now either stored or in quarantine. */
  readonly position: number
  readonly stored: number
  readonly quarantined: readonly QuarantineEntry[]
}

export interface DrainPlace {
  readonly sink: RowSink
  /** Directory that holds the spools and the quarantine. */
  readonly root: string
  readonly clock: Clock
  /** Rows a transaction takes. Larger ones cost less per row and hold the store's write lock longer. */
  readonly rowsMax: number
}

/**
 * Moves one slice of a spool into the store.
 *
 * What a crash costs, at each step: before `append` returns, nothing has moved and the slice is read again; after it, the store's own
 * transaction holds both the rows and the position, so the slice is never read again. Drafts the store refuses go to
 * quarantine, durably, before the position may pass them; a replay writes the same file again.
 *
 * Throws what `append` throws; the caller waits and calls again with the same position.
 */
export async function drainSlice(
  place: DrainPlace,
  reader: SpoolReader,
  position: number,
  end: number,
): Promise<DrainedSlice> {
  const slice = reader.read(position, end, place.rowsMax)
  if (slice.position === position) return { position, stored: 0, quarantined: [] }

  const entry = (rest: Omit<QuarantineEntry, 'spool' | 'quarantined_at'>): QuarantineEntry => ({
    ...rest,
    spool: reader.id,
    quarantined_at: formatMicros(place.clock.nowMicros()),
  })
  const entries = slice.damage.map((damage) =>
    entry({
      name: quarantineName(reader.id, damage.from),
      kind: 'bytes',
      code: damage.isTorn ? 'SPOOL_TORN' : 'SPOOL_DAMAGED',
      message: damage.isTorn
        ? `the process died while it wrote these ${damage.to - damage.from} bytes, before emit returned; unless somebody cut the file later`
        : `${damage.reason}; ${damage.to - damage.from} bytes are not rows`,
      position: damage.from,
      log: null,
      bytes: damage.bytes,
    }),
  )
  quarantine(place.root, entries)

  let remaining: readonly { draft: SpooledDraft; index: number }[] = slice.drafts.map((draft, index) => ({
    draft,
    index,
  }))
  for (;;) {
    const result = await place.sink.append({
      spool: reader.id,
      position: BigInt(slice.position),
      drafts: remaining.map(({ draft }) => draft),
    })
    if (result.rejected.length === 0)
      return { position: slice.position, stored: remaining.length, quarantined: entries }
    const reasons = new Map(result.rejected.map((rejection) => [rejection.index, rejection]))
    const refused = remaining.flatMap(({ draft, index }, at) => {
      const reason = reasons.get(at)
      if (!reason) return []
      return [
        entry({
          name: quarantineName(reader.id, position, index),
          kind: 'row',
          code: reason.code,
          message: reason.message,
          position,
          log: draft.log,
          bytes: draft.text,
          ...(draft.sealed === undefined ? {} : { sealed: draft.sealed }),
        }),
      ]
    })
    if (refused.length === 0)
      throw new TypeError(`the store refused draft ${result.rejected[0]?.index} of ${remaining.length}`)
    quarantine(place.root, refused)
    entries.push(...refused)
    remaining = remaining.filter((_, at) => !reasons.has(at))
  }
}
