// SPDX-License-Identifier: Apache-2.0
import type { Digest } from '../core/digest.ts'
import type { Row, StreamName } from '../core/row.ts'
import type { LogVerdict } from '../core/verdict.ts'
import type { OwnRow } from './own-rows.ts'
import type { PersonalStore, SealedValue, SealedValues } from './privacy/personal-store.ts'
import type { RowPruner } from './retention/pruner.ts'

/**
 * One emitted row on its way into a log: the canonical text of its draft with the three places where `log`,
 * `monotonic_seq` and `prev_hash` belong still open (core/leaf.ts), as UTF-8.
 */
export interface SpooledDraft {
  readonly stream: StreamName
  /** Name of the log, generation 1; the sink answers for the generation that is really open. */
  readonly log: string
  readonly text: Uint8Array
  /** Its personal values, encrypted, with their wrapped keys, where it has any: what privacy/sealed.ts encodes. */
  readonly sealed?: Uint8Array
  /** Its `boot_seq` is open too (core/open-number.ts): the sink gives it the next number of its process. */
  readonly isUnnumbered?: boolean
}

export interface AppendBatch {
  /** Identity of the spool the drafts come from; 16 hex. */
  readonly spool: string
  /** The position in the spool that is stored once this batch is; the next batch starts here. */
  readonly position: bigint
  /** May be empty: then only the position is recorded. */
  readonly drafts: readonly SpooledDraft[]
  /**
   * Rows of the outbox that this batch moves: they leave it in the same transaction, whether their draft is among `drafts` or in
   * quarantine. There is no spool then, and neither `spool` nor `position` is recorded.
   */
  readonly outboxKeys?: readonly string[]
}

export interface AppendedRow {
  readonly id: string
  readonly log: string
  readonly monotonic_seq: number
  readonly hash: string
}

export interface RejectedDraft {
  /** Index in `AppendBatch.drafts`. */
  readonly index: number
  /** A code of spec/errors.yaml, e.g. `ROW_TOO_LARGE`. */
  readonly code: string
  readonly message: string
}

export interface AppendResult {
  readonly appended: readonly AppendedRow[]
  /**
   * Drafts this store can never take. When there are any, nothing of the batch was stored (`appended` is empty, the position
   * did not move): the caller puts them durably into quarantine first and then appends the others. The other order could lose
   * a rejected draft to a crash between the two.
   */
  readonly rejected: readonly RejectedDraft[]
  /** True when a row of `outboxKeys` is not there any more: somebody else has moved it, and nothing of the batch was stored. */
  readonly isRaced?: boolean
}

/**
 * The writing half of a store.
 *
 * `append` takes the drafts in order and, in one transaction: reads each log's head, gives each draft its place
 * (`monotonic_seq`, `prev_hash`), hashes the leaf, inserts, moves the heads, and records `(spool, position)`. It creates a
 * missing log with its `LOG_CREATED` row first.
 *
 * MUST resolve only when the batch would survive power loss. MUST be atomic: after a crash either all of the batch and
 * its position are there or nothing is. MUST keep the order of the drafts within each log. MUST serialise with other
 * writers of the same log in any process (no fork, no hole). MUST report bad drafts, all of them at once, through `rejected`
 * with the whole transaction rolled back; it never throws for them. MUST throw a `FastenError` when the store as a whole cannot take rows now; the caller tries the same batch again.
 * MUST NOT consume a number for a row that was not inserted. MUST NOT renumber, rewrite or reorder stored rows.
 *
 * `spoolPosition` answers the position recorded for a spool, 0 when unknown: draining restarts there, so a replay stores
 * nothing twice. `forgetSpool` removes that record and MUST only be called when the spool's files are durably gone.
 */
export interface RowSink {
  append(batch: AppendBatch): Promise<AppendResult>
  spoolPosition(spool: string): Promise<bigint>
  forgetSpool(spool: string): Promise<void>
}

/** A draft that an application committed in a transaction of its own, waiting for its place in a log. */
export interface OutboxRow {
  /** The row's id, which ascends within a process. */
  readonly key: string
  /** A spool frame (store/spool/frame.ts) of a draft whose `boot_seq` is open. */
  readonly frame: Uint8Array
}

/**
 * The table that `emit(tx, …)` inserts into. `outboxRows` answers committed rows in the order of their keys, at most `rowsMax`, and
 * MUST NOT wait for transactions that are still open. They are moved by `append` with `outboxKeys`. `outboxPlace` says
 * where applications insert; answering says that the store is there with its tables.
 */
export interface Outbox {
  outboxRows(rowsMax: number): Promise<readonly OutboxRow[]>
  outboxPlace(): Promise<OutboxPlace>
}

export interface OutboxPlace {
  /** Random, made with the tables, the same for ever: what tells this store from another. */
  readonly store_id: string
  /** As it is written in a statement. */
  readonly table: string
}

/** A row as a store hands it out. */
export interface StoredRow<R extends Row = Row> {
  readonly row: R
  /** The bytes that were hashed, as text. Null for a row of a ring. */
  readonly leaf: string | null
  /** Null for a row of a ring. */
  readonly hash: string | null
  /** Ascends in commit order over all logs of this store; the cursor of everything that follows. */
  readonly position: number
  /**
   * The timestamp that the scan sorted by, where it is not the leaf's: somebody changed a column. Paging continues by it,
   * so that such a row hides no other.
   */
  readonly sorted_at?: string
}

/** The members a scan can filter on; the same words on every surface. */
export interface ScanFilter {
  readonly request_id?: string
  readonly id?: string
  readonly trace_id?: string
  readonly tenant_id?: string
  readonly service_id?: string
  readonly source_node_id?: string
  readonly log?: string
  /** Inclusive, canonical 27-character text. */
  readonly since?: string
  /** Inclusive, canonical 27-character text. */
  readonly until?: string
  /** Rows after this store position (exclusive). */
  readonly after_position?: number
  /** Case-insensitive substring of the leaf text. */
  readonly text?: string
  /**
   * For whoever holds the key: by the name of a member that may be sealed (`actor`, `on_behalf_of`, `target`), the look-ups of the
   * value that the filter asks for. A row that has one of them passes as if the member stood in its leaf.
   */
  readonly sealed?: Readonly<Partial<Record<string, readonly string[]>>>
  // audit
  /** Exact, or a prefix when it ends in `*`. */
  readonly code?: string
  /** Exact, or a prefix when it ends in `*`. */
  readonly action?: string
  readonly domain?: string
  readonly category?: string
  readonly severity?: string
  readonly actor?: string
  readonly actor_kind?: string
  readonly on_behalf_of?: string
  readonly target?: string
  readonly outcome?: string
  /** Names of members that must be present, e.g. `pii_in_detail`, `reason`, `caused_by`. */
  readonly has?: readonly string[]
  /** Rows that name one of these row ids as their cause. */
  readonly caused_by?: readonly string[]
  // sys
  readonly level?: string
  readonly event?: string
  readonly logger?: string
  // audit and api
  readonly method?: string
  // api
  readonly path?: string
  readonly route?: string
  readonly status?: number
  /** Rows that pass one of these are left out; those without the member stay. */
  readonly not?: readonly Exclusion[]
}

export type Exclusion = Omit<ScanFilter, 'not'>

export interface ScanQuery {
  readonly stream: StreamName
  readonly filter?: ScanFilter
  /** `newest`: timestamp then position, descending (the default for people). `stored`: position ascending (for followers). */
  readonly order: 'newest' | 'oldest' | 'stored'
  /** Continue strictly after this row of the same order. */
  readonly after?: { readonly timestamp: string; readonly position: number }
  /** Rows to skip; for `offset` paging only, costs what it skips. */
  readonly offset?: number
  /** 1..10000. */
  readonly limit: number
}

export interface LogHead {
  readonly log: string
  readonly stream: StreamName
  /** Rows the log should hold: the next `monotonic_seq`. */
  readonly size: number
  /** Hash of the newest row, or `genesis`. */
  readonly head_hash: string
  /** True for a copy of a log that another store writes; else absent. */
  readonly isReplica?: boolean
}

/** A log as a reader lists it. */
export interface ListedLog extends LogHead {
  /** How many of its rows are at a fleet, and when it last took some; absent for a log that was never shipped. */
  readonly shipped_size?: number
  readonly shipped_at?: string
}

/** One stored row with everything a verifier compares. */
export interface EvidenceRow {
  /** The `monotonic_seq` column, whatever the leaf says. */
  readonly monotonic_seq: number
  readonly leaf: Uint8Array | null
  /** The `hash` column. */
  readonly hash: string | null
  readonly position: number
  /** The projected columns by name, as stored (null for absent). */
  readonly columns: Readonly<Record<string, string | number | null>>
  /** The personal values beside the row, by pointer. Absent where the source keeps none at all. */
  readonly personal?: readonly SealedValue[]
}

export interface SourceSummary {
  readonly source_node_id: string
  readonly service_id: string
  readonly tenant_id: string | null
  readonly rows: number
  readonly first_seen: string
  readonly last_seen: string
}

/** A signed end of a log, with what is needed to go on from it. */
export interface StoredCheckpoint {
  readonly log: string
  readonly size: number
  /** The root over the first `size` rows, 64 lower-case hex. */
  readonly root: string
  /** The complete subtrees of that tree (core/merkle.ts), so that the next checkpoint only reads the rows since. */
  readonly frontier: readonly string[]
  /** The signed note, with the cosignatures gathered so far. What a verifier believes; the other members are for finding it. */
  readonly note: string
  /** Canonical timestamp of the signer's clock, which nobody has confirmed. */
  readonly signed_at: string
  readonly cosignatures: number
}

export interface CheckpointQuery {
  /** One log; the newest checkpoint of every log when absent. */
  readonly log?: string
  /** Only those of this size. */
  readonly size?: number
  /** Only those of at most this size; of one log. */
  readonly sizeMax?: number
  /** At most so many, the largest size first. Default: all. */
  readonly limit?: number
}

/**
 * The half of a store that keeps signed checkpoints. All of it may be lost without losing a row, and none of it is believed: what
 * counts is the signature in a note.
 *
 * `put` keeps checkpoints durably, in one transaction; one that is there (same log and size) stays, unless the new note has more
 * cosignatures. `thin` deletes those of a log that were signed before `before`, except the last of each hour, those
 * with cosignatures, and the newest. `unsealed` names the logs that declare `publicKey` (64 hex) and hold rows beyond their
 * newest checkpoint; not those that a later generation has replaced. `declaring` names all that declare it, likewise. `appendOwn` appends a row of the store's own to the log that answers for `base`, and records `declares`
 * as a key that this log has named.
 */
export interface CheckpointStore {
  put(checkpoints: readonly StoredCheckpoint[]): Promise<void>
  thin(log: string, before: string): Promise<void>
  unsealed(publicKey: string): Promise<readonly LogHead[]>
  declaring(publicKey: string): Promise<readonly LogHead[]>
  appendOwn(base: string, own: OwnRow, declares?: string): Promise<AppendedRow>
}

/**
 * The reading half of a store. Reading never writes and sees only committed rows.
 *
 * `scan` answers whole rows in the asked order, at most `limit`. `count` answers exactly, or null when it gave up at
 * `atMost` rows (it then knows there are more). `evidence` yields every physical row of a log in (`monotonic_seq`, position)
 * order, from `fromSeq` on, including rows that are broken, and MUST NOT hide or repair anything: from 0 on, rows at negative
 * numbers too, and without `toSeq` those at numbers that no counter reaches. A log whose rows are gone altogether is still
 * named by `heads`. `toSeq` says that the
 * caller will not read beyond it, and a source that ignores it is correct. `position` is the newest store position
 * of the stream (0 when empty); it never decreases.
 */
export interface RowSource {
  scan(query: ScanQuery): Promise<readonly StoredRow[]>
  count(stream: StreamName, filter: ScanFilter, atMost: number): Promise<number | null>
  /** How many rows the database expects to pass, in the time of a look-up; null where it has no opinion. Absent where none can. */
  estimate?(stream: StreamName, filter: ScanFilter): Promise<number | null>
  heads(): Promise<readonly LogHead[]>
  evidence(log: string, fromSeq?: number, toSeq?: number): AsyncIterable<EvidenceRow>
  position(stream: StreamName): Promise<number>
  summary(
    stream: StreamName,
    since: string | undefined,
    until: string | undefined,
  ): Promise<readonly SourceSummary[]>
  describe(): Promise<StoreDescription>
  /** The personal values beside rows, encrypted. Absent where the source keeps none at all. */
  sealedValues?: SealedValues
  /** How many values under these keys are still there: after an erasure, those that a backup brought back. Absent likewise. */
  valuesUnder?(keyIds: readonly string[]): Promise<number>
  /**
   * Verdicts on rows of forms 1 and 2, which published SDKs wrote: they have no leaf and cannot be judged as evidence, so the
   * source that can read them puts them through `legacyVerify` itself. Empty, or absent, where there are none.
   */
  legacyVerdicts?(digest: Digest): Promise<readonly LogVerdict[]>
  /** Signed checkpoints, as they lie there. Empty, or absent, where none are kept. */
  checkpoints?(query: CheckpointQuery): Promise<readonly StoredCheckpoint[]>
  /**
   * The `hash` columns of the rows `from` to `to` (exclusive) of a log, in order, at most 65,536 of them. It ends before the first
   * row that is missing or has no hash, so a short answer with rows expected says that there is a hole. Absent where rows have none.
   */
  leafHashes?(log: string, from: number, to: number): Promise<readonly string[]>
  /** Logs of which a fleet has rows, as far as this store was told. Absent where that is not kept. */
  shipped?(): Promise<readonly ShippedLog[]>
}

export interface ShippedLog {
  readonly log: string
  /** The first so many rows are at the fleet. */
  readonly size: number
  /** When the fleet last took or lost some; null for what was told before that was noted. */
  readonly at: string | null
}

export interface StoreDescription {
  readonly kind: 'sqlite' | 'postgres' | 'memory'
  /** Without any password. */
  readonly dsn: string
  /** e.g. the SQLite library's version. */
  readonly version: string
  readonly streams: readonly StreamName[]
  readonly rows: number | null
  readonly last_insert_at: string | null
  /** False for a ring: rows are not hashed and not durable. */
  readonly isDurable: boolean
  /** Row tables of ours in the same place that this source does not read, because nobody asked for them. */
  readonly unread?: readonly string[]
  /** What an operator should know, e.g. a library version with a known bug; lower-case sentences. */
  readonly warnings?: readonly string[]
}

/** All of it, as `openStore` hands it out. What is opened must be closed; closing twice is harmless. */
export interface Store extends RowSink, RowSource, Outbox {
  /** Absent where checkpoints are not kept. */
  readonly seals?: CheckpointStore
  /** What can be done about personal values; absent in a store that was opened for reading, and where none are kept. */
  readonly personal?: PersonalStore
  /** Absent in a store that cannot take rows away. */
  readonly pruner?: RowPruner
  close(): Promise<void>
}
