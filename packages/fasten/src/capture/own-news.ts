// SPDX-License-Identifier: Apache-2.0
import type { FastenError } from '../core/error.ts'
import type { DrainEvent } from '../store/drain-loop.ts'
import type { AnyEmitInput } from './engine.ts'
import type { Logger } from './log.ts'
import type { Receipt } from './receipt.ts'
import type { QueueEvent } from './spool-gauge.ts'

/** Where an instance tells of itself. */
export interface NewsPlaces {
  /** A line for whoever runs the process, on stderr. */
  notice(text: string): void
  /** Asked when there is news, which no instance has before it is started. */
  log(): Pick<Logger, 'info' | 'warn' | 'error'>
  emit(input: AnyEmitInput): Receipt
  isClosed(): boolean
}

/**
 * Tells what befalls an instance: on stderr, as sys rows under the names the published SDKs use, and as audit rows where the trail itself has to say
 * it. Remembers how things stand by what it was told.
 */
export interface OwnNews {
  readonly standing: NewsStanding
  drained(event: DrainEvent): void
  queue(event: QueueEvent): void
  /** Told within a reading of the clock, which a row in the making waits for. */
  clockStep(seconds: number): void
  trouble(error: FastenError): void
  diskFull(): void
  relief(heldRows: number): void
  spoolRelief(refusedRows: number): void
}

export interface NewsStanding {
  readonly lastError: string | null
  /** What the store says since the last row went in. */
  readonly storeError: string | null
  /** Why nothing is shipped to the fleet, or the newest reason why a log is not. */
  readonly fleetError: string | null
  /** Whether the store's file is another one. */
  readonly isReplaced: boolean
  readonly sweptRows: number
}

export function createOwnNews({ notice, log, emit, isClosed }: NewsPlaces): OwnNews {
  const standing = {
    lastError: null as string | null,
    storeError: null as string | null,
    fleetError: null as string | null,
    isReplaced: false,
    sweptRows: 0,
  }
  /** Quarantine entries that no row tells of yet, and whether a row that tells of some is on its way. */
  const untold: { readonly name: string; readonly code: string }[] = []
  let isTelling = false

  function drained(event: DrainEvent): void {
    const { event: name, ...fields } = event
    // The store may be well without a thread of its own, and nothing will say that one is back: `has_drain_thread` says it.
    const isInline = event.event === 'audit_drain_failed' && event.code === 'DRAIN_INLINE'
    // The spool of another process is no trouble of this one.
    const isOthers =
      name === 'audit_spool_not_adopted' || name === 'audit_witness_failed' || name.startsWith('fleet_')
    if (event.event === 'fleet_ship_failed' || event.event === 'fleet_log_refused')
      standing.fleetError = event.error
    if (name === 'fleet_ship_recovered' || name === 'fleet_log_accepted') standing.fleetError = null
    if ('error' in event && !isOthers && !isInline) standing.lastError = event.error
    if (name === 'audit_checkpoint_recovered') standing.lastError = null
    if (name === 'audit_drain_recovered') standing.lastError = null
    if (name === 'audit_row_quarantined') {
      untold.push(event)
      tellQuarantined()
    }
    if (event.event === 'audit_drain_failed' && !isInline) {
      standing.storeError = event.error
      if (event.code === 'STORE_REPLACED') {
        standing.isReplaced = true
        emit({
          code: 'STORE_REPLACED',
          target: 'store',
          outcome: 'failure',
          reason: event.error,
          detail: { error_code: event.code },
        })
      }
    }
    if (name === 'audit_drain_recovered') {
      standing.storeError = null
      standing.isReplaced = false
    }
    if (name === 'audit_drain_degraded')
      emit({ code: 'DEGRADED', target: 'store', outcome: 'failure', reason: event.last_error })
    if (name === 'audit_drain_recovered' && event.was_degraded)
      emit({ code: 'RECOVERED', target: 'store', detail: { seconds: event.recovery_after_seconds } })
    if (name === 'retention_purge_failed')
      emit({
        code: 'RETENTION_FAILED',
        target: 'store',
        outcome: 'failure',
        reason: event.error,
        detail: { error_code: event.code },
      })
    if (event.event === 'retention_swept') standing.sweptRows += event.rows
    if (name !== 'audit_spool_adopted' && name !== 'retention_swept')
      notice(`${name} ${JSON.stringify(fields)}`)
    // While the sys stream goes into the same store, its rows wait in the same spool; nothing feeds back.
    log()[good.has(name) ? 'info' : warnings.has(name) ? 'warn' : 'error'](name, fields)
  }

  /**
   * The trail itself says that rows are in quarantine. One row at a time: should the store refuse that one too, no further one is
   * made, and stderr and stats go on counting.
   */
  function tellQuarantined(): void {
    const [first] = untold
    if (isTelling || isClosed() || first === undefined) return
    isTelling = true
    const rows = untold.splice(0).length
    const { stored } = emit({
      code: 'ROW_QUARANTINED',
      target: first.name,
      outcome: 'failure',
      detail: { error_code: first.code, rows },
    })
    stored.then(
      () => {
        isTelling = false
        tellQuarantined()
      },
      (error: unknown) => notice(`the row that tells of the quarantine is not stored: ${String(error)}`),
    )
  }

  return {
    standing,
    drained,
    queue(event) {
      const { event: name, ...fields } = event
      notice(`${name} ${JSON.stringify(fields)}`)
      log()[name === 'audit_queue_high_water' ? 'warn' : 'error'](name, fields)
      if (event.event === 'audit_queue_near_full')
        emit({
          code: 'DEGRADED',
          target: 'spool',
          outcome: 'failure',
          detail: { error_code: 'SPOOL_LIMIT', depth: event.depth, capacity: event.capacity },
        })
    },
    clockStep: (seconds) =>
      queueMicrotask(() => {
        notice(`audit_clock_step ${JSON.stringify({ seconds })}`)
        log().warn('audit_clock_step', { seconds })
        emit({ code: 'CLOCK_STEP', target: 'clock', detail: { seconds } })
      }),
    trouble(error) {
      standing.lastError = error.toLine()
      notice(error.toLine())
    },
    diskFull() {
      notice('the disk is full; the space held back for this moment is being used up')
      emit({ code: 'DISK_FULL', target: 'spool', outcome: 'failure' })
    },
    relief(heldRows) {
      standing.lastError = null
      notice(`there is room again; ${heldRows} rows that waited in memory are in the spool`)
      emit({ code: 'RECOVERED', target: 'spool', detail: { held_rows: heldRows } })
    },
    spoolRelief: (refused_rows) =>
      void emit({ code: 'RECOVERED', target: 'spool', detail: { refused_rows } }),
  }
}

const good: ReadonlySet<DrainEvent['event']> = new Set([
  'retention_swept',
  'audit_drain_recovered',
  'audit_spool_adopted',
  'audit_checkpoint_recovered',
  'audit_witness_recovered',
  'fleet_enrolled',
  'fleet_ship_recovered',
  'fleet_log_accepted',
])

const warnings: ReadonlySet<DrainEvent['event']> = new Set([
  'retention_first_sweep',
  'retention_not_permitted',
  'audit_drain_failed',
  'audit_spool_not_adopted',
  'audit_witness_failed',
  'fleet_ship_failed',
])
