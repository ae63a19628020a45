// SPDX-License-Identifier: Apache-2.0
import type { Digest } from '../../core/digest.ts'
import { policyHash, type RetentionPolicy } from '../../core/retention-policy.ts'
import { formatMicros } from '../../core/timestamp.ts'
import type { KeptRows } from './judge.ts'
import { isSweepable, type RowPruner } from './pruner.ts'

/** Rows of one log, class and code that the next sweep would take. */
export interface PlannedRows {
  readonly log: string
  readonly class: string
  /** The event of sys rows, the route or path of api rows. */
  readonly code: string
  readonly rows: number
}

export interface SweepPlan {
  readonly policy_hash: string
  readonly retention_time: string
  readonly rows: number
  readonly planned: readonly PlannedRows[]
  /** Rows that would stay and lose the personal values of their detail. */
  readonly details: number
  /** Timestamp of the oldest row that would go. */
  readonly oldest: string | null
  /** Rows whose time is up and that would stay. */
  readonly kept: KeptRows
  /** When the first row after these is due; as far as it is known without looking at every row. */
  readonly next_due: string | null
}

/** What a sweep would do now. Changes nothing, and reads only what may be due. */
export async function planSweep({
  pruner,
  policy,
  digest,
  nowMicros,
  service_id,
  needsCheckpoint,
  needsReplication,
  pause,
}: {
  readonly pruner: RowPruner
  readonly policy: RetentionPolicy
  readonly digest: Digest
  /** Retention time. */
  readonly nowMicros: number
  readonly service_id?: string | undefined
  readonly needsCheckpoint: boolean
  readonly needsReplication: boolean
  /** Waits between two stretches, where others have work for this thread. */
  readonly pause?: () => Promise<void>
}): Promise<SweepPlan> {
  const hash = policyHash(policy, digest)
  const planned = new Map<string, { log: string; class: string; code: string; rows: number }>()
  const kept = { held: 0, unreplicated: 0, unanchored: 0 }
  let details = 0
  let oldest: string | null = null
  let due: number | null = null
  for (const { log } of (await pruner.logs()).filter((each) => isSweepable(each, service_id))) {
    for (const stretch of await pruner.dueStretches(log, hash, nowMicros)) {
      const found = await pruner.look({
        log,
        stretches: [stretch],
        policy,
        nowMicros,
        needsReplication,
        needsCheckpoint,
      })
      await pause?.()
      for (const { class: of, code } of found.expired) {
        const key = JSON.stringify([log, of, code])
        const entry = planned.get(key) ?? { log, class: of, code, rows: 0 }
        entry.rows++
        planned.set(key, entry)
      }
      details += found.details.length
      kept.held += found.kept.held
      kept.unreplicated += found.kept.unreplicated
      kept.unanchored += found.kept.unanchored
      if (found.oldest !== null && (oldest === null || found.oldest < oldest)) oldest = found.oldest
      // What is due and stays is told by why it stays.
      if (found.dueMicros !== null && found.dueMicros > nowMicros)
        due = Math.min(due ?? Infinity, found.dueMicros)
    }
  }
  const noted = await pruner.nextDue(hash)
  if (noted !== null && noted > nowMicros) due = Math.min(due ?? Infinity, noted)
  const rows = [...planned.values()]
  return {
    policy_hash: hash,
    retention_time: formatMicros(nowMicros),
    rows: rows.reduce((sum, each) => sum + each.rows, 0),
    planned: rows.sort((one, other) => other.rows - one.rows),
    details,
    oldest,
    kept,
    next_due: due === null ? null : formatMicros(due),
  }
}
