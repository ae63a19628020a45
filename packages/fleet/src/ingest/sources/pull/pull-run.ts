// SPDX-License-Identifier: Apache-2.0
import type { PullSettings } from '../pull-settings.ts'
import type { RefusedRow, SealedArrivals } from '../seal-arrivals.ts'
import type { ArrivingRow } from '../arriving-row.ts'
import type { AskReader } from './ask-reader.ts'

/** One look at a source, as its form works with it. */
export interface PullRun {
  readonly ask: AskReader
  readonly settings: PullSettings
  /** As it was kept; parsed by the form. Null at the beginning. */
  readonly cursor: unknown
  nowMicros(): number
  /** Whether this look has taken enough, or for long enough, and goes on another time. */
  isOver(): boolean
  /** Seals rows and moves the cursor behind them, in one transaction. Null begins again. Throws when another server has taken over. */
  commit(batch: PullBatch): Promise<SealedArrivals>
}

export interface PullBatch {
  readonly rows: readonly ArrivingRow[]
  readonly refused: readonly RefusedRow[]
  readonly cursor: object | null
}

/** `more`: there is more to be had at once. */
export type PullOutcome = 'done' | 'more'

/** A source that tells its past otherwise than before. */
export const changed = (message: string, known: Readonly<Record<string, unknown>>): RefusedRow => ({
  code: 'SOURCE_CHANGED',
  message,
  sent: Buffer.from(JSON.stringify(known)),
  known,
})

/** Rows that others on both sides of them were seen of. */
export const missing = (hole: {
  readonly chain: string
  readonly from: number
  readonly to: number
}): RefusedRow => ({
  code: 'ROWS_MISSING',
  message: `rows ${hole.from} to ${hole.to} of ${hole.chain.slice(0, 200)} did not come, those around them did`,
  sent: Buffer.from(JSON.stringify(hole)),
  known: { ...hole },
})
