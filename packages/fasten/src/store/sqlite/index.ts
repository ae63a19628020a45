// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '../../core/clock.ts'
import type { Digest } from '../../core/digest.ts'
import { FastenError } from '../../core/error.ts'
import type { IdSource } from '../../core/ids.ts'
import { streams } from '../../core/row.ts'
import type { Signing } from '../keys/signing.ts'
import type { Store } from '../ports.ts'
import { openErasureLedger } from '../privacy/erasure-ledger.ts'
import type { KeyStore } from '../privacy/key-store.ts'
import type { PrivacyPlaces } from '../privacy/privacy-places.ts'
import { reapplyErasures } from '../privacy/reapply.ts'
import { wrappedKeysIn } from '../privacy/wrapped-keys-in.ts'
import { tableOf, type StreamTables } from '../row-tables.ts'
import { checkpointStore } from './checkpoints.ts'
import { loadSqliteDriver, type SqliteDriver, type SqliteDriverName } from './driver.ts'
import type { Software } from '../own-rows.ts'
import { openSqliteKeyStore } from './key-store.ts'
import { createSqlitePersonalStore } from './personal-store.ts'
import { createSqlitePruner } from './pruner.ts'
import { isPrivate } from './replacement.ts'
import { openSqliteReader, type SqliteReader } from './reader.ts'
import { openSqliteWriter, type SqliteWriter } from './writer.ts'

export interface SqliteStoreOptions {
  /** Relative to the working directory, absolute, or `:memory:` for a private store. */
  readonly path: string
  /**
   * The table of each stream that is kept here. Needed to write. For reading it may be left out: then every table of the file
   * that holds rows is read.
   */
  readonly tables?: StreamTables
  /** Instead of `tables`, for reading: this one table, whatever stream it holds. */
  readonly onlyTable?: string
  readonly digest: Digest
  readonly clock: Clock
  readonly ids: IdSource
  /** Who writes; recorded when a log is created. */
  readonly software: Software
  readonly mode: 'write' | 'read'
  /** Where keys for personal data lie. Left out: in memory, and gone with the store. */
  readonly privacy?: PrivacyPlaces | null
  /** `node:sqlite` unless said otherwise. A driver object is for tests and for other bindings. */
  readonly driver?: SqliteDriverName | SqliteDriver
  /** What signs the logs written here, and what was signed before; nothing is signed without. */
  readonly signing?: Signing | undefined
  /** How long to wait for another process's transaction, in milliseconds; the waiting blocks its thread. Default 5,000. */
  readonly busyTimeoutMs?: number
}

/**
 * A store in a SQLite file, ready: the file is there with our tables (`write`) or has been found and read (`read`, which
 * creates no database and changes no row). What cannot work fails here, with a FastenError that says what to do.
 */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<Store> {
  const { driver: wanted, busyTimeoutMs = 5000, mode, path } = options
  const driver = typeof wanted === 'object' ? wanted : await loadSqliteDriver(wanted)
  const tables = checkedTables(options.tables, mode)
  if (mode === 'read' && isPrivate(path)) {
    throw new FastenError('STORE_MISSING', 'a private store cannot be read from outside', {
      at: path,
      hint: 'name a file',
    })
  }
  const writer =
    mode === 'write'
      ? await patiently(busyTimeoutMs, () =>
          openSqliteWriter({ ...options, tables: tables ?? {}, driver, busyTimeoutMs }),
        )
      : undefined
  const { privacy = null } = options
  const keys = openSqliteKeyStore({ path: privacy?.dataKeys ?? ':memory:', driver, busyTimeoutMs, mode })
  try {
    const onlyTable = options.onlyTable?.toLowerCase()
    const ledger = privacy === null ? null : openErasureLedger(privacy.ledger)
    const personal =
      writer !== undefined && tables?.audit !== undefined
        ? createSqlitePersonalStore({ path, table: tables.audit, keys, writer })
        : undefined
    if (personal !== undefined) await reapplyErasures(personal, ledger)
    const reader = openSqliteReader({ path, tables, onlyTable, driver, busyTimeoutMs, writer, keys, ledger })
    const seals =
      writer &&
      checkpointStore(
        (work) => writer.perform(work),
        (publicKey) => reader.declaring(publicKey),
        tableOf(tables ?? {}),
      )
    const writing = (): SqliteWriter => writer ?? refuseWriting(path)
    const pruner = createSqlitePruner({
      ...options,
      read: reader.read,
      perform: (work) => writing().perform(work),
      connection: () => writing().connection(),
      isWriting: writer !== undefined,
    })
    return {
      ...sinkOf(writing, keys),
      ...reader.source,
      ...(seals === undefined ? {} : { seals }),
      pruner,
      ...(personal === undefined ? {} : { personal }),
      async close() {
        await keys.close()
        closeBoth(reader, writer)
      },
    }
  } catch (error) {
    await keys.close()
    writer?.close()
    throw error
  }
}

export { defaultTables } from '../row-tables.ts'

/** Readers first: the last connection to close tidies the write-ahead log away, and must be one that may write. */
function closeBoth(reader: SqliteReader, writer: SqliteWriter | undefined): void {
  reader.close()
  writer?.close()
}

function refuseWriting(path: string): never {
  throw new FastenError('STORE_READONLY', 'the store was opened for reading', {
    at: path,
    hint: 'open it with mode: "write"',
  })
}

function sinkOf(
  writing: () => SqliteWriter,
  keys: KeyStore,
): Pick<Store, 'append' | 'spoolPosition' | 'forgetSpool' | 'outboxRows' | 'outboxPlace'> {
  return {
    append: async (batch) => {
      const { wrapped, rejected } = wrappedKeysIn(batch)
      if (rejected.length > 0) return { appended: [], rejected }
      // Keys before rows: a crash between the two leaves a key that opens nothing, never a value that no key opens.
      const refused = wrapped.length === 0 ? [] : await keys.put(wrapped)
      return writing().append(batch, refused)
    },
    spoolPosition: async (spool) => writing().spoolPosition(spool),
    forgetSpool: async (spool) => writing().forgetSpool(spool),
    outboxRows: async (rowsMax) => writing().outboxRows(rowsMax),
    outboxPlace: async () => writing().outboxPlace(),
  }
}

function checkedTables(
  tables: StreamTables | undefined,
  mode: SqliteStoreOptions['mode'],
): StreamTables | undefined {
  const used = streams.flatMap((stream) =>
    tables?.[stream] === undefined ? [] : [[stream, tables[stream].toLowerCase()] as const],
  )
  if (mode === 'write' && used.length === 0)
    throw new TypeError('openSqliteStore needs a table for at least one stream to write')
  if (new Set(used.map(([, table]) => table)).size < used.length)
    throw new TypeError('two streams cannot share a table')
  for (const [, table] of used) {
    if (!/^[a-z_][a-z0-9_]*$/.test(table)) throw new TypeError(`"${table}" is not a table name`)
  }
  return tables === undefined ? undefined : Object.fromEntries(used)
}

/**
 * Several processes that start at once on a new file collide while it changes to write-ahead logging, which SQLite does not wait
 * for by itself.
 */
async function patiently<T>(timeoutMs: number, open: () => T): Promise<T> {
  for (let waitedMs = 0, pauseMs = 5; ; waitedMs += pauseMs, pauseMs = Math.min(pauseMs * 2, 200)) {
    try {
      return open()
    } catch (error) {
      if (!(error instanceof FastenError) || error.code !== 'STORE_BUSY' || waitedMs >= timeoutMs) throw error
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMs))
  }
}
