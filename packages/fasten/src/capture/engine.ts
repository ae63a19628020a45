// SPDX-License-Identifier: Apache-2.0
import type { ActorKind, JsonObject, Method, Outcome, Severity, Source } from '../core/row.ts'
import type { Sealed } from '../store/seal/sealer.ts'
import type { Sources } from '../store/sources.ts'
import type { Config } from './config.ts'
import type { Logger, LogLine } from './log.ts'
import type { ReservedRow } from './identity.ts'
import type { CodeMeta, CodeMetaInput } from '../core/code.ts'
import type { Receipt, StoredReceipt } from './receipt.ts'
import type { Stats } from './stats.ts'
import type { TransactionReceipt } from './transaction/receipt.ts'

/**
 * The codes an application registered, by name. Empty until `fasten codes typegen` writes a declaration that merges
 * into it; from then on an unknown code or a wrong detail member is a compile error.
 */
export interface RegisteredCodes {}

export type CodeName = keyof RegisteredCodes extends never ? string : keyof RegisteredCodes & string

export type DetailOf<C extends string> = C extends keyof RegisteredCodes
  ? RegisteredCodes[C] extends { detail: infer D }
    ? D
    : JsonishObject
  : JsonishObject

/** Anything may be handed in as detail; what JSON cannot say is turned into documented safe forms, never thrown. */
export type JsonishObject = { readonly [key: string]: unknown }

/**
 * One audit event. snake_case is the wire's spelling; the camelCase twin of each member is accepted on input.
 * Only `code` and `target` are required; the rest is filled from the request's context and the code's registration.
 */
export interface EmitInput<C extends string = CodeName> {
  readonly code: C
  readonly target: string
  readonly actor?: string
  readonly actor_kind?: ActorKind
  readonly on_behalf_of?: string
  readonly auth_method?: string
  readonly session_id?: string
  readonly target_kind?: string
  readonly method?: Method
  readonly outcome?: Outcome
  readonly severity?: Severity
  readonly reason?: string
  readonly change_ref?: string
  readonly request_ref?: string
  readonly call_ref?: string
  readonly caused_by?: string
  readonly request_id?: string
  readonly tenant_id?: string
  readonly source?: Source
  /** The id of this row was given out before by `reserve()`; each can be used once. */
  readonly reserved?: ReservedRow
  readonly detail?: DetailOf<C>

  readonly actorKind?: ActorKind
  readonly onBehalfOf?: string
  readonly authMethod?: string
  readonly sessionId?: string
  readonly targetKind?: string
  readonly changeRef?: string
  readonly requestRef?: string
  readonly callRef?: string
  readonly causedBy?: string
  readonly requestId?: string
  readonly tenantId?: string
}

/** With any code: once codes are registered, `EmitInput` alone admits only those. */
// oxlint-disable-next-line no-unnecessary-type-arguments -- the default narrows when an application registers codes
export type AnyEmitInput = EmitInput<string>

/** One HTTP access, as a shim saw it end. */
export interface ApiInput {
  readonly method: string
  /** A query string is cut off. */
  readonly path: string
  readonly route?: string
  readonly status: number
  readonly duration_us: number
  readonly bytes_in?: number
  readonly bytes_out?: number
  readonly actor?: string
  readonly source?: Source
  readonly error?: string
}

/** One started instance. `init()` makes the process's own; `createFasten()` makes isolated ones (tests, several tenants). */
export interface Fasten {
  readonly config: Config
  readonly log: Logger
  /**
   * The event commits and rolls back with the application's transaction `tx`, which must be on the store's own database: a client
   * of `pg`, a database of `node:sqlite` or `better-sqlite3`, or what Drizzle, Kysely, Knex, TypeORM and Prisma hand to
   * the callback of a transaction. Await it before the commit. On a synchronous client the row is in the transaction when the call
   * returns, and what goes wrong is thrown. A `TypeError` for anything else; `OUTBOX_…`, `SQLITE_COPIES`, or the database's own
   * error, when the transaction could not take the row: it must then not commit.
   */
  emit<C extends CodeName>(tx: object, input: EmitInput<C>): Promise<TransactionReceipt>
  /** Records one HTTP access in the api stream (ring and stdout; persisted with FASTEN_API_DSN). Never throws. */
  recordApi(input: ApiInput): void
  /**
   * Records a line that another logger has printed already: to the ring and the store, and to stdout only with `isShown`. Whatever the log level.
   * Answers the id of its row, for what the line causes. Never throws.
   */
  recordLog(line: LogLine, options?: { readonly isShown?: boolean }): string
  /** Never throws into business code unless strict mode, `failure: 'raise'` or a `fail_closed` code asks for it. */
  emit<C extends CodeName>(input: EmitInput<C>): Receipt
  /**
   * Records an event and waits for its place in the store, for `timeoutMs` (default `FASTEN_FAIL_CLOSED_TIMEOUT_MS`, 2,000). Rejects with
   * what `emit` would throw, `ROW_QUARANTINED`, or `STORE_TIMEOUT`: the row is then in the spool and will be stored, but
   * nobody may act as if it were.
   */
  emitStored<C extends CodeName>(
    input: EmitInput<C>,
    options?: { readonly timeoutMs?: number },
  ): Promise<StoredReceipt>
  /** Resolves when the store has answered and has its tables; rejects with its error, `STORE_TIMEOUT` after `timeoutMs` (default 5,000). */
  ready(timeoutMs?: number): Promise<void>
  /** 12 random lower-case hex characters. */
  mintID(): string
  /**
   * The id of a row that will be emitted when what it tells of has ended, so that rows in between can name it as their cause: hand the answer to
   * `emit` as `reserved`. Never emitted, it leaves nothing behind.
   */
  reserve(): ReservedRow
  /** Registers the codes of a domain with this instance's registry. A mistake in them is a `TypeError`. */
  register(domain: string, codes: Readonly<Record<string, CodeMetaInput>>): void
  /** The registration of a code, or undefined. */
  metaOf(code: string): CodeMeta | undefined
  /** Where each stream can be read; hand it to `fasten/reader`. */
  sources(): Sources
  /** Resolves true when every row accepted so far is stored, false when `timeoutMs` passed first. Default 5,000. */
  flush(timeoutMs?: number): Promise<boolean>
  /**
   * Waits until what was emitted is stored, at most `timeoutMs` (default 5,000), and signs the end of every log that grew since its last
   * checkpoint. Resolves with those checkpoints, to be kept elsewhere; none where nothing grew, or with FASTEN_SIGNING=off. Rejects
   * with what kept it from signing.
   */
  checkpoint(timeoutMs?: number): Promise<readonly Sealed[]>
  /** Flushes, then releases files and threads. Later emits are refused. Rows not stored in time stay in the spool. */
  close(timeoutMs?: number): Promise<void>
  stats(): Stats
}

export type { JsonObject }
