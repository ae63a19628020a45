// SPDX-License-Identifier: Apache-2.0
import type { WrappedKey } from './sealed.ts'

/** What is kept of an erasure where keys are kept: that none of these may come back. */
export interface Tombstone {
  readonly tenant: string
  /** Pseudonyms of the subject, one for each key of the ring at the time. */
  readonly subjects: readonly string[]
  /** Keys that were destroyed. */
  readonly key_ids: readonly string[]
  /** The legal ground, as the person who erased gave it. */
  readonly basis: string
  /** Canonical timestamp. Keys of the subject that were made up to then are never taken again. */
  readonly erased_at: string
}

/** A key that was offered and may not be kept: it is destroyed, or its subject was erased after it was made. */
export interface RefusedKey {
  readonly id: string
  readonly subject: string
  readonly basis: string
  readonly erased_at: string
}

/**
 * Where wrapped data keys rest: apart from the rows, with short-lived backups of its own, because an erasure is complete only
 * when the last copy of a key is gone.
 *
 * `put` keeps what is new and MUST be durable when it resolves; it answers those of the given keys that MUST NOT be kept because a
 * tombstone names them, or their subject at a later time than they were made. Putting a key again is harmless.
 * `get` answers those that are there. `ofSubjects` answers all keys of any of these pseudonyms.
 * `destroy` removes the keys that a tombstone names and keeps the tombstone: from then on no key of its subjects made up to
 * then is taken. It answers the ids of those that had come before, ascending: they stay, since nobody has looked yet at the rows that
 * use them. When it resolves, the bytes of what it removed MUST be gone from every file of the store; doing it again is harmless.
 * `keks` answers the ids of the tenant's keys that wrap any key here, ascending.
 * `wrappedByOthers` answers keys that another key of the tenant than `kek` wraps, in the order of their ids, behind `afterId`, at most
 * `keysMax`.
 * `tombstones` answers all of them in the order they were kept. `all` answers every key; `replace` puts others with the same ids in
 * their place, which is how a new tenant key takes over, and MUST NOT leave bytes of the old ones.
 */
export interface KeyStore {
  put(keys: readonly WrappedKey[]): Promise<readonly RefusedKey[]>
  get(ids: readonly string[]): Promise<readonly WrappedKey[]>
  ofSubjects(subjects: readonly string[]): Promise<readonly WrappedKey[]>
  destroy(tombstone: Tombstone): Promise<readonly string[]>
  keks(): Promise<readonly string[]>
  tombstones(): Promise<readonly Tombstone[]>
  wrappedByOthers(kek: string, afterId: string, keysMax: number): Promise<readonly WrappedKey[]>
  all(): Promise<readonly WrappedKey[]>
  replace(keys: readonly WrappedKey[]): Promise<void>
  close(): Promise<void>
}
