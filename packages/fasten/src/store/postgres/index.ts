// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '../../core/clock.ts'
import type { Digest } from '../../core/digest.ts'
import { FastenError } from '../../core/error.ts'
import type { IdSource } from '../../core/ids.ts'
import { streams } from '../../core/row.ts'
import { isTableName } from '../dsn.ts'
import type { Software } from '../own-rows.ts'
import type { Signing } from '../keys/signing.ts'
import type { Store } from '../ports.ts'
import { openErasureLedger } from '../privacy/erasure-ledger.ts'
import type { KeyStore } from '../privacy/key-store.ts'
import type { PrivacyPlaces } from '../privacy/privacy-places.ts'
import { reapplyErasures } from '../privacy/reapply.ts'
import { wrappedKeysIn } from '../privacy/wrapped-keys-in.ts'
import { tableOf, type StreamTables } from '../row-tables.ts'
import { readAddress } from './address.ts'
import { closeClient, connectTo } from './connect.ts'
import { defaultTimeouts, type Timeouts } from './timeouts.ts'
import { loadPg } from './driver.ts'
import { createPostgresPruner } from './pruner.ts'
import { createPostgresKeyStore, type UseSql } from './key-store.ts'
import { prefixOf, resolveSchema } from './migrate.ts'
import { createPostgresPersonalStore } from './personal-store.ts'
import { createReadingPool } from './pool.ts'
import { createPostgresReader } from './reader.ts'
import { sqlOf } from './sql.ts'
import { checkpointStore, readDeclaring } from './checkpoints.ts'
import { openPostgresWriter, type PostgresWriter } from './writer.ts'

export interface PostgresStoreOptions {
  /** `postgres://user:password@host:5432/database`, with parameters of libpq and without those of fasten. */
  readonly url: string
  /** Where the tables lie. Default: the first schema of the user's search path, usually `public`. */
  readonly schema?: string
  /**
   * The table of each stream that is kept here. Needed to write. For reading it may be left out: then every table of the schema
   * that holds rows is read.
   */
  readonly tables?: StreamTables
  /** Instead of `tables`, for reading: this one table, whatever stream it holds. */
  readonly onlyTable?: string
  /** For reading by a role that row-level security binds to a part of the rows: see `PostgresReaderOptions`. */
  readonly isBound?: boolean
  readonly digest: Digest
  readonly clock: Clock
  readonly ids: IdSource
  /** Who writes; recorded when a log is created. */
  readonly software: Software
  readonly mode: 'write' | 'read'
  /** What signs the logs written here, and what was signed before; nothing is signed without. */
  readonly signing?: Signing | undefined
  /** Where the ledger of erasures lies. Left out: none is kept, and a restored backup is only erased again by what it holds itself. */
  readonly privacy?: PrivacyPlaces | null
  /** What takes longer fails with `STORE_BUSY` or `STORE_UNREACHABLE`, and is tried again. Defaults: see `Timeouts`. */
  readonly timeouts?: Partial<Timeouts>
  /** Connections for reading, opened when needed. Default 4. More let more questions be answered at once and cost the server memory. */
  readonly readersMax?: number
}

export type { Timeouts } from './timeouts.ts'

/**
 * A store in a Postgres database, ready: for `write` the server was reached, the layout is the newest and the partitions of three months
 * are there; for `read` the tables were found. What cannot work fails with a FastenError that says what to do.
 */
export async function openPostgresStore(options: PostgresStoreOptions): Promise<Store> {
  const { mode, readersMax = 4, schema } = options
  const tables = checkedTables(options.tables, mode)
  const address = readAddress(options.url)
  const driver = await loadPg()
  const timeouts = { ...defaultTimeouts, ...options.timeouts }
  const writer =
    mode === 'write'
      ? await openPostgresWriter({ ...options, address, schema, tables: tables ?? {}, driver, timeouts })
      : undefined
  const pool = createReadingPool({
    driver,
    address: readingAddress(address, writer),
    timeouts,
    connectionsMax: readersMax,
  })
  const read: UseSql = (work) =>
    pool.use(async (sql) => work(sql, prefixOf(await resolveSchema(sql, schema, address.shown))))
  const keys = createPostgresKeyStore({
    read,
    change: (work) => writing(writer, address.shown).perform(({ sql, prefix }) => work(sql, prefix)),
    outside: (work) => writing(writer, address.shown).use(work),
  })
  const ledger = options.privacy ? openErasureLedger(options.privacy.ledger) : null
  const reader = createPostgresReader({
    pool,
    schema,
    tables,
    onlyTable: options.onlyTable,
    isBound: options.isBound,
    at: address.shown,
    keys,
    ledger,
  })
  const personal =
    writer !== undefined && tables?.audit !== undefined
      ? createPostgresPersonalStore({
          table: tables.audit,
          keys,
          writer,
          outside: (work) => writer.use(work),
        })
      : undefined
  try {
    if (mode === 'read') await reader.look()
    if (personal !== undefined) await reapplyErasures(personal, ledger)
  } catch (error) {
    await pool.close()
    await writer?.close()
    throw error
  }
  const pruner = createPostgresPruner({
    ...options,
    at: address.shown,
    read: (work) => reader.read((sql, { prefix, tables: own }) => work({ sql, prefix, tables: own })),
    perform: (work, about) => (writer ?? refuseWriting(address.shown)).perform(work, about),
    async aside(work) {
      if (writer === undefined) refuseWriting(address.shown)
      const client = await connectTo(driver, address, 'read-write', timeouts)
      try {
        return await work(sqlOf(client))
      } finally {
        await closeClient(client)
      }
    },
    isWriting: writer !== undefined,
  })
  const seals =
    writer &&
    checkpointStore(
      writer,
      (publicKey) => reader.read((sql, found) => readDeclaring(sql, found, publicKey)),
      tableOf(tables ?? {}),
    )
  return {
    ...sinkOf(address.shown, writer, keys),
    ...reader.source,
    ...(seals === undefined ? {} : { seals }),
    pruner,
    ...(personal === undefined ? {} : { personal }),
    async close() {
      await pool.close()
      await writer?.close()
    },
  }
}

function writing(writer: PostgresWriter | undefined, at: string): PostgresWriter {
  return writer ?? refuseWriting(at)
}

function refuseWriting(at: string): never {
  throw new FastenError('STORE_READONLY', 'the store was opened for reading', {
    at,
    hint: 'open it with mode: "write"',
  })
}

/** Whoever also writes reads where it wrote: a standby would not have the rows yet. */
function readingAddress(
  address: ReturnType<typeof readAddress>,
  writer: PostgresWriter | undefined,
): ReturnType<typeof readAddress> {
  return writer === undefined ? address : { ...address, session: address.session ?? 'read-write' }
}

function sinkOf(
  at: string,
  writer: PostgresWriter | undefined,
  keys: KeyStore,
): Pick<Store, 'append' | 'spoolPosition' | 'forgetSpool' | 'outboxRows' | 'outboxPlace'> {
  return {
    append: async (batch) => {
      const { wrapped, rejected } = wrappedKeysIn(batch)
      if (rejected.length > 0) return { appended: [], rejected }
      const open = writing(writer, at)
      return open.append(batch, wrapped.length === 0 ? [] : await keys.put(wrapped))
    },
    spoolPosition: async (spool) => writing(writer, at).spoolPosition(spool),
    forgetSpool: async (spool) => writing(writer, at).forgetSpool(spool),
    outboxRows: async (rowsMax) => writing(writer, at).outboxRows(rowsMax),
    outboxPlace: async () => writing(writer, at).outboxPlace(),
  }
}

function checkedTables(
  tables: StreamTables | undefined,
  mode: PostgresStoreOptions['mode'],
): StreamTables | undefined {
  const used = streams.flatMap((stream) =>
    tables?.[stream] === undefined ? [] : [[stream, tables[stream]] as const],
  )
  if (mode === 'write' && used.length === 0)
    throw new TypeError('openPostgresStore needs a table for at least one stream to write')
  if (new Set(used.map(([, table]) => table)).size < used.length)
    throw new TypeError('two streams cannot share a table')
  for (const [, table] of used) if (!isTableName(table)) throw new TypeError(`"${table}" is not a table name`)
  return tables === undefined ? undefined : Object.fromEntries(used)
}
