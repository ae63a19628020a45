// SPDX-License-Identifier: Apache-2.0
import type { ArrivingRow } from '../sources/arriving-row.ts'
import type { RefusedRow } from '../sources/seal-arrivals.ts'
import type { Sources } from '../sources/sources.ts'

/** What became of everything that was taken so far, once it is durable. */
export interface Taken {
  readonly stored: number
  /** Rows that had come before. */
  readonly again: number
  readonly refused: number
  /** The first of those that were refused, for people. */
  readonly reasons: readonly Pick<RefusedRow, 'code' | 'message'>[]
}

/** Takes rows of one request, and seals them whenever there are enough for a transaction. */
export interface ArrivalsTaker {
  add(row: ArrivingRow): Promise<void>
  /** Something that is no row. */
  refuse(refused: RefusedRow): Promise<void>
  /** Seals what is waiting. */
  flush(): Promise<void>
  taken(): Taken
}

export function createArrivalsTaker(seal: Sources['seal'], source_id: string): ArrivalsTaker {
  let rows: ArrivingRow[] = []
  let refused: RefusedRow[] = []
  let bytes = 0
  const taken = { stored: 0, again: 0, refused: 0 }
  const reasons: Pick<RefusedRow, 'code' | 'message'>[] = []

  async function flush(): Promise<void> {
    if (rows.length === 0 && refused.length === 0) return
    const batch = { source_id, rows, refused }
    rows = []
    refused = []
    bytes = 0
    const sealed = await seal(batch)
    taken.stored += sealed.stored
    taken.again += sealed.again
    taken.refused += sealed.refused.length
    for (const { code, message } of sealed.refused.slice(0, reasonsMax - reasons.length))
      reasons.push({ code, message })
  }

  async function count(sent: Uint8Array): Promise<void> {
    bytes += sent.length
    if (rows.length + refused.length >= batchRowsMax || bytes >= batchBytesMax) await flush()
  }

  return {
    add(row) {
      rows.push(row)
      return count(row.sent)
    },
    refuse(each) {
      refused.push(each)
      return count(each.sent)
    },
    flush,
    taken: () => ({ ...taken, reasons }),
  }
}

/** Of one transaction. */
const batchRowsMax = 1_000
const batchBytesMax = 4 * 1_048_576
/** What of an answer is for people stays short. */
const reasonsMax = 20
