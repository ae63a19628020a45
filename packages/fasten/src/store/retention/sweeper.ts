// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '../../core/clock.ts'
import type { Digest } from '../../core/digest.ts'
import { FastenError } from '../../core/error.ts'
import type { RetentionPolicy } from '../../core/retention-policy.ts'
import type { Store } from '../ports.ts'
import { planSweep } from './plan.ts'
import { isSweepable, type RowPruner } from './pruner.ts'
import type { ClockReading } from './retention-clock.ts'
import { sweep } from './sweep.ts'

/** Plain data: it is handed to threads. */
export interface RetentionSettings {
  readonly policy: RetentionPolicy
  /** 0 for never. */
  readonly sweepIntervalMs: number
  /** Whose logs are swept: those of the service whose policy it is, on whatever node. */
  readonly service_id: string
}

/** What a sweeper tells its process. The second name is that of the published SDKs. */
export type SweepEvent =
  | {
      readonly event: 'retention_swept'
      readonly rows: number
      /** Rows that stay and have lost the personal values of their detail. */
      readonly details: number
      readonly logs: number
      readonly held: number
    }
  /** Nothing was ever swept here, and the next sweep takes so many audit rows. It is told one turn before it happens. */
  | {
      readonly event: 'retention_first_sweep'
      readonly rows: number
      readonly seconds: number
      readonly hint: string
    }
  /** The database does not let this user sweep: somebody else has to. Told once. */
  | { readonly event: 'retention_not_permitted'; readonly hint: string }
  | { readonly event: 'retention_purge_failed'; readonly error: string; readonly code: string }

export interface SweeperOptions {
  readonly settings: RetentionSettings
  readonly store: () => Promise<Store>
  readonly digest: Digest
  readonly clock: Clock
  readonly uptime: () => Omit<ClockReading, 'wallMicros'>
  readonly needsCheckpoint: boolean
  /** Rows stay until a fleet has them. */
  readonly needsReplication: boolean
  readonly onEvent: (event: SweepEvent) => void
}

export interface Sweeper {
  /** Ends the sweep that runs after its transaction, and notes the time, so that none is lost. */
  stop(): Promise<void>
}

/**
 * Sweeps every so often while a process lives: first some seconds after its start, so that a process of seconds does nothing. Runs
 * where the drainer runs, in short transactions with pauses between them. In between it notes the time each hour. Its timers keep no
 * process alive. A store that was never swept is left alone for one turn (an hour, or the interval if that is shorter) after the
 * count of audit rows that will go was told. A failure is told once until a sweep succeeds again; the next turn tries again.
 */
export function createSweeper(options: SweeperOptions): Sweeper {
  const { settings, store, digest, clock, uptime, needsCheckpoint, needsReplication, onEvent } = options
  const { sweepIntervalMs, policy, service_id } = settings
  let isStopped = sweepIntervalMs === 0
  let running: Promise<void> = Promise.resolve()
  let sweptAt: bigint | null = null
  let hasFailed = false
  let hasAnnounced = false
  let isRefused = false
  let timer: NodeJS.Timeout | undefined
  schedule(Math.min(firstMs, sweepIntervalMs))

  const reading = (): ClockReading => ({ ...uptime(), wallMicros: clock.nowMicros() })

  function schedule(ms: number): void {
    if (isStopped) return
    timer = setTimeout(() => {
      running = turn().finally(() => schedule(Math.min(noteMs, sweepIntervalMs)))
    }, ms)
    timer.unref()
  }

  async function turn(): Promise<void> {
    try {
      const { pruner } = await store()
      if (pruner === undefined || isStopped || !(await mayAndDoes(pruner))) return
      const now = clock.monotonicNanos()
      // A timer may be early by a fraction of a millisecond.
      if (sweptAt !== null && now - sweptAt < BigInt(sweepIntervalMs - 1) * 1_000_000n) {
        await pruner.retentionTime(reading())
        return
      }
      sweptAt = now
      const report = await sweep({
        pruner,
        policy,
        digest,
        reading,
        service_id,
        needsReplication,
        needsCheckpoint,
        clock,
        isStopped: () => isStopped,
      })
      hasFailed = false
      if (report !== null && report.rows + report.details > 0)
        onEvent({
          event: 'retention_swept',
          rows: report.rows,
          details: report.details,
          logs: report.logs.length,
          held: report.kept.held,
        })
    } catch (error) {
      if (!hasFailed) onEvent({ event: 'retention_purge_failed', ...described(error) })
      hasFailed = true
    }
  }

  /** False when there is no right to sweep, or when what the first sweep would take is told now. */
  async function mayAndDoes(pruner: RowPruner): Promise<boolean> {
    if ((await pruner.isPermitted?.()) === false) {
      if (!isRefused) onEvent({ event: 'retention_not_permitted', hint: refusedHint })
      isRefused = true
      return false
    }
    isRefused = false
    if (hasAnnounced) return true
    const logs = (await pruner.logs()).filter((log) => isSweepable(log, service_id))
    if (logs.some(({ policy_hash, expired }) => policy_hash !== null || expired > 0))
      return (hasAnnounced = true)
    const nowMicros = await pruner.retentionTime(reading())
    const { planned } = await planSweep({
      pruner,
      policy,
      digest,
      nowMicros,
      service_id,
      needsCheckpoint,
      needsReplication,
      pause,
    })
    const rows = planned.reduce((sum, each) => sum + (isStream(each.class) ? 0 : each.rows), 0)
    // Only now: a count that failed is a turn that announced nothing.
    hasAnnounced = true
    if (rows === 0) return true
    const seconds = Math.ceil(Math.min(noteMs, sweepIntervalMs) / 1000)
    onEvent({ event: 'retention_first_sweep', rows, seconds, hint: firstHint })
    return false
  }

  return {
    async stop() {
      if (isStopped) return
      isStopped = true
      clearTimeout(timer)
      await running
      if (sweptAt === null) return
      try {
        await (await store()).pruner?.retentionTime(reading())
      } catch (error) {
        onEvent({ event: 'retention_purge_failed', ...described(error) })
      }
    },
  }
}

const refusedHint =
  'run fasten retention run with a role that has the rights of fasten postgres grants --sweeper, or set FASTEN_RETENTION_SWEEP_INTERVAL=off here'
const firstHint =
  'fasten retention plan lists them; FASTEN_RETENTION_SWEEP_INTERVAL=off keeps everything, fasten retention hold add keeps what it names'
/** Rows of these streams only go where a period was set for them. */
const isStream = (of: string): boolean => of === 'sys' || of === 'api'
const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5))
const firstMs = 10_000
const noteMs = 3_600_000

const described = (fault: unknown): { readonly code: string; readonly error: string } =>
  fault instanceof FastenError
    ? { code: fault.code, error: fault.toLine() }
    : { code: 'STORE_UNKNOWN', error: String(fault) }
