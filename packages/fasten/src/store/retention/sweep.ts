// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '../../core/clock.ts'
import type { Digest } from '../../core/digest.ts'
import { policyHash, type RetentionPolicy } from '../../core/retention-policy.ts'
import { formatMicros } from '../../core/timestamp.ts'
import type { KeptRows } from './judge.ts'
import { isSweepable, stretchRows, type RowPruner } from './pruner.ts'
import type { ClockReading } from './retention-clock.ts'

export interface SweepOptions {
  readonly pruner: RowPruner
  readonly policy: RetentionPolicy
  readonly digest: Digest
  readonly reading: () => ClockReading
  /** Only logs of this service; all when absent. */
  readonly service_id?: string | undefined
  readonly needsReplication: boolean
  readonly needsCheckpoint: boolean
  /** Accepts the wall clock as retention time. Default false. */
  readonly trustsWall?: boolean
  /** Whether the file may be written anew to give its space back. Default false. */
  readonly mayRewrite?: boolean
  /** Measures the transactions, so that none takes much longer than 50 ms. Without it they keep their first size. */
  readonly clock?: Pick<Clock, 'monotonicNanos'>
  /** True ends the sweep after the transaction that is running. */
  readonly isStopped?: () => boolean
  /** Waits between two transactions, so that whoever else writes gets a turn. Default: 5 ms. */
  readonly pause?: () => Promise<void>
}

export interface SweepReport {
  readonly rows: number
  /** By class, `sys` and `api` among them. */
  readonly classes: Readonly<Record<string, number>>
  /** Rows that stay and have lost the personal values of their detail. */
  readonly details: number
  readonly logs: readonly { readonly log: string; readonly rows: number }[]
  readonly kept: KeptRows
  /** When a row will be due next, as far as that is known. */
  readonly next_due: string | null
  readonly retention_time: string
  /** Of the store's file, and in it what is free; null for a store that is no file. */
  readonly bytes: number | null
  readonly free_bytes: number
}

/**
 * Sweeps a store once, in transactions of 64 to 4,096 rows; null when another process is at it. A crash at
 * any point leaves whole transactions, and the next sweep goes on from there. Throws what the pruner throws, with everything kept
 * that was swept before.
 */
export async function sweep(options: SweepOptions): Promise<SweepReport | null> {
  const { pruner } = options
  return pruner.exclusively(() => sweepAlone(options))
}

async function sweepAlone(options: SweepOptions): Promise<SweepReport> {
  const {
    pruner,
    policy,
    digest,
    reading,
    trustsWall,
    mayRewrite = false,
    isStopped = never,
    pause = shortPause,
    clock,
  } = options
  let rowsMax = rowsAtFirst
  const hash = policyHash(policy, digest)
  const nowMicros = await pruner.retentionTime(reading(), trustsWall)
  const total = {
    rows: 0,
    details: 0,
    classes: {} as Record<string, number>,
    held: 0,
    unreplicated: 0,
    unanchored: 0,
  }
  const byLog = new Map<string, number>()
  const count = (log: string, swept: Readonly<Record<string, number>>): void => {
    const rows = Object.values(swept).reduce((sum, each) => sum + each, 0)
    for (const [of, each] of Object.entries(swept)) total.classes[of] = (total.classes[of] ?? 0) + each
    total.rows += rows
    byLog.set(log, (byLog.get(log) ?? 0) + rows)
  }
  const months = { ...options, service_id: options.service_id, nowMicros, isStopped }
  for (const { log, swept } of (await pruner.pruneMonths?.(months)) ?? []) count(log, swept)
  for (const { log } of (await pruner.logs()).filter((each) => isSweepable(each, options.service_id))) {
    const due = await pruner.dueStretches(log, hash, nowMicros)
    for (let at = 0; at < due.length && !isStopped();) {
      const began = clock?.monotonicNanos()
      const stretches = due.slice(at, at + Math.max(1, Math.floor(rowsMax / stretchRows)))
      const { swept, details, kept, isCut } = await pruner.prune({
        ...options,
        log,
        nowMicros,
        stretches,
        rowsMax,
      })
      if (began !== undefined && clock !== undefined)
        rowsMax = nextRowsMax(rowsMax, Number(clock.monotonicNanos() - began) / 1e6)
      if (details > 0 || Object.keys(swept).length > 0) count(log, swept)
      total.details += details
      if (!isCut) {
        at += stretches.length
        total.held += kept.held
        total.unreplicated += kept.unreplicated
        total.unanchored += kept.unanchored
      }
      await pause()
    }
  }
  const next = await pruner.nextDue(hash)
  const { bytes, freeBytes } = await giveBack(pruner, mayRewrite, isStopped, pause)
  return {
    rows: total.rows,
    classes: total.classes,
    details: total.details,
    logs: Array.from(byLog, ([log, rows]) => ({ log, rows })),
    kept: { held: total.held, unreplicated: total.unreplicated, unanchored: total.unanchored },
    next_due: next === null ? null : formatMicros(next),
    retention_time: formatMicros(nowMicros),
    bytes,
    free_bytes: freeBytes,
  }
}

/** A twentieth of the file stays free: rows to come will need it, and pages that were moved would only be moved again. */
async function giveBack(
  pruner: RowPruner,
  mayRewrite: boolean,
  isStopped: () => boolean,
  pause: () => Promise<void>,
): Promise<{ readonly bytes: number | null; readonly freeBytes: number }> {
  let left = await pruner.compact(stepBytes, mayRewrite)
  while (
    !isStopped() &&
    !left.needsRewrite &&
    left.freeBytes > Math.max(stepBytes / 8, (left.bytes ?? 0) / 20)
  ) {
    await pause()
    const now = await pruner.compact(stepBytes, mayRewrite)
    if (now.freeBytes >= left.freeBytes) return now
    left = now
  }
  return left
}

/** What one transaction took decides how many rows the next one takes: others wait for it. */
function nextRowsMax(rows: number, tookMs: number): number {
  const wanted = Math.floor((rows * budgetMs) / Math.max(tookMs, 1))
  return Math.max(rowsLeast, Math.min(wanted, rows * 2, rowsMost))
}

const rowsAtFirst = 256
/** Each transaction leaves a row that stays for ever, so it is not to be about a handful. */
const rowsLeast = 64
const rowsMost = 4_096
const budgetMs = 50
const stepBytes = 1 << 20
const never = (): boolean => false
const shortPause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5))
