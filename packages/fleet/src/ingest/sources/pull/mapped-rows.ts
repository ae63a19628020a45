// SPDX-License-Identifier: Apache-2.0
import type { JsonObject, Origin } from 'fasten/core'
import type { ArrivingRow } from '../arriving-row.ts'
import type { RefusedRow } from '../seal-arrivals.ts'

/** What became of the rows of an answer. */
export interface MappedRows {
  readonly rows: readonly ArrivingRow[]
  readonly refused: readonly RefusedRow[]
}

/** What the row calls itself and its place, as far as it is of the right kind. */
export function originOf(row: JsonObject): Partial<Origin> {
  const texts = [
    'id',
    'log',
    'prev_hash',
    'hash',
    'canonical_form_id',
    'service_id',
    'source_node_id',
    'boot_id',
  ]
  const counts = ['monotonic_seq', 'boot_seq']
  return Object.fromEntries(
    Object.entries(row).filter(
      ([name, value]) =>
        (texts.includes(name) && typeof value === 'string' && value !== '' && value.length <= 1_024) ||
        (counts.includes(name) && Number.isSafeInteger(value) && Number(value) >= 0),
    ),
  )
}
