// SPDX-License-Identifier: Apache-2.0
import type { SpooledDraft } from '../ports.ts'

/**
 * The writing end of a spool: the one place between `emit` and a store, on disk from the first moment.
 *
 * `append` takes one draft and answers the position behind it. When it returns, the bytes are the operating system's: they
 * survive the death of this process. It throws `SPOOL_FULL` or `SPOOL_IO` when they are not, and nothing was appended then.
 * `sync` resolves when everything appended before the call survives power loss; calls made while one sync runs share
 * the next. `syncNow` is the same, blocking.
 */
export interface SpoolWriter {
  readonly id: string
  /** Behind the last appended draft. */
  readonly position: number
  /** False once the space held back for a full disk was given up. */
  readonly hasReserve: boolean
  append(log: string, text: string, sealed?: string): number
  sync(): Promise<void>
  syncNow(): void
  /** Takes the reserve back after a full disk, once there is ample room again. Never throws. */
  restoreReserve(): void
  /** Closes the files; what is in them stays. */
  close(): void
}

/** Bytes of a spool that are no frame, kept as evidence. */
export interface SpoolDamage {
  readonly from: number
  readonly to: number
  readonly reason: string
  /** A frame that ends where the file ends: what a process leaves that dies inside a write. Its `emit` had not returned. */
  readonly isTorn: boolean
  readonly bytes: Uint8Array
}

export interface SpoolSlice {
  readonly drafts: readonly SpooledDraft[]
  /** Behind the last draft or damage of the slice; reading continues here. */
  readonly position: number
  readonly damage: readonly SpoolDamage[]
}

/**
 * The reading end. `read` answers some whole drafts from `position` and never looks past `end`; an answer whose position has
 * not moved means that there is nothing more.
 */
export interface SpoolReader {
  readonly id: string
  read(position: number, end: number, rowsMax: number): SpoolSlice
  /** Deletes what lies wholly before `position`; the newest segment always stays. */
  trim(position: number): void
  /** Everything a process that is dead now can have written; for adoption. */
  end(): number
  close(): void
}
