// SPDX-License-Identifier: Apache-2.0
import type { FastenError } from '../core/error.ts'
import type { StreamName } from '../core/row.ts'
import type { StoredPlace } from '../store/drain-runner.ts'

/**
 * What `emit` hands back. The promises are made when they are read: fire-and-forget costs nothing, and an event nobody waits
 * for can never become an unhandled rejection.
 */
export interface Receipt {
  readonly id: string
  readonly request_id: string
  readonly boot_seq: number
  /**
   * True when the row is in the spool (with `durability: 'tick'`: will be at the end of this turn). False when it is held in
   * memory because the disk is full, or was refused; `durable` tells which, in time.
   */
  readonly accepted: boolean
  /** Resolves when the row survives power loss, whatever the database does. Rejects with a `FastenError`: it was refused. */
  readonly durable: Promise<void>
  /** Resolves when the row has its place and hash. Rejects: refused, quarantined, or closed before (it stays in the spool). */
  readonly stored: Promise<StoredPlace>
}

export type { StoredPlace }

/** What `emitStored` answers: the row and its place. */
export interface StoredReceipt extends StoredPlace {
  readonly id: string
  readonly request_id: string
}

/** Where one row is between `emit` and the spool. */
export interface Ticket {
  readonly stream: StreamName
  /** Row id, for asking the store about it. */
  readonly id: string
  /** Behind the row in its spool; `notWritten` while it waits in memory. */
  position: number
  /** Why it was refused. */
  error: FastenError | null
  /** Called once the position or the error is known. */
  onSettled: (() => void)[] | null
}

export const notWritten = -1

/** What receipts ask of the lane their row went into. */
export interface ReceiptLane {
  durable(ticket: Ticket): Promise<void>
  stored(ticket: Ticket): Promise<StoredPlace>
}

/** A class, unlike anything else here, because its getters sit on the prototype: a receipt costs one small object. */
export class LaneReceipt implements Receipt, Ticket {
  readonly stream: StreamName
  readonly id: string
  readonly request_id: string
  readonly boot_seq: number
  position: number = notWritten
  error: FastenError | null = null
  onSettled: (() => void)[] | null = null
  isAwaitingTurn = false
  readonly #lane: ReceiptLane
  #durable: Promise<void> | null = null
  #stored: Promise<StoredPlace> | null = null

  constructor(lane: ReceiptLane, stream: StreamName, id: string, request_id: string, boot_seq: number) {
    this.#lane = lane
    this.stream = stream
    this.id = id
    this.request_id = request_id
    this.boot_seq = boot_seq
  }

  get accepted(): boolean {
    return this.error === null && (this.position !== notWritten || this.isAwaitingTurn)
  }

  get durable(): Promise<void> {
    return (this.#durable ??= this.#lane.durable(this))
  }

  get stored(): Promise<StoredPlace> {
    return (this.#stored ??= this.#lane.stored(this))
  }
}
