// SPDX-License-Identifier: Apache-2.0
/**
 * A lane: one spool and the drainer that empties it into one store.
 *
 * What may stand between a row and the spool, and what happens then:
 *
 *   nothing                 the row is written before `accept` returns (durability process, disk)
 *   the turn has not ended  durability tick: rows gather in memory and are written together at the end of the turn
 *   the disk is full        the reserve is given back and used up; then rows wait in memory, in order, up to a bound, and
 *                           are written when there is room. Their receipts say `accepted: false` until then
 *   the bound is reached    the row is refused: counted, its receipt rejects, and the process is told once
 *   the store is far behind the spool may hold `spoolBytesMax`; sys and api rows are refused from 80 % on, so that audit rows
 *                           have the rest
 */
import { FastenError } from '../core/error.ts'
import type { Drainer } from '../store/drain-thread.ts'
import type { SpoolWriter } from '../store/spool/spool.ts'
import type { StoredPlace } from '../store/drain-runner.ts'
import { notWritten, type Ticket } from './receipt.ts'
import { createSpoolGauge, type QueueEvent } from './spool-gauge.ts'

export interface LaneOptions {
  readonly writer: SpoolWriter
  readonly drainer: Drainer
  readonly spoolBytesMax: number
  readonly overflowRowsMax: number
  /** Rows gather until the end of the turn. */
  readonly defersToTick: boolean
  readonly onTrouble: (error: FastenError) => void
  /** The disk is full and the reserve was given back: the moment to record why the next rows may be missing. */
  readonly onDiskFull: () => void
  readonly onRelief: (heldRows: number) => void
  /** The spool fills up, or a row came after `close`. */
  readonly onQueueEvent: (event: QueueEvent) => void
  /** The spool was nearly full and is less than half full; so many rows were refused meanwhile. */
  readonly onSpoolRelief: (refusedRows: number) => void
}

export interface LaneCounts {
  /** Rows in the spool, ever. */
  readonly accepted: number
  /** Rows waiting in memory now: for the end of the turn, or for disk space. */
  readonly held: number
  readonly refused: number
  readonly stored: number
  readonly quarantined: number
  readonly spoolBytes: number
  /** The most rows that were in the spool at once, looked at every few rows. */
  readonly highWaterRows: number
}

export interface Lane {
  /** Takes one row. Never throws: a refusal is in the ticket. `text` is called now or at the end of the turn. */
  accept(log: string, text: () => string, ticket: Ticket, sealed?: string): void
  /** Takes one row and syncs it before returning; waits for nothing. Never throws: what went wrong is in the ticket. */
  acceptSynced(log: string, text: string, ticket: Ticket, sealed?: string): void
  /** Counts a row that is not to be kept, with the reason. */
  refuse(ticket: Ticket, reason: FastenError): void
  durable(ticket: Ticket): Promise<void>
  stored(ticket: Ticket): Promise<StoredPlace>
  counts(): LaneCounts
  /** Writes what waits for the end of the turn. */
  endTurn(): void
  /** True when everything accepted so far is stored or quarantined before `timeoutMs` passed. */
  flush(timeoutMs: number): Promise<boolean>
  /** True when nothing is left in the spool. */
  close(timeoutMs: number): Promise<boolean>
  /** Everything to disk, blocking; for the process's last moment. */
  syncNow(): void
}

interface Waiting {
  readonly log: string
  readonly text: () => string
  readonly ticket: Ticket
  /** Personal values of the row, encrypted. */
  readonly sealed: string | undefined
}

const retryMs = 250
/** After so many attempts in vain, a disk that takes no row may not keep the process from ending: five seconds. */
const heldRetries = 20
/** Rows of one turn are written early when they are this many, to bound memory. */
const turnRowsMax = 1024

export function createLane(options: LaneOptions): Lane {
  const { writer, drainer, spoolBytesMax, overflowRowsMax, defersToTick, onTrouble, onDiskFull, onRelief } =
    options
  const { shared } = drainer
  let accepted = 0
  let refused = 0
  let knownStored = 0
  let waiting: Waiting[] = []
  let isBlocked = false
  let isTurnScheduled = false
  let isClosed = false
  let retryTimer: NodeJS.Timeout | undefined
  /** Callers who wait for a row that is not in the spool yet. They keep the process alive, but not for ever. */
  let awaited = 0
  let vainRetries = 0
  let hasSaidRefused = false
  let hasSaidFull = false
  let highWaterRows = 0
  let refusedAtFill = 0
  const gauge = createSpoolGauge({
    capacityBytes: spoolBytesMax,
    storedBytes: () => shared.stored,
    onEvent(event) {
      if (event.event === 'audit_queue_near_full') refusedAtFill = refused
      options.onQueueEvent(event)
    },
    onRelief: () => options.onSpoolRelief(refused - refusedAtFill),
  })

  function accept(log: string, text: () => string, ticket: Ticket, sealed?: string): void {
    if (defersToTick || waiting.length > 0) return hold({ log, text, ticket, sealed })
    try {
      write(log, text(), ticket, sealed)
    } catch (error) {
      block(error, { log, text, ticket, sealed })
    }
  }

  function acceptSynced(log: string, text: string, ticket: Ticket, sealed?: string): void {
    const entry = { log, text: () => text, ticket, sealed }
    endTurn()
    if (waiting.length > 0) {
      const reason = new FastenError('SPOOL_FULL', 'rows before this one still wait for disk space', {
        hint: 'free disk space; emitting resumes by itself',
      })
      return refuse(entry, reason)
    }
    try {
      write(log, text, ticket, sealed)
    } catch (error) {
      return refuse(entry, asFastenError(error))
    }
    try {
      writer.syncNow()
    } catch (error) {
      // In the spool, but not known to be on disk: the caller must not go on as if it were. The row may still arrive.
      ticket.error = asFastenError(error)
    }
  }

  function write(log: string, text: string, ticket: Ticket, sealed: string | undefined): void {
    if (isClosed)
      throw new FastenError('CLOSED', 'fasten is closed', { hint: 'emit before close(), or init() again' })
    assertRoom(ticket)
    const position = writer.append(log, text, sealed)
    shared.written = position
    shared.acceptedRows = ++accepted
    ticket.position = position
    drainer.wake()
    if ((accepted & 31) === 1) measure()
    gauge.look(position)
    if (writer.hasReserve || hasSaidFull) return
    hasSaidFull = true
    scheduleRetry()
    onDiskFull()
  }

  function measure(): void {
    highWaterRows = Math.max(highWaterRows, accepted - shared.storedRows - shared.quarantinedRows)
  }

  /** While the disk is full: tries again to write what waits, and to take the reserve back. */
  function scheduleRetry(): void {
    if (isClosed || retryTimer !== undefined) return
    retryTimer = setTimeout(() => {
      retryTimer = undefined
      endTurn()
      writer.restoreReserve()
      if (isBlocked || !writer.hasReserve) return scheduleRetry()
      hasSaidFull = false
    }, retryMs)
    if (awaited === 0 || vainRetries++ >= heldRetries) retryTimer.unref()
  }

  function assertRoom(ticket: Ticket): void {
    const limit = ticket.stream === 'audit' ? spoolBytesMax : spoolBytesMax * 0.8
    if (writer.position - knownStored <= limit) return
    knownStored = shared.stored
    if (writer.position - knownStored <= limit) return
    throw new FastenError(
      'SPOOL_LIMIT',
      `the spool holds ${writer.position - knownStored} bytes that the store has not taken`,
      {
        hint: 'bring the store back, or raise FASTEN_SPOOL_BYTES_MAX',
      },
    )
  }

  function hold(entry: Waiting): void {
    if (isBlocked) {
      if (waiting.length >= overflowRowsMax)
        return refuse(
          entry,
          new FastenError('SPOOL_FULL', `${waiting.length} rows already wait in memory for disk space`, {
            hint: 'free disk space; emitting resumes by itself',
          }),
        )
      waiting.push(entry)
      return
    }
    waiting.push(entry)
    if (waiting.length >= turnRowsMax) return endTurn()
    if (isTurnScheduled) return
    isTurnScheduled = true
    setImmediate(() => {
      isTurnScheduled = false
      endTurn()
    })
  }

  /** Writes what waits, in order, until something stops it. */
  function endTurn(): void {
    let done = 0
    for (const entry of waiting) {
      try {
        write(entry.log, entry.text(), entry.ticket, entry.sealed)
      } catch (error) {
        waiting = waiting.slice(done)
        // The row that failed is at the front again or was refused.
        const [first, ...rest] = waiting
        waiting = rest
        if (first) block(error, first, true)
        return
      }
      done++
      settle(entry.ticket)
    }
    waiting = []
    vainRetries = 0
    if (!isBlocked) return
    isBlocked = false
    hasSaidRefused = false
    onRelief(done)
  }

  function block(error: unknown, entry: Waiting, isFront = false): void {
    const reason = asFastenError(error)
    const mayPass = reason.code === 'SPOOL_FULL' || reason.code === 'SPOOL_IO'
    if (!mayPass || overflowRowsMax === 0 || (!isFront && waiting.length >= overflowRowsMax)) {
      refuse(entry, reason)
      if (isFront) endTurn()
      return
    }
    if (isFront) waiting.unshift(entry)
    else waiting.push(entry)
    const isFirst = !isBlocked
    isBlocked = true
    if (isFirst) onTrouble(reason)
    scheduleRetry()
  }

  const refuse = (entry: Waiting, reason: FastenError): void => refuseTicket(entry.ticket, reason)

  function refuseTicket(ticket: Ticket, reason: FastenError): void {
    refused++
    ticket.error = reason
    settle(ticket)
    // Each one is counted; the first of a burst is told.
    if (hasSaidRefused) return
    hasSaidRefused = true
    onTrouble(reason)
    if (reason.code === 'CLOSED')
      options.onQueueEvent({ event: 'audit_drain_abandoned', reason: 'drainer_stopped', row_id: ticket.id })
  }

  function settle(ticket: Ticket): void {
    const calls = ticket.onSettled
    ticket.onSettled = null
    for (const call of calls ?? []) call()
  }

  function written(ticket: Ticket): Promise<void> {
    if (ticket.error) return Promise.reject(ticket.error)
    if (ticket.position !== notWritten) return Promise.resolve()
    awaited++
    if (vainRetries < heldRetries) retryTimer?.ref()
    return new Promise((resolve, reject) => {
      ;(ticket.onSettled ??= []).push(() => {
        if (--awaited === 0) retryTimer?.unref()
        if (ticket.error) reject(ticket.error)
        else resolve()
      })
    })
  }

  async function durable(ticket: Ticket): Promise<void> {
    if (ticket.position === notWritten) await written(ticket)
    if (shared.stored >= ticket.position) return
    try {
      await writer.sync()
    } catch (error) {
      // A row in the store is durable, whatever became of the spool.
      if (shared.stored < ticket.position) throw error
    }
  }

  async function stored(ticket: Ticket): Promise<StoredPlace> {
    if (ticket.position === notWritten) await written(ticket)
    if (!(await drainer.whenStored(ticket.position)))
      throw new FastenError(
        'NOT_STORED_YET',
        `row ${ticket.id} was not stored before fasten was closed; it is in the spool`,
        {
          at: ticket.id,
          hint: 'the next process that opens this store will store it',
        },
      )
    const place = await drainer.locate(ticket.stream, ticket.id)
    if (place) return place
    throw new FastenError(
      'ROW_QUARANTINED',
      `the store would not take row ${ticket.id}; it is in quarantine`,
      {
        at: ticket.id,
        hint: 'fasten quarantine list',
      },
    )
  }

  async function flush(timeoutMs: number): Promise<boolean> {
    endTurn()
    if (waiting.length > 0) return false
    return drainer.whenStored(writer.position, timeoutMs)
  }

  return {
    accept,
    acceptSynced,
    refuse: refuseTicket,
    durable,
    stored,
    endTurn,
    flush,
    counts() {
      measure()
      return {
        accepted,
        held: waiting.length,
        refused,
        stored: shared.storedRows,
        quarantined: shared.quarantinedRows,
        spoolBytes: writer.position - shared.stored,
        highWaterRows,
      }
    },
    async close(timeoutMs) {
      const isDrained = await flush(timeoutMs)
      if (!isDrained) syncQuietly()
      isClosed = true
      clearTimeout(retryTimer)
      await drainer.stop(Math.max(timeoutMs, 1000))
      writer.close()
      abandonWaiting()
      return isDrained
    },
    syncNow: syncQuietly,
  }

  /** Rows that never found room on the disk end with the process; their receipts never said that they were accepted. */
  function abandonWaiting(): void {
    if (waiting.length === 0) return
    const message = `${waiting.length} rows that waited in memory for disk space are lost: fasten was closed while the disk was full`
    const reason = new FastenError('SPOOL_FULL', message, {
      hint: 'free disk space; whoever emitted them saw accepted: false',
    })
    const lost = waiting
    waiting = []
    hasSaidRefused = false
    for (const entry of lost) refuse(entry, reason)
  }

  /** Last resort of a process that ends: the rows are in the operating system's hands already, this only adds the disk. */
  function syncQuietly(): void {
    try {
      endTurn()
      writer.syncNow()
    } catch (error) {
      onTrouble(asFastenError(error))
    }
  }
}

const asFastenError = (error: unknown): FastenError =>
  error instanceof FastenError ? error : new FastenError('SPOOL_IO', String(error), { cause: error })
