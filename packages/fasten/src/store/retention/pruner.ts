// SPDX-License-Identifier: Apache-2.0
import { parseLogName } from '../../core/log-name.ts'
import type { RetentionPolicy } from '../../core/retention-policy.ts'
import type { StreamName } from '../../core/row.ts'
import type { HeldRows, Hold } from './hold.ts'
import type { Judgement, KeptRows } from './judge.ts'
import type { ClockReading } from './retention-clock.ts'

/** Numbers of a log that are looked at together: stretch n holds the rows from n · 1,024 on. */
export const stretchRows = 1_024

export interface PrunableLog {
  readonly log: string
  readonly stream: StreamName
  readonly size: number
  /** Rows whose content is gone. */
  readonly expired: number
  /** Of the policy it was last swept by; null when it never was. */
  readonly policy_hash: string | null
  /** False for a log that a later generation goes on for: no row can tell of a sweep there, so there is none. */
  readonly isNewest: boolean
}

export interface PruneOrder {
  readonly log: string
  /** A few stretches, ascending: everything in them is looked at in one transaction. */
  readonly stretches: readonly number[]
  /** At most so many rows go, or lose their details; the rest of the stretches stays due. Default: all. */
  readonly rowsMax?: number
  readonly policy: RetentionPolicy
  /** Retention time, from `retentionTime`. */
  readonly nowMicros: number
  /** Rows that are not replicated stay. */
  readonly needsReplication: boolean
  /** Rows that no signed checkpoint covers stay. */
  readonly needsCheckpoint: boolean
}

export interface PruneOutcome {
  /** Rows whose content is gone now, by class. */
  readonly swept: Readonly<Record<string, number>>
  /** Rows that stay and have lost the personal values of their detail now. */
  readonly details: number
  readonly kept: KeptRows
  /** More rows of these stretches are due than `rowsMax`. */
  readonly isCut: boolean
}

/** Logs of a service, or all, whose rows may go by the month. */
export interface MonthsOrder extends Pick<
  PruneOrder,
  'policy' | 'nowMicros' | 'needsReplication' | 'needsCheckpoint'
> {
  readonly service_id: string | undefined
  /** True ends it after the month that is being looked at. */
  readonly isStopped: () => boolean
}

export interface PrunedLog {
  readonly log: string
  /** Rows whose content is gone now, by class. */
  readonly swept: Readonly<Record<string, number>>
}

export interface ReplicatedSize {
  readonly log: string
  /** Rows of it that are elsewhere too. */
  readonly size: number
}

export interface HoldOrder {
  readonly rows: HeldRows
  readonly reason: string
  readonly by: string
}

export interface Compaction {
  /** What the store's file takes on disk; null for a store that is no file. */
  readonly bytes: number | null
  /** Bytes in it that hold nothing. */
  readonly freeBytes: number
  /** True when free space cannot be given back in small steps until the whole file was written anew once. */
  readonly needsRewrite: boolean
}

/**
 * The third half of a store: what it may take away again, by rule. Rows can go no other way.
 *
 * `prune` looks at some stretches of one log and, in one transaction: judges their rows (judge.ts), with the holds and the marks
 * as they are in that transaction; appends `RETENTION_POLICY_CHANGED` if the log was last swept by another policy, and one
 * `RETENTION_SWEPT` for each class (core/swept.ts) to the same log; puts the hash of each row that goes where `evidence` finds it at its
 * place; and deletes leaf, columns and disclosures. Of rows that stay, it deletes the disclosures of a detail whose time is up, and
 * appends `DISCLOSURES_SWEPT`. It notes when each whole stretch has something due next.
 *
 * MUST be atomic: after a crash at any point all of it has happened or none. MUST NOT take a row that a hold keeps, that is beyond
 * the replicated or covered size where the order needs one, row 0, a row of the store itself, or a row whose leaf does not have
 * its stored hash: that one is evidence of damage. MUST NOT change a hash, a number or the order of rows. MUST keep `scan`, `count`,
 * `heads` and `append` as if the rows had never been there, but for their numbers, which are not used again. `look` judges
 * the same and changes nothing.
 *
 * `pruneMonths` is there where rows lie in partitions: of each that has nothing left to keep, and takes no more rows, it does the same for
 * all rows in one transaction, and drops it.
 *
 * `dueStretches` names the stretches of a log that may hold rows due at `nowMicros`, ascending; a stretch that was looked at under
 * the same policy and has nothing due is left out. `nextDue` is the earliest time that any stretch noted for that policy.
 *
 * `retentionTime` takes a reading of the clocks and answers retention time (retention-clock.ts). `trustsWall` accepts the wall clock as it is.
 * A store for reading answers without noting anything.
 *
 * `exclusively` runs work while no other process prunes the store, or answers null at once when one does; what held the right is
 * given back however that process ends.
 *
 * `placeHold` and `releaseHold` tell of it in every log concerned, in the same transaction. `releaseHold` throws `HOLD_UNKNOWN`
 * when no hold of that id is in force. `markReplicated` records that all rows of a log below `size` are elsewhere too, as that place said at
 * `at`, in one transaction; a place that lost rows goes back, and what it does not have is not swept. Logs that are not there are passed over.
 *
 * `compact` gives back to the operating system what rows left free, at most about `bytesMax` of it in one step, and says what there is
 * left. With `mayRewrite` it may write the whole file anew, which takes as long as that takes and as much space again.
 */
export interface RowPruner {
  /** Whether this user may sweep here at all; absent where whoever may write may. */
  isPermitted?(): Promise<boolean>
  exclusively<T>(work: () => Promise<T>): Promise<T | null>
  logs(): Promise<readonly PrunableLog[]>
  dueStretches(log: string, policyHash: string, nowMicros: number): Promise<readonly number[]>
  nextDue(policyHash: string): Promise<number | null>
  look(order: PruneOrder): Promise<Judgement>
  prune(order: PruneOrder): Promise<PruneOutcome>
  pruneMonths?(order: MonthsOrder): Promise<readonly PrunedLog[]>
  retentionTime(reading: ClockReading, trustsWall?: boolean): Promise<number>
  holds(): Promise<readonly Hold[]>
  placeHold(order: HoldOrder): Promise<Hold>
  releaseHold(hold_id: string, by: string, reason: string): Promise<Hold>
  markReplicated(places: readonly ReplicatedSize[], at: string): Promise<void>
  compact(bytesMax: number, mayRewrite?: boolean): Promise<Compaction>
}

/** A log that can be swept at all, and is to be here. */
export function isSweepable({ log, size, isNewest }: PrunableLog, service_id: string | undefined): boolean {
  if (!isNewest || size === 0) return false
  return service_id === undefined || parseLogName(log)?.service_id === service_id
}
