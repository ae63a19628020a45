// SPDX-License-Identifier: Apache-2.0
import type { StreamName } from '../../core/row.ts'
import type { OwnRow } from '../own-rows.ts'
import type { Hold } from '../retention/hold.ts'
import type { KeyStore, Tombstone } from './key-store.ts'
import type { WrappedKey } from './sealed.ts'

/** A personal value as it rests beside its row. */
export interface SealedValue {
  /** Store position of its row. */
  readonly position: number
  readonly pointer: string
  readonly key_id: string
  /** Nonce, sealed disclosure, tag; null once it is erased. */
  readonly box: Uint8Array | null
  /** What opens the box, for whoever has the tenant's key; null when it is destroyed or not there, undefined for who may not see keys. */
  readonly key: WrappedKey | null | undefined
  /** The key is known to be destroyed by an erasure. */
  readonly isErased: boolean
}

/** A row with personal values, as a legal hold looks at it. Members that are sealed are null. */
export interface PersonalRow {
  readonly log: string
  /** Null for a row that waits for its number. */
  readonly monotonic_seq: number | null
  readonly code: string | null
  readonly actor: string | null
  readonly on_behalf_of: string | null
  readonly target: string | null
  readonly request_id: string | null
  readonly tenant_id: string | null
  readonly timestamp: string | null
}

export interface EraseDeed {
  /** Who erases; for the rows that tell of it. */
  readonly actor?: string | undefined
  /**
   * Answers rows that would lose a value although they are not stored yet. Asked in the transaction, while nobody can store any: what is
   * on its way is seen here or there.
   */
  readonly waiting?: () => readonly PersonalRow[]
  /**
   * Told each row that would lose a value, of those that wait in the outbox too, and the legal holds, all as they are in the transaction:
   * no hold can be placed between the question and the deed. What it throws, undoes all of it.
   */
  readonly onRow?: (row: PersonalRow, holds: readonly Hold[]) => void
}

/** What an erasure took, or would take, from one log. */
export interface ErasedLog {
  readonly log: string
  readonly rows: number
  readonly values: number
}

/** What a scrub reached; sentences for the receipt of the erasure. */
export interface Scrubbed {
  readonly done: readonly string[]
  /** What somebody has to do before all of it is gone; the erasure is not complete until then. */
  readonly open: readonly string[]
  /** What it leaves behind where the store cannot reach, and only time can do. */
  readonly remaining: readonly string[]
}

/**
 * What a store can do about the personal values in it.
 *
 * `plan` answers how many values under these keys are there, by log, and changes nothing. `erase` destroys them: in one
 * transaction their boxes and look-ups become null, their keys can never be stored under again, and each log they were in gets rows
 * SUBJECT_ERASED that account for them. A batch that is being stored meanwhile MUST be in that transaction's sight or find the keys
 * buried. Doing it again accounts for nothing twice.
 * `scrub` MUST leave no byte of what was erased in any file of the store, or say where; it may take as long as copying it.
 * `erased` answers every key that a row of this store says is destroyed, with the tombstone to tell it by.
 */
export interface PersonalStore {
  readonly keys: KeyStore
  plan(keyIds: readonly string[]): Promise<readonly ErasedLog[]>
  erase(tombstone: Tombstone, deed?: EraseDeed): Promise<readonly ErasedLog[]>
  /** Positions of the rows that keep a value under one of these keys, ascending. */
  positions(keyIds: readonly string[]): Promise<readonly number[]>
  /** Appends a row of the store's own to the log that answers for `base`, a generation 1 name. */
  tell(base: string, own: OwnRow): Promise<void>
  scrub(): Promise<Scrubbed>
  erased(): Promise<readonly Tombstone[]>
}

/** The reading half: the personal values of rows at these positions, in the order of position and pointer. */
export type SealedValues = (
  stream: StreamName,
  positions: readonly number[],
) => Promise<readonly SealedValue[]>
