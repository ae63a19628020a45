// SPDX-License-Identifier: Apache-2.0
/**
 * The life of a drainer.
 *
 *          wake                    all stored
 *   idle ────────▶ lingering ─▶ draining ────────▶ idle
 *                                  │  ▲
 *                    store refuses │  │ time is up, or hurry
 *                                  ▼  │
 *                              backing off            stop: from any state, after the running transaction
 *
 * idle: nothing to do; no timer runs, so a quiet process costs nothing. Enters: start, or the spool is drained.
 * lingering: waits some milliseconds, unless somebody waits for the rows, so that a burst becomes one transaction. A crash loses nothing: the rows are in the spool.
 * draining: slices move into the store until the spool's end. A crash loses nothing: rows and position commit together.
 * backing off: the store does not take rows now. Waits 100 ms, doubled at each failure up to a minute, a fifth up or down
 *   so that many nodes do not come back as one. The spool grows meanwhile. A crash loses nothing.
 * stopped: the last transaction has ended.
 *
 * Behind its own rows a drainer moves those of the outbox, which is the store's and everybody's: when it is asked to, and whenever it
 * looks for spools of dead processes. It is never moved by nobody: whoever is awake does it.
 */
import type { IdSource } from '../core/ids.ts'
import { FastenError } from '../core/error.ts'
import type { SweepEvent } from './retention/sweeper.ts'
import { drainSlice, type DrainPlace, type DrainedSlice } from './drain.ts'
import { moveOutboxSlice } from './outbox.ts'
import type { AppendedRow, Outbox } from './ports.ts'
import type { ShipEvent } from './ship/ship-event.ts'
import { adoptSpools, cutOff, type AdoptionFault } from './spool/adopt.ts'
import { spoolDirectory } from './spool/layout.ts'
import type { SpoolReader } from './spool/spool.ts'

/** What a drainer tells its process; the names are those of the published SDKs, so dashboards keep working. */
export type DrainEvent =
  | { readonly event: 'audit_drain_failed'; readonly error: string; readonly code: string }
  | {
      readonly event: 'audit_drain_degraded'
      readonly retry_count: number
      readonly in_backoff_seconds: number
      readonly last_error: string
    }
  | {
      readonly event: 'audit_drain_recovered'
      readonly recovery_after_seconds: number
      readonly was_degraded: boolean
    }
  | {
      readonly event: 'audit_row_quarantined'
      readonly name: string
      readonly code: string
      readonly message: string
    }
  /** Said once; rows are stored all the same, and signing is tried again. */
  | { readonly event: 'audit_checkpoint_failed'; readonly error: string; readonly code: string }
  | { readonly event: 'audit_checkpoint_recovered' }
  /** Said once for each witness; nothing waits for it, and it is asked again. */
  | {
      readonly event: 'audit_witness_failed'
      readonly witness: string
      readonly error: string
      readonly code: string
    }
  | { readonly event: 'audit_witness_recovered'; readonly witness: string }
  | SweepEvent
  | ShipEvent
  | { readonly event: 'audit_spool_adopted'; readonly spools: number; readonly rows: number }
  /** Said once for each fault of a dead process's spool; it is tried again, and nothing else waits for it. */
  | {
      readonly event: 'audit_spool_not_adopted'
      readonly spool: string
      readonly error: string
      readonly code: string
    }

export interface DrainLoopOptions {
  readonly place: DrainPlace
  readonly reader: SpoolReader
  /** Behind the last draft the owner has written. */
  readonly end: () => number
  readonly ids: IdSource
  /** Raising it makes larger transactions, and rows visible later to those who do not wait for them. */
  readonly lingerMs: number
  /** False for a spool in memory, whose root has nobody else's spools. */
  readonly adopts: boolean
  /** Absent for a store that no application can reach. */
  readonly outbox?: Outbox
  readonly onSlice: (slice: DrainedSlice, isOwn: boolean) => void
  /** Rows that were moved out of the outbox, whoever had put them there. */
  readonly onMoved?: (rows: readonly AppendedRow[]) => void
  readonly onEvent: (event: DrainEvent) => void
  /** Told the failures in a row and the wait before the next attempt whenever one of them changes; 0 and 0 when all is well. */
  readonly onTrouble?: (failures: number, backoffMs: number) => void
  /** Told when the loop falls asleep and needs a `wake`, and when it is awake again. */
  readonly onIdle: (isIdle: boolean) => void
}

export interface DrainLoop {
  /** There may be something to drain. Cheap, and harmless at any time. */
  wake(): void
  /** Somebody waits: no lingering, and an attempt now if the loop is backing off. */
  hurry(): void
  /** Resolves once the outbox was found empty after now. Waits out a back-off; resolves at `stop` too. */
  sweep(): Promise<void>
  /** Resolves when the running transaction has ended; nothing is drained afterwards. */
  stop(): Promise<void>
  state(): {
    readonly kind: DrainState
    readonly failures: number
    readonly lastError: string | null
    readonly backoffMs: number
  }
}

export type DrainState = 'idle' | 'lingering' | 'draining' | 'backing_off' | 'stopped'

export const backoffFirstMs = 100
export const backoffMaxMs = 60_000
const degradedAtFailures = 5
const adoptEveryMs = 10_000

/** The wait before retry `failures` (from 1), without jitter: 100, 200, 400, … 60,000 ms. */
export const backoffMs = (failures: number): number =>
  Math.min(backoffFirstMs * 2 ** (failures - 1), backoffMaxMs)

export function createDrainLoop(options: DrainLoopOptions): DrainLoop {
  const { place, reader, end, ids, lingerMs, adopts, outbox, onSlice, onEvent, onTrouble, onIdle } = options
  let kind: DrainState = 'idle'
  let position: number | null = null
  let failures = 0
  let failingSince = 0n
  let lastError: string | null = null
  let currentBackoffMs = 0
  let isHurried = false
  let adoptedAt: bigint | null = null
  let toldFaults = new Map<string, string>()
  let isSweepDue = false
  let sweepers: (() => void)[] = []
  let cutShort: (() => void) | null = null
  let ended: Promise<void> = Promise.resolve()

  /** Asked anew after each wait, because `stop` may come during one. */
  const isStopped = (): boolean => kind === 'stopped'
  const isIdle = (): boolean => kind === 'idle'

  function pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer)
        cutShort = null
        resolve()
      }
      const timer = setTimeout(done, ms)
      cutShort = done
    })
  }

  async function run(): Promise<void> {
    onIdle(false)
    while (!isStopped()) {
      kind = 'lingering'
      if (!isHurried && lingerMs > 0) await pause(lingerMs)
      await drain()
      if (isStopped()) return
      kind = 'idle'
      // Said before the end is looked at again: a writer that appended in between and saw us busy did not wake us.
      onIdle(true)
      const isDrained = (position ?? 0) >= end()
      // Who was told may have woken the loop, and then another run is on its way.
      if ((isDrained && sweepers.length === 0) || !isIdle()) return
      onIdle(false)
    }
  }

  async function drain(): Promise<void> {
    while (!isStopped()) {
      kind = 'draining'
      try {
        if (adopts) await adoptWhenDue()
        position ??= Number(await place.sink.spoolPosition(reader.id))
        while (position < end() && !isStopped()) {
          const slice = await drainSlice(place, reader, position, end())
          if (slice.position === position) throw cutOff(reader.id, spoolDirectory(place.root, reader.id))
          position = slice.position
          // Before anybody hears of the rows: who waited for them may emit at once, and must find the store well.
          recover()
          report(slice, true)
          reader.trim(position)
          // One slice in between, so that neither waits for the other to run dry.
          if (sweepers.length > 0) await moveOutbox()
        }
        if (sweepers.length > 0 || isSweepDue) await sweepOutbox()
        if (isStopped()) return
        recover()
        isHurried = false
        return
      } catch (error) {
        if (isStopped()) return
        await backOff(error)
      }
    }
  }

  async function sweepOutbox(): Promise<void> {
    const served = sweepers
    while (!isStopped() && !(await moveOutbox()));
    isSweepDue = false
    sweepers = sweepers.filter((resolve) => !served.includes(resolve))
    for (const resolve of served) resolve()
  }

  /** True when nothing was left. */
  async function moveOutbox(): Promise<boolean> {
    if (outbox === undefined) return true
    const { moved, quarantined, isEmpty } = await moveOutboxSlice(place, outbox)
    if (moved.length > 0) options.onMoved?.(moved)
    tellQuarantined(quarantined)
    return isEmpty
  }

  async function adoptWhenDue(): Promise<void> {
    const now = place.clock.monotonicNanos()
    if (adoptedAt !== null && now - adoptedAt < BigInt(adoptEveryMs) * 1_000_000n) return
    isSweepDue = true
    let [spools, rows] = [0, 0]
    try {
      const faults = await adoptSpools(place, {
        own: reader.id,
        isStopped,
        onSlice(slice) {
          rows += slice.stored
          report(slice, false)
        },
        onAdopted: () => spools++,
      })
      adoptedAt = now
      tellFaults(faults)
    } finally {
      if (rows > 0) onEvent({ event: 'audit_spool_adopted', spools, rows })
    }
  }

  function tellFaults(faults: readonly AdoptionFault[]): void {
    const told = toldFaults
    toldFaults = new Map()
    for (const { spool, error: fault } of faults) {
      const { code, error } = described(fault)
      toldFaults.set(spool, error)
      if (told.get(spool) !== error) onEvent({ event: 'audit_spool_not_adopted', spool, error, code })
    }
  }

  function report(slice: DrainedSlice, isOwn: boolean): void {
    onSlice(slice, isOwn)
    tellQuarantined(slice.quarantined)
  }

  function tellQuarantined(entries: DrainedSlice['quarantined']): void {
    for (const { name, code, message } of entries)
      onEvent({ event: 'audit_row_quarantined', name, code, message })
  }

  async function backOff(fault: unknown): Promise<void> {
    // Before anybody is told: whoever hears of it may stop the loop.
    kind = 'backing_off'
    isHurried = false
    failures++
    const { code, error } = described(fault)
    lastError = error
    const jitter = 0.8 + (0.4 * Number.parseInt(ids.randomHex(2), 16)) / 0xffff
    currentBackoffMs = Math.round(backoffMs(failures) * jitter)
    onTrouble?.(failures, currentBackoffMs)
    if (failures === 1) {
      failingSince = place.clock.monotonicNanos()
      onEvent({ event: 'audit_drain_failed', error, code })
    }
    if (failures === degradedAtFailures)
      onEvent({
        event: 'audit_drain_degraded',
        retry_count: failures,
        in_backoff_seconds: currentBackoffMs / 1000,
        last_error: error,
      })
    if (!isStopped() && !isHurried) await pause(currentBackoffMs)
    currentBackoffMs = 0
    onTrouble?.(failures, 0)
  }

  function recover(): void {
    if (failures === 0) return
    const nanos = place.clock.monotonicNanos() - failingSince
    const was_degraded = failures >= degradedAtFailures
    failures = 0
    lastError = null
    onTrouble?.(0, 0)
    onEvent({
      event: 'audit_drain_recovered',
      recovery_after_seconds: Number(nanos / 1_000_000n) / 1000,
      was_degraded,
    })
  }

  function wake(): void {
    if (kind === 'idle') {
      // Taken at once, so that a second wake does not start a second run.
      kind = 'lingering'
      ended = run()
    }
  }

  return {
    wake,
    hurry() {
      isHurried = true
      cutShort?.()
      wake()
    },
    sweep() {
      if (isStopped()) return Promise.resolve()
      return new Promise((resolve) => {
        sweepers.push(resolve)
        wake()
      })
    },
    async stop() {
      kind = 'stopped'
      cutShort?.()
      await ended
      for (const resolve of sweepers.splice(0)) resolve()
      reader.close()
    },
    state: () => ({ kind, failures, lastError, backoffMs: currentBackoffMs }),
  }
}

const described = (fault: unknown): { readonly code: string; readonly error: string } =>
  fault instanceof FastenError
    ? { code: fault.code, error: fault.toLine() }
    : { code: 'STORE_UNKNOWN', error: String(fault) }
