// SPDX-License-Identifier: Apache-2.0
import type { ShipState } from './ship/shipper.ts'

/**
 * What a process and its drainer thread both see without sending messages: positions and counters in shared memory. The
 * writer raises `written` after each append; the drainer raises the others after each commit.
 */
export interface DrainShared {
  readonly buffer: SharedArrayBuffer
  written: number
  stored: number
  readonly storedRows: number
  readonly quarantinedRows: number
  readonly failures: number
  readonly backoffMs: number
  /** Checkpoints that were signed and kept. */
  readonly checkpoints: number
  /** Failures of signing, each counted when it is told. */
  readonly sealFailures: number
  /** The drainer sleeps and must be woken by a message. */
  isIdle: boolean
  /** Somebody waits for rows to be stored: the drainer says when it has committed. */
  isAwaited: boolean
  addStored(rows: number): void
  addQuarantined(rows: number): void
  setTrouble(failures: number, backoffMs: number): void
  /** Rows that were ever written to the spool; what is not stored and not in quarantine waits. */
  acceptedRows: number
  /** How shipping to a fleet stands; all zero, and nothing known, where there is none. */
  shipping: ShipState
  addCheckpoints(count: number): void
  addSealFailure(): void
}

const slots = {
  written: 0,
  stored: 1,
  storedRows: 2,
  quarantinedRows: 3,
  acceptedRows: 8,
  shipped: 9,
  /** One more than there are, so that nothing is known where nothing was written. */
  unshippedAndOne: 10,
} as const
const flags = {
  isIdle: 8,
  isAwaited: 9,
  failures: 10,
  backoffMs: 11,
  checkpoints: 12,
  sealFailures: 13,
  shipRefused: 22,
  shipFailures: 23,
  shipBackoffMs: 24,
  isStandby: 25,
} as const

export function createDrainShared(buffer: SharedArrayBuffer = new SharedArrayBuffer(128)): DrainShared {
  const wide = new BigInt64Array(buffer)
  const narrow = new Int32Array(buffer)
  const get = (slot: number): number => Number(Atomics.load(wide, slot))
  const set = (slot: number, value: number): void => {
    Atomics.store(wide, slot, BigInt(value))
  }
  return {
    buffer,
    get written() {
      return get(slots.written)
    },
    set written(position) {
      set(slots.written, position)
    },
    get stored() {
      return get(slots.stored)
    },
    set stored(position) {
      set(slots.stored, position)
    },
    get storedRows() {
      return get(slots.storedRows)
    },
    get quarantinedRows() {
      return get(slots.quarantinedRows)
    },
    get failures() {
      return Atomics.load(narrow, flags.failures)
    },
    get backoffMs() {
      return Atomics.load(narrow, flags.backoffMs)
    },
    get checkpoints() {
      return Atomics.load(narrow, flags.checkpoints)
    },
    get sealFailures() {
      return Atomics.load(narrow, flags.sealFailures)
    },
    get isIdle() {
      return Atomics.load(narrow, flags.isIdle) === 1
    },
    set isIdle(value) {
      Atomics.store(narrow, flags.isIdle, value ? 1 : 0)
    },
    get isAwaited() {
      return Atomics.load(narrow, flags.isAwaited) === 1
    },
    set isAwaited(value) {
      Atomics.store(narrow, flags.isAwaited, value ? 1 : 0)
    },
    addStored(rows) {
      Atomics.add(wide, slots.storedRows, BigInt(rows))
    },
    addQuarantined(rows) {
      Atomics.add(wide, slots.quarantinedRows, BigInt(rows))
    },
    get acceptedRows() {
      return get(slots.acceptedRows)
    },
    set acceptedRows(rows) {
      set(slots.acceptedRows, rows)
    },
    get shipping() {
      return {
        shipped: get(slots.shipped),
        unshipped: knownOf(get(slots.unshippedAndOne)),
        refused: Atomics.load(narrow, flags.shipRefused),
        failures: Atomics.load(narrow, flags.shipFailures),
        backoffMs: Atomics.load(narrow, flags.shipBackoffMs),
        isStandby: Atomics.load(narrow, flags.isStandby) === 1,
      }
    },
    set shipping({ shipped, unshipped, refused, failures, backoffMs, isStandby }) {
      set(slots.shipped, shipped)
      set(slots.unshippedAndOne, unshipped === null ? 0 : unshipped + 1)
      Atomics.store(narrow, flags.shipRefused, refused)
      Atomics.store(narrow, flags.shipFailures, failures)
      Atomics.store(narrow, flags.shipBackoffMs, backoffMs)
      Atomics.store(narrow, flags.isStandby, isStandby ? 1 : 0)
    },
    addCheckpoints(count) {
      Atomics.add(narrow, flags.checkpoints, count)
    },
    addSealFailure() {
      Atomics.add(narrow, flags.sealFailures, 1)
    },
    setTrouble(failures, backoffMs) {
      Atomics.store(narrow, flags.failures, failures)
      Atomics.store(narrow, flags.backoffMs, backoffMs)
    },
  }
}

const knownOf = (andOne: number): number | null => (andOne === 0 ? null : andOne - 1)
