// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '../core/clock.ts'
import { FastenError } from '../core/error.ts'
import type { IdSource } from '../core/ids.ts'
import type { StreamName } from '../core/row.ts'
import { createDrainLoop, type DrainEvent } from './drain-loop.ts'
import type { DrainShared } from './drain-shared.ts'
import type { RowSink, Store } from './ports.ts'
import { removeSpool } from './spool/adopt.ts'
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
}

export interface DrainRunner {
  wake(): void
  hurry(): void
  /** The row's place, or null when the store does not have it. */
  locate(stream: StreamName, id: string): Promise<StoredPlace | null>
  stop(): Promise<void>
}

/** A drain loop on an open store; runs the same in a worker thread and inline. */
export function createDrainRunner(options: DrainRunnerOptions): DrainRunner {
  const { root, reader, shared, clock, ids, rowsMax, lingerMs, adopts, onEvent, onProgress } = options
  let store: Store | null = null
  const open = async (): Promise<Store> => (store ??= await options.openStore())

  const sink: RowSink = {
    append: async (batch) => (await open()).append(batch),
    spoolPosition: async (spool) => (await open()).spoolPosition(spool),
    forgetSpool: async (spool) => (await open()).forgetSpool(spool),
  }
  const loop = createDrainLoop({
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

  return {
    wake: loop.wake,
    hurry: loop.hurry,
    async locate(stream, id) {
      const [found] = await (await open()).scan({ stream, filter: { id }, order: 'stored', limit: 1 })
      if (!found || found.hash === null) return null
      return { log: found.row.log, monotonic_seq: found.row.monotonic_seq, hash: found.hash }
    },
    async stop() {
      await loop.stop()
      const closing = store
      store = null
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
