// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '../../core/clock.ts'
import type { Digest } from '../../core/digest.ts'
import { FastenError } from '../../core/error.ts'
import type { IdSource } from '../../core/ids.ts'
import { formatMicros } from '../../core/timestamp.ts'
import { recallFrom } from '../keys/sealed-memory.ts'
import type { Signing } from '../keys/signing.ts'
import { createOwnRows, type Software } from '../own-rows.ts'
import type { AppendBatch, AppendResult, OutboxPlace, OutboxRow } from '../ports.ts'
import { createHeadMemory } from '../heads.ts'
import type { RefusedKey } from '../privacy/key-store.ts'
import type { StreamTables } from '../row-tables.ts'
import { createTransactions, type Deed } from './append.ts'
import type { SqliteConnection, SqliteDriver } from './driver.ts'
import { resultFamily, sqliteBusy, storeFault, storeReplaced } from './fault.ts'
import type { SqliteOutbox } from './outbox.ts'
import { openWriting, type OpenFile } from './open.ts'
import { abandon, closeQuietly, isPrivate, replacementOf, setAside, type FileSet } from './replacement.ts'

export interface SqliteWriterOptions {
  readonly path: string
  readonly tables: StreamTables
  readonly driver: SqliteDriver
  readonly digest: Digest
  readonly clock: Clock
  readonly ids: IdSource
  readonly software: Software
  readonly busyTimeoutMs: number
  readonly signing?: Signing | undefined
}

/** The writing half over one file. Synchronous; everything it throws is a FastenError or a mistake of ours. */
export interface SqliteWriter {
  append(batch: AppendBatch, refused?: readonly RefusedKey[]): AppendResult
  spoolPosition(spool: string): bigint
  forgetSpool(spool: string): void
  outboxRows(rowsMax: number): readonly OutboxRow[]
  outboxPlace(): OutboxPlace
  /** One transaction of maintenance: sweeping, erasing, declaring a key. What it does and the rows that tell of it commit together. */
  perform<T>(work: (deed: Deed) => T): T
  /** The connection, for a private store whose rows no other connection can see. */
  connection(): SqliteConnection
  close(): void
}

/**
 * Opens the file at once, and again whenever trust in the connection is lost.
 *
 * After an I/O error SQLite's idea of what is on the disk can be wrong, and a later successful flush proves nothing about
 * the pages of an earlier failed one. So the connection is dropped; the next attempt opens the file anew, replays its write-ahead
 * log and moves all of it into the file before it accepts rows. Only then is what it reads as committed also durable.
 */
export function openSqliteWriter(options: SqliteWriterOptions): SqliteWriter {
  const { path, clock } = options
  const now = (): string => formatMicros(clock.nowMicros())
  const { signing } = options
  const memory = createHeadMemory(recallFrom(signing?.memory))
  const publicKey = (): Uint8Array | undefined => signing?.signer().publicKey
  const ownRows = createOwnRows(options)
  let mustProve = false
  let abandoned: { readonly files: FileSet; readonly isSafe: boolean } | undefined
  let session: Session | undefined = connect()

  function connect(): Session {
    if (abandoned !== undefined) setAside(abandoned.files, path, abandoned.isSafe)
    abandoned = undefined
    const { name, version } = options.software
    const file = openWriting({ ...options, createdAt: now(), createdBy: `${name}/${version}` })
    try {
      moveLog(file.connection, path, mustProve)
      mustProve = false
      return { file, ...prepare(file.connection) }
    } catch (error) {
      closeQuietly(file.connection)
      throw error
    }
  }

  function prepare(connection: SqliteConnection) {
    return {
      ...createTransactions(connection, { ...options, now, memory, ownRows, publicKey }),
      // As text: a position is a 64-bit number, which one driver rounds and the other refuses to hand out.
      spool: connection.prepare(
        'SELECT CAST(position AS TEXT) AS position FROM fasten_spools WHERE spool = ?',
      ),
      forget: connection.prepare('DELETE FROM fasten_spools WHERE spool = ?'),
    }
  }

  function attempt<T>(work: (session: Session) => T): T {
    try {
      return work(current())
    } catch (error) {
      // A lock held elsewhere says nothing against this connection; anything else does.
      if (resultFamily(error) !== sqliteBusy) drop(error)
      throw storeFault(error, path)
    }
  }

  function current(): Session {
    if (session === undefined) session = connect()
    const { connection, files } = session.file
    const replacement = replacementOf(files, path)
    if (replacement !== undefined) {
      session = undefined
      abandoned = { files, isSafe: abandon(connection, path, replacement) }
      throw storeReplaced(path, replacement)
    }
    return session
  }

  function drop(error: unknown): void {
    // The rows of a private store live in its connection only.
    if (isPrivate(path)) return
    mustProve ||= resultFamily(error) !== undefined
    if (session !== undefined) closeQuietly(session.file.connection)
    session = undefined
  }

  return {
    append: (batch, refused) => attempt(({ append }) => append(batch, refused)),
    spoolPosition: (spool) =>
      attempt(({ spool: statement }) => BigInt(String(statement.get(spool)?.['position'] ?? 0))),
    forgetSpool: (spool) => void attempt(({ forget }) => forget.run(spool)),
    outboxRows: (rowsMax) => attempt(({ outbox }) => outbox.rows(rowsMax)),
    outboxPlace: () => attempt(({ outbox }) => outbox.place()),
    perform: (work) => attempt(({ perform }) => perform(work)),
    connection: () => current().file.connection,
    close() {
      session?.file.connection.close()
      session = undefined
    },
  }
}

type Session = { readonly file: OpenFile } & {
  readonly append: (batch: AppendBatch, refused?: readonly RefusedKey[]) => AppendResult
  readonly outbox: SqliteOutbox
  readonly perform: <T>(work: (deed: Deed) => T) => T
  readonly spool: ReturnType<SqliteConnection['prepare']>
  readonly forget: ReturnType<SqliteConnection['prepare']>
}

/**
 * Moves what an earlier connection left in the write-ahead log into the file, and flushes it: rows whose flush failed, in this
 * process or in one that died of it, would otherwise read as committed and not be durable. With `mustProve` it throws `STORE_IO`
 * unless all of it went; without, what a reader's snapshot holds back may stay.
 */
function moveLog(connection: SqliteConnection, path: string, mustProve: boolean): void {
  const outcome = connection.prepare(`PRAGMA wal_checkpoint(${mustProve ? 'FULL' : 'PASSIVE'})`).get()
  if (!mustProve) return
  if (Number(outcome?.['busy'] ?? 1) === 0 && outcome?.['log'] === outcome?.['checkpointed']) return
  throw new FastenError(
    'STORE_IO',
    'after an error the write-ahead log could not yet be moved into the database file',
    {
      at: path,
      hint: 'it is tried again; a reader that holds an old snapshot delays it',
    },
  )
}
