// SPDX-License-Identifier: Apache-2.0
import type { Row, StreamName, VerificationState } from '../core/row.ts'
import type { ListedLog, ScanFilter, SourceSummary } from '../store/ports.ts'
import type { Trust } from '../core/anchor.ts'
import type { Verdict } from '../core/verdict.ts'
import type { ShownDisclosures } from './disclosures.ts'

/** A row as every surface shows it: the leaf's members plus what stands outside the leaf. */
export type ReaderRow<R extends Row = Row> = R & {
  /** Null for a row that lives only in a ring. */
  readonly hash: string | null
  readonly verification: VerificationState
  /** Api rows only, for readers: milliseconds, rounded. */
  readonly duration_ms?: number
  /** What became of the personal members that the row commits to, by pointer; values only where they may be disclosed. */
  readonly disclosures?: ShownDisclosures
}

/** What is left of a row that has expired: its place, its hash, and the row that tells when and why its content went. */
export interface ExpiredRow {
  readonly log: string
  readonly stream: StreamName
  readonly monotonic_seq: number
  readonly hash: string
  readonly verification: 'expired'
  readonly swept_by: {
    readonly id: string
    readonly timestamp: string
    readonly monotonic_seq: number
    readonly class: string
    readonly policy_hash: string
  }
}

export interface PageQuery {
  readonly stream: StreamName
  readonly filter: ScanFilter
  /** 1..1000. */
  readonly limit: number
  /** Opaque, from an earlier page of the same query. */
  readonly cursor?: string
  readonly offset?: number
  /** `newest` first unless said otherwise. */
  readonly order?: 'newest' | 'oldest'
  /** How hard to work for `total`: not at all, up to a bound, up to a bound and guess what is beyond, or exactly. */
  readonly total?: 'none' | 'bounded' | 'estimated' | 'exact'
}

export interface Page {
  readonly rows: readonly ReaderRow[]
  readonly next_cursor: string | null
  readonly total: number | null
  /**
   * How `total` is meant; `at_least` when counting stopped at its bound, `estimated` when it is what the database expects beyond that bound (only where the
   * query asked for it), `unknown` when null.
   */
  readonly total_kind: 'exact' | 'at_least' | 'estimated' | 'unknown'
  /** Where the rows of this stream live. */
  readonly completeness: Completeness
}

/** `store`: durable and chained. `ring`: the newest rows in memory only. `store-degraded`: rows wait or were quarantined. */
export type Completeness = 'store' | 'ring' | 'store-degraded'

export interface Thread {
  readonly request_id: string
  /** All three streams, oldest first: timestamp, then boot order within a process. */
  readonly rows: readonly ReaderRow[]
  readonly counts: Readonly<Record<StreamName, number>>
  /** Rows of each stream that carry the id; null where that is not known. */
  readonly totals: Readonly<Record<StreamName, number | null>>
  /** True where the limit cut a stream. */
  readonly truncated: Readonly<Record<StreamName, boolean>>
  readonly completeness: Readonly<Record<StreamName, Completeness>>
}

export interface TailQuery {
  readonly streams: readonly StreamName[]
  readonly filter: ScanFilter
  /** Resume token of an earlier tail (`TailEvent.id`); the newest `backlog` rows are skipped then. */
  readonly resume?: string
  /** Rows to show from before now, per stream. */
  readonly backlog?: number
  /**
   * Told a resume token whenever the tail's place moves with no row to carry it: at the start, and past rows that do not
   * match. Who resumes from it misses nothing, even when no row came before the connection broke.
   */
  readonly onPlace?: (id: string) => void
}

export interface TailEvent {
  /** Opaque resume token, printable ASCII without spaces; usable as an SSE event id. */
  readonly id: string
  readonly row: ReaderRow
}

export interface VerifyRange {
  /** One log, or every log of the store when absent. */
  readonly log?: string
  /** Only logs of this stream. */
  readonly stream?: StreamName
  /** First row to check, 0 unless said otherwise. A range that starts later takes its first `prev_hash` on trust and says so. */
  readonly from_seq?: number
  /** Last row to check, inclusive; the newest unless said otherwise. */
  readonly to_seq?: number
}

export interface DoctorReport {
  readonly store: {
    readonly kind: string
    readonly reachable: boolean
    readonly rows: number | null
    readonly last_insert_at: string | null
    readonly last_error: string | null
  }
  readonly queue: Readonly<Record<string, unknown>> | null
  readonly transport: {
    readonly stdout_active: boolean
    readonly syslog_ring_depth: number | null
    readonly api_ring_depth: number | null
  }
  readonly redactor: { readonly active: boolean }
  readonly init: Readonly<Record<string, unknown>> | null
  readonly chain: {
    readonly verified: number
    readonly breaks: number | null
    readonly first_break_at: number | null
    readonly reason: string | null
    readonly last_verified_at: string | null
  }
}

/**
 * Every question a person or an agent asks of rows. Two implementations, one contract suite: `localReader` asks stores and
 * rings of this machine, `remoteReader` asks another reader's HTTP API. Every surface (CLI, HTTP, and those to come)
 * is written against this interface only.
 *
 * All methods throw a `FastenError` when the store cannot be asked; an unknown cursor is `BAD_CURSOR`. Rows of `page` are
 * never repeated or skipped between pages by rows that were stored before the first page was asked. `tail` ends when its
 * signal aborts, without throwing; the other methods stop early when theirs does, and throw its reason. `row` answers null
 * when there is none, and what is left of one that has expired when it is asked for by its place. `thread` reads at most `limit` rows of each stream (1..1000, 1000 unless said otherwise), the oldest.
 */
export interface Reader {
  page(query: PageQuery, signal?: AbortSignal): Promise<Page>
  thread(requestId: string, limit?: number, signal?: AbortSignal): Promise<Thread>
  row(
    ref: { readonly id: string } | { readonly log: string; readonly monotonic_seq: number },
  ): Promise<ReaderRow | ExpiredRow | null>
  tail(query: TailQuery, signal: AbortSignal): AsyncIterable<TailEvent>
  /**
   * `trust` says whose signatures count, and which checkpoints were kept elsewhere. Throws `BAD_TARGET` where the answer would be another machine's word. `onRead` is told at once and
   * then again and again how many further rows were read; never by a reader that asks elsewhere.
   */
  verify(
    range: VerifyRange,
    signal?: AbortSignal,
    trust?: Trust,
    onRead?: (rows: number) => void,
  ): Promise<Verdict>
  /** Every log of the store with its size, the hash of its newest row and how much of it is at a fleet, by name. */
  logs(): Promise<readonly ListedLog[]>
  topology(since?: string, until?: string): Promise<readonly SourceSummary[]>
  doctor(): Promise<DoctorReport>
  close(): Promise<void>
}
