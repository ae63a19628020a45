// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '../core/clock.ts'
import { FastenError } from '../core/error.ts'
import type { IdSource } from '../core/ids.ts'
import type { StreamName } from '../core/row.ts'
import type { NoteCrypto } from '../core/signature.ts'
import type { PolicyWitness } from '../core/tlog-policy.ts'
import { createDrainLoop, type DrainEvent } from './drain-loop.ts'
import type { DrainShared } from './drain-shared.ts'
import { createUptime, sha256 } from './platform.ts'
import type { AppendedRow, Outbox, OutboxPlace, RowSink, Store } from './ports.ts'
import type { Signing } from './keys/signing.ts'
import { createSealer, type Sealed } from './seal/sealer.ts'
import { createWitnessClient } from './witness/witness-client.ts'
import { createSweeper, type RetentionSettings } from './retention/sweeper.ts'
import type { FleetSettings } from './ship/fleet-settings.ts'
import { createShipper } from './ship/shipper.ts'
import { removeSpool } from './spool/adopt.ts'
import { shipLockPath } from './spool/layout.ts'
import { acquireLock } from './spool/lock.ts'
import type { SpoolReader } from './spool/spool.ts'

/** The place a stored row was given. */
export interface StoredPlace {
  readonly log: string
  readonly monotonic_seq: number
  readonly hash: string
}

export interface DrainRunnerOptions {
  readonly root: string
  readonly reader: SpoolReader
  readonly shared: DrainShared
  /** Opened at the first batch, and again after the store could not be opened. */
  readonly openStore: () => Promise<Store>
  readonly clock: Clock
  readonly ids: IdSource
  readonly rowsMax: number
  readonly lingerMs: number
  readonly adopts: boolean
  readonly onEvent: (event: DrainEvent) => void
  /** After each commit while somebody waits. */
  readonly onProgress: () => void
  readonly onMoved?: (rows: readonly AppendedRow[]) => void
  /** Signs the ends of the logs; nothing is signed without. */
  readonly sealing?: Sealing | undefined
  /** Sweeps what has expired; nothing is swept without. */
  readonly retention?: RetentionSettings | undefined
  /** Where the rows of this store are shipped; nowhere without. */
  readonly fleet?: FleetSettings | undefined
}

export interface Sealing {
  readonly signing: Signing
  readonly crypto: NoteCrypto
  readonly heartbeatMs: number
  /** Table of a log's stream in the store. */
  readonly tableOf: (log: string) => string
  /** Those with a URL are asked to cosign. */
  readonly witnesses: readonly PolicyWitness[]
}

export interface DrainRunner {
  wake(): void
  hurry(): void
  /** Resolves once the outbox was found empty after now. */
  sweep(): Promise<void>
  /** Where applications insert; resolving says that the store is there with its tables. */
  outboxPlace(): Promise<OutboxPlace>
  /** The row's place, or null when the store does not have it. */
  locate(stream: StreamName, id: string): Promise<StoredPlace | null>
  /** Signs what is unsigned; the checkpoints that were made. Throws what made it fail. None where nothing is signed. */
  seal(): Promise<readonly Sealed[]>
  /** Ships what is left for `timeoutMs` at most; what has to be done to lose no row takes its time. */
  stop(timeoutMs: number): Promise<void>
}

/** A drain loop on an open store; runs the same in a worker thread and inline. */
export function createDrainRunner(options: DrainRunnerOptions): DrainRunner {
  const { root, reader, shared, clock, ids, rowsMax, lingerMs, adopts, onEvent, onProgress, onMoved } =
    options
  let opening: Promise<Store> | null = null

  /** The loop and whoever asks meanwhile share one store; one that could not be opened is tried again by the next who needs it. */
  function open(): Promise<Store> {
    if (opening !== null) return opening
    const mine = options.openStore()
    opening = mine
    mine.catch(() => {
      if (opening === mine) opening = null
    })
    return mine
  }

  const witnesses =
    options.sealing &&
    createWitnessClient({
      ...options.sealing,
      store: open,
      timeoutMs: 10_000,
      onFailure: (witness, error) =>
        onEvent(
          error === null
            ? { event: 'audit_witness_recovered', witness }
            : { event: 'audit_witness_failed', witness, error: error.toLine(), code: error.code },
        ),
    })
  const sealer =
    options.sealing &&
    createSealer({
      ...options.sealing,
      store: open,
      clock,
      onFailure(error) {
        if (error === null) return onEvent({ event: 'audit_checkpoint_recovered' })
        shared.addSealFailure()
        onEvent({ event: 'audit_checkpoint_failed', error: error.toLine(), code: error.code })
      },
      onSealed(sealed) {
        shared.addCheckpoints(sealed.length)
        witnesses?.ask(sealed.map(({ log }) => log))
        if (sealed.length > 0) shipper?.grew()
      },
    })

  const sweeper =
    options.retention &&
    createSweeper({
      settings: options.retention,
      store: open,
      digest: sha256,
      clock,
      uptime: createUptime(ids),
      needsCheckpoint: sealer !== undefined,
      needsReplication: options.fleet !== undefined,
      onEvent,
    })

  const shipper =
    options.fleet &&
    createShipper({
      settings: options.fleet,
      store: open,
      signing: options.sealing?.signing,
      clock,
      ids,
      lock: () => acquireLock(shipLockPath(root)),
      spool: () => ({
        rows: shared.acceptedRows - shared.storedRows - shared.quarantinedRows,
        bytes: shared.written - shared.stored,
      }),
      onEvent,
      onState(state) {
        shared.shipping = state
      },
    })

  const sink: RowSink = {
    async append(batch) {
      const result = await (await open()).append(batch)
      sealer?.grew(result.appended)
      if (result.appended.length > 0) shipper?.grew()
      // An engine that answers at once would let no timer run until the whole backlog is stored.
      if (sealer?.wantsTurn === true) await new Promise((resolve) => setImmediate(resolve))
      return result
    },
    spoolPosition: async (spool) => (await open()).spoolPosition(spool),
    forgetSpool: async (spool) => (await open()).forgetSpool(spool),
  }
  const outbox: Outbox = {
    outboxRows: async (max) => (await open()).outboxRows(max),
    outboxPlace: async () => (await open()).outboxPlace(),
  }
  const loop = createDrainLoop({
    // A store that only this process can reach has no application's transactions.
    ...(adopts ? { outbox } : {}),
    ...(onMoved === undefined ? {} : { onMoved }),
    place: { sink, root, clock, rowsMax },
    reader,
    end: () => shared.written,
    ids,
    lingerMs,
    adopts,
    onSlice(slice, isOwn) {
      if (!isOwn) return
      shared.addStored(slice.stored)
      shared.addQuarantined(slice.quarantined.length)
      shared.stored = slice.position
      if (shared.isAwaited) onProgress()
    },
    onEvent,
    onTrouble: shared.setTrouble,
    onIdle(isIdle) {
      shared.isIdle = isIdle
    },
  })
  shared.isIdle = true
  let isStopping = false

  /** The row is stored: who asks where is not told that the database was busy for a moment, or away, but waits as for the storing. */
  async function again<T>(ask: () => Promise<T>): Promise<T> {
    for (let pauseMs = 20; ; pauseMs = Math.min(pauseMs * 2, 5_000)) {
      try {
        return await ask()
      } catch (error) {
        const isPassing = error instanceof FastenError && /^STORE_(BUSY|UNREACHABLE)$/.test(error.code)
        if (!isPassing || isStopping) throw error
      }
      await new Promise((resolve) => setTimeout(resolve, pauseMs))
    }
  }

  return {
    wake: loop.wake,
    hurry: loop.hurry,
    sweep: loop.sweep,
    outboxPlace: outbox.outboxPlace,
    async locate(stream, id) {
      const [found] = await again(async () =>
        (await open()).scan({ stream, filter: { id }, order: 'stored', limit: 1 }),
      )
      if (!found || found.hash === null) return null
      return { log: found.row.log, monotonic_seq: found.row.monotonic_seq, hash: found.hash }
    },
    seal: async () => (await sealer?.sealNow()) ?? [],
    async stop(timeoutMs) {
      isStopping = true
      const began = clock.monotonicNanos()
      await loop.stop()
      await sweeper?.stop()
      // Only if the store was ever opened: there is nothing to sign in one that was not.
      if (opening !== null) await sealer?.stop()
      await shipper?.stop(timeoutMs - Number((clock.monotonicNanos() - began) / 1_000_000n))
      await witnesses?.stop()
      const closing = await opening?.catch(() => null)
      opening = null
      try {
        // An empty spool leaves nothing behind. One with rows in it stays for whoever opens this store next.
        if (closing && adopts && shared.stored === shared.written)
          await removeSpool({ root, sink: closing }, reader.id)
      } catch (error) {
        const { code, message } = toPlainError(error)
        onEvent({
          event: 'audit_drain_failed',
          code,
          error: `an empty spool could not be removed: ${message}`,
        })
      }
      await closing?.close()
    },
  }
}

/** What a drainer can be asked, and what it answers. */
export type DrainQuestion =
  | { readonly kind: 'locate'; readonly stream: StreamName; readonly id: string }
  | { readonly kind: 'seal' | 'sweep' | 'outboxPlace' }
export type DrainAnswer = StoredPlace | readonly Sealed[] | OutboxPlace | null

export async function askRunner(runner: DrainRunner, question: DrainQuestion): Promise<DrainAnswer> {
  switch (question.kind) {
    case 'locate':
      return runner.locate(question.stream, question.id)
    case 'seal':
      return runner.seal()
    case 'outboxPlace':
      return runner.outboxPlace()
    case 'sweep':
      await runner.sweep()
      return null
  }
}

/** `error` as plain data, to cross a thread. */
export interface PlainError {
  readonly code: string
  readonly message: string
  readonly at?: string
  readonly hint?: string
}

export function toPlainError(error: unknown): PlainError {
  if (!(error instanceof FastenError)) return { code: 'STORE_UNKNOWN', message: String(error) }
  const { code, message, at, hint } = error
  return { code, message, ...(at === undefined ? {} : { at }), ...(hint === undefined ? {} : { hint }) }
}

export const fromPlainError = ({ code, message, ...about }: PlainError): FastenError =>
  new FastenError(code, message, about)
