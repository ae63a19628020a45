// SPDX-License-Identifier: Apache-2.0
import type { JsonObject } from '../../core/row.ts'
import type { OwnRow } from '../own-rows.ts'

/** One personal value that is no longer there. */
export interface ErasedValue {
  readonly monotonic_seq: number
  readonly key_id: string
}

export interface Erasure {
  /** Pseudonym. */
  readonly subject: string
  readonly basis: string
  readonly erased_at: string
}

/** A row names at most so many keys, so that it stays far below the longest leaf. */
const keysMax = 400
/** And at most so many stretches; beyond that, neighbouring ones are told as one. */
const rangesMax = 400

/**
 * The details of the SUBJECT_ERASED rows that account for `values`, all of one log; several where many keys were destroyed.
 *
 * `keys` says under each destroyed key how many values of this log are gone: a verifier that finds more of them gone than rows of
 * the log account for does not believe it. `ranges` are the rows they belonged to, from and to inclusive.
 * Source: spec/row.md#erasure.
 */
export function erasureFacts(
  log: string,
  erasure: Erasure,
  values: readonly ErasedValue[],
): readonly JsonObject[] {
  const ids = [...new Set(values.map(({ key_id }) => key_id))].sort()
  const details: JsonObject[] = []
  for (let from = 0; from < ids.length; from += keysMax) {
    const some = new Set(ids.slice(from, from + keysMax))
    const mine = values.filter(({ key_id }) => some.has(key_id))
    const seqs = [...new Set(mine.map(({ monotonic_seq }) => monotonic_seq))].sort(
      (one, other) => one - other,
    )
    const keys = Object.fromEntries(
      [...some].map((id) => [id, mine.filter(({ key_id }) => key_id === id).length]),
    )
    details.push({
      basis: erasure.basis,
      erased_at: erasure.erased_at,
      keys,
      log,
      ranges: rangesOf(seqs),
      rows: seqs.length,
      subject: erasure.subject,
      values: mine.length,
    })
  }
  return details
}

/** The row that accounts for erased values. */
export function erasedRow(subject: string, facts: OwnRow['facts'], actor?: string): OwnRow {
  return {
    code: 'SUBJECT_ERASED',
    facts,
    target: subject,
    target_kind: 'subject',
    ...(actor === undefined ? {} : { actor }),
  }
}

function rangesOf(seqs: readonly number[]): readonly (readonly [number, number])[] {
  const ranges: [number, number][] = []
  for (const seq of seqs) {
    const last = ranges.at(-1)
    if (last !== undefined && last[1] === seq - 1) last[1] = seq
    else ranges.push([seq, seq])
  }
  // The narrowest gaps go first, so that what is told stays as close to the rows as it can.
  while (ranges.length > rangesMax) {
    let narrowest = 1
    for (let at = 2; at < ranges.length; at++)
      if (gapBefore(ranges, at) < gapBefore(ranges, narrowest)) narrowest = at
    const [right] = ranges.splice(narrowest, 1)
    const left = ranges[narrowest - 1]
    if (left !== undefined && right !== undefined) left[1] = right[1]
  }
  return ranges
}

const gapBefore = (ranges: readonly [number, number][], at: number): number =>
  (ranges[at]?.[0] ?? 0) - (ranges[at - 1]?.[1] ?? 0)
