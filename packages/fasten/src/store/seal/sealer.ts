// SPDX-License-Identifier: Apache-2.0
/**
 * Signs the ends of logs, after their rows are committed.
 *
 *   rows committed ──▶ due when 1,000 rows are unsigned and a second has passed since the last time,
 *                      or 10 s after the first unsigned row, or somebody asks, or the store is closed
 *   due ──▶ for each log with unsigned rows: read their hashes, grow the tree, sign (size, root)
 *       ──▶ keep (size, head, note) beside the key, flushed     a crash here: signed, and remembered outside the database
 *       ──▶ keep the checkpoint in the store                    a crash here: nothing is left to do
 *
 * No row waits for any of this, and a failure costs no row: it is counted, told once, and tried again when the next
 * checkpoint is due. Two inconsistent checkpoints are never signed: before a tree goes beyond what was signed last, it must have
 * been that.
 */
import type { Clock } from '../../core/clock.ts'
import { FastenError } from '../../core/error.ts'
import { logName, parseLogName } from '../../core/log-name.ts'
import { hexOf } from '../../core/octets.ts'
import { formatMicros } from '../../core/timestamp.ts'
import type { Signer } from '../keys/signer.ts'
import type { AppendedRow, CheckpointStore, Store } from '../ports.ts'
import { signLog, type GrowingLog, type SignedEnd, type SignLogOptions } from './sign-log.ts'

/** One signed end of a log. */
export interface Sealed {
  readonly log: string
  readonly size: number
  readonly root: string
  readonly note: string
}

export interface SealerOptions extends SignLogOptions {
  readonly store: () => Promise<Store>
  readonly clock: Clock
  /** An audit log that was silent for so long gets a `HEARTBEAT` row; 0 for never. */
  readonly heartbeatMs: number
  /** Told of each failure once, and null when all is well again. */
  readonly onFailure: (error: FastenError | null) => void
  readonly onSealed: (sealed: readonly Sealed[]) => void
}

export interface Sealer {
  /** To be called after each commit. Cheap. */
  grew(appended: readonly AppendedRow[]): void
  /**
   * True while a checkpoint is due or being made: whoever stores rows without a pause then gives the event loop a turn. Rows wait for
   * that turn and for nothing else, however long a signer takes.
   */
  readonly wantsTurn: boolean
  /** Signs now whatever is unsigned, also what earlier processes left behind. Throws what made it fail. */
  sealNow(): Promise<readonly Sealed[]>
  /** Signs what is left, once, and ends. Never throws: what went wrong was told. */
  stop(): Promise<void>
}

export const sealRows = 1000
export const sealRowsPauseMs = 1000
export const sealMs = 10_000
const retryMsMax = 3_600_000
/** Checkpoints younger than this are all kept. */
const thinAfterMs = 24 * 3600 * 1000

export function createSealer(options: SealerOptions): Sealer {
  const { signing, clock, heartbeatMs, onFailure, onSealed } = options
  const logs = new Map<string, Growing>()
  let unsignedRows = 0
  let hasLookedBack = false
  let sealedAt: bigint | null = null
  let latest: Promise<readonly Sealed[]> = Promise.resolve([])
  let failure: string | null = null
  let running = 0
  let isStopped = false
  let dueTimer: NodeJS.Timeout | undefined
  let heartTimer: NodeJS.Timeout | undefined

  const millis = (): bigint => clock.monotonicNanos() / 1_000_000n

  function grew(appended: readonly AppendedRow[]): void {
    for (const { log, monotonic_seq } of appended) {
      if (!logs.has(log)) forgetBefore(log)
      const known = logs.get(log)
      if (known === undefined) logs.set(log, growing(monotonic_seq + 1))
      else if (known.grownTo <= monotonic_seq) known.grownTo = monotonic_seq + 1
    }
    const now = millis()
    for (const log of new Set(appended.map((row) => row.log))) {
      const known = logs.get(log)
      if (known !== undefined) known.grownAt = now
    }
    unsignedRows += appended.length
    if (appended.length > 0) schedule()
  }

  /** A log that was given up for a later generation is not signed any more: what it lacks would be told for ever. */
  function forgetBefore(log: string): void {
    const parts = parseLogName(log)
    if (parts === undefined) return
    for (let generation = (parts.generation ?? 1) - 1; generation > 0; generation--)
      logs.delete(logName({ ...parts, generation }))
  }

  /** A timer that keeps no process alive; an idle process has none but that of its heartbeat. */
  function schedule(): void {
    if (isStopped) return
    if (unsignedRows >= sealRows) {
      const restMs = sealedAt === null ? 0 : sealRowsPauseMs - Number(millis() - sealedAt)
      clearTimeout(dueTimer)
      dueTimer = setTimeout(sealDue, Math.max(0, restMs)).unref()
    } else dueTimer ??= setTimeout(sealDue, sealMs).unref()
    if (heartbeatMs > 0) {
      clearTimeout(heartTimer)
      heartTimer = setTimeout(beat, heartbeatMs).unref()
    }
  }

  function sealDue(): void {
    dueTimer = undefined
    // What went wrong was told; the next rows, or this timer, try again.
    sealNow(false).catch(() => {
      if (!isStopped) dueTimer ??= setTimeout(sealDue, sealMs).unref()
    })
  }

  /** `isAsked`: also logs that failed a moment ago. */
  async function sealNow(isAsked: boolean): Promise<readonly Sealed[]> {
    const work = async (): Promise<readonly Sealed[]> => {
      clearTimeout(dueTimer)
      dueTimer = undefined
      running++
      try {
        return await told(() => seal(isAsked))
      } finally {
        running--
      }
    }
    // Whoever asks while one runs may have rows that it has not seen, so each runs behind the one before, whatever became of that.
    const mine = latest.then(work, work)
    latest = mine
    return mine
  }

  async function told<T>(work: () => Promise<T>): Promise<T> {
    try {
      const result = await work()
      const isWell = logs.values().every(({ failures }) => failures === 0)
      if (failure !== null && isWell) onFailure(null)
      if (isWell) failure = null
      return result
    } catch (error) {
      const fault =
        error instanceof FastenError ? error : new FastenError('SEAL_FAILED', String(error), { cause: error })
      if (failure !== fault.message) onFailure(fault)
      failure = fault.message
      throw fault
    }
  }

  async function seal(isAsked: boolean): Promise<readonly Sealed[]> {
    const store = await options.store()
    const { seals } = store
    if (seals === undefined) return []
    const signer = signing.signer()
    if (!hasLookedBack) await lookBack(seals, signer)
    unsignedRows = 0
    sealedAt = millis()
    const sealed: Sealed[] = []
    const ends: SignedEnd[] = []
    let fault: Error | undefined
    for (const [log, growing] of logs) {
      if (growing.grownTo <= growing.signed || (!isAsked && growing.retryAt > millis())) continue
      try {
        const end = await signLog(options, store, log, growing, signer)
        growing.failures = 0
        ends.push(end)
        const { size, root, note } = end.checkpoint
        sealed.push({ log, size, root, note })
      } catch (error) {
        growing.failures++
        // A log that can never be signed again is not read from its beginning every ten seconds.
        const pauseMs = Math.min(sealMs * 2 ** (growing.failures - 1), retryMsMax)
        growing.retryAt = millis() + BigInt(pauseMs)
        // One log that cannot be signed keeps no other from it.
        fault ??= error instanceof Error ? error : new TypeError(String(error))
      }
    }
    await keep(seals, ends)
    if (sealed.length > 0) onSealed(sealed)
    if (fault !== undefined) throw fault
    return sealed
  }

  /** Rows that a process stored and died before it signed them. */
  async function lookBack(seals: CheckpointStore, signer: Signer): Promise<void> {
    for (const { log, size } of await seals.unsealed(hexOf(signer.publicKey))) {
      const known = logs.get(log)
      if (known === undefined) logs.set(log, growing(size))
      else known.grownTo = Math.max(known.grownTo, size)
    }
    hasLookedBack = true
  }

  async function keep(seals: CheckpointStore, ends: readonly SignedEnd[]): Promise<void> {
    if (ends.length === 0) return
    signing.memory?.keep(
      ends.map(({ checkpoint: { log, size, note }, head_hash }) => ({
        table: options.tableOf(log),
        log,
        size,
        head_hash,
        note,
      })),
    )
    await seals.put(ends.map(({ checkpoint }) => checkpoint))
    const before = formatMicros(clock.nowMicros() - thinAfterMs * 1000)
    for (const { checkpoint } of ends) {
      const growing = logs.get(checkpoint.log)
      if (growing === undefined) continue
      growing.signed = checkpoint.size
      const hour = checkpoint.signed_at.slice(0, 13)
      if (growing.thinnedIn !== hour) await seals.thin(checkpoint.log, before)
      growing.thinnedIn = hour
    }
  }

  /** Says that this process lives, in each of its audit logs that nothing else was said in. */
  function beat(): void {
    heartTimer = undefined
    void told(async () => {
      const { seals } = await options.store()
      const now = millis()
      for (const [log, { grownAt }] of logs) {
        const parts = parseLogName(log)
        if (parts?.stream !== 'audit' || Number(now - grownAt) < heartbeatMs) continue
        const base = logName({ ...parts, generation: 1 })
        const facts = { interval_seconds: heartbeatMs / 1000 }
        const row = await seals?.appendOwn(base, { code: 'HEARTBEAT', facts })
        if (row !== undefined) grew([row])
      }
    })
      .then(() => sealNow(false))
      // It was told; the next beat tries again.
      .catch(() => {})
      .finally(schedule)
  }

  return {
    grew,
    get wantsTurn() {
      const isDue = unsignedRows >= sealRows && (sealedAt === null || millis() - sealedAt >= sealRowsPauseMs)
      const isLate = unsignedRows > 0 && sealedAt !== null && millis() - sealedAt >= sealMs
      return running > 0 || isDue || isLate
    },
    sealNow: () => sealNow(true),
    async stop() {
      clearTimeout(dueTimer)
      clearTimeout(heartTimer)
      isStopped = true
      // It was told, and the next process that opens the store signs what is left.
      await sealNow(false).catch(() => {})
      clearTimeout(heartTimer)
    },
  }
}

const growing = (grownTo: number): Growing => ({
  grownTo,
  signed: 0,
  tree: null,
  grownAt: 0n,
  failures: 0,
  retryAt: 0n,
})

/** A log that this process knows. */
interface Growing extends GrowingLog {
  /** Size of its newest checkpoint that this process has kept. */
  signed: number
  /** Milliseconds of the monotonic clock. */
  grownAt: bigint
  /** In a row; and when, by the same clock, it is tried again. */
  failures: number
  retryAt: bigint
  /** The hour in which its old checkpoints were last thinned out. */
  thinnedIn?: string
}
