// SPDX-License-Identifier: Apache-2.0
import { FastenError } from '../../core/error.ts'

/** What SQLite can hold in a cell. `undefined` is no value: drivers disagree about it, so nobody here may bind it. */
export type SqlValue = string | number | bigint | null | Uint8Array
export type SqlRecord = Readonly<Record<string, SqlValue>>

export interface SqliteStatement {
  /** Number of rows changed. */
  run(...values: readonly SqlValue[]): number
  get(...values: readonly SqlValue[]): SqlRecord | undefined
  all(...values: readonly SqlValue[]): readonly SqlRecord[]
}

/** A statement whose rows come as arrays of cells, integers as BigInt: half the price where millions of rows are read. */
export interface SqliteArrayStatement {
  all(...values: readonly SqlValue[]): readonly (readonly SqlValue[])[]
}

export interface SqliteConnection {
  exec(sql: string): void
  /**
   * With `hasBigInts`, integers arrive as BigInt: for cells whose size nobody vouches for. Without it an integer beyond
   * 2^53 throws in one driver and is silently rounded in the other.
   */
  prepare(sql: string, options?: { readonly hasBigInts?: boolean }): SqliteStatement
  prepareArrays(sql: string): SqliteArrayStatement
  close(): void
}

export interface OpenOptions {
  readonly isReadOnly: boolean
  /** Promises SQLite that nobody writes the file, so that it needs no lock and leaves no file beside it. */
  readonly isImmutable?: boolean
  /** How long a statement waits for another writer before it fails with SQLITE_BUSY. */
  readonly busyTimeoutMs: number
}

/** One SQLite binding. The store is written against this and nothing else of a driver. */
export interface SqliteDriver {
  readonly name: SqliteDriverName
  /** Throws the driver's own error; `resultCode` reads it. */
  open(path: string, options: OpenOptions): SqliteConnection
}

export const sqliteDriverNames = ['node:sqlite', 'better-sqlite3'] as const
export type SqliteDriverName = (typeof sqliteDriverNames)[number]

/**
 * The driver of that name. `node:sqlite` comes with the runtime; `better-sqlite3` (13 or newer) is only ever loaded
 * when asked for. Throws FastenError `ENGINE_MISSING` when it cannot be loaded.
 */
export async function loadSqliteDriver(name: SqliteDriverName = 'node:sqlite'): Promise<SqliteDriver> {
  return name === 'node:sqlite' ? nodeDriver() : betterDriver(await importBetter())
}

/**
 * SQLite's extended result code behind an error of either driver (e.g. 2067, of which the low byte, 19, is the family),
 * or undefined when the error is not SQLite's.
 */
export function resultCode(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null) return undefined
  if ('errcode' in error && typeof error.errcode === 'number') return error.errcode
  const name = 'code' in error && typeof error.code === 'string' ? error.code : ''
  if (!name.startsWith('SQLITE_')) return undefined
  const exact = namedCodes[name]
  if (exact !== undefined) return exact
  return namedCodes[name.split('_').slice(0, 2).join('_')]
}

/** The part of SQLite's result codes that the store tells apart; better-sqlite3 names them instead of numbering them. */
const namedCodes: Readonly<Record<string, number>> = {
  SQLITE_ERROR: 1,
  SQLITE_PERM: 3,
  SQLITE_ABORT: 4,
  SQLITE_BUSY: 5,
  SQLITE_LOCKED: 6,
  SQLITE_NOMEM: 7,
  SQLITE_READONLY: 8,
  SQLITE_INTERRUPT: 9,
  SQLITE_IOERR: 10,
  SQLITE_CORRUPT: 11,
  SQLITE_FULL: 13,
  SQLITE_CANTOPEN: 14,
  SQLITE_PROTOCOL: 15,
  SQLITE_SCHEMA: 17,
  SQLITE_TOOBIG: 18,
  SQLITE_CONSTRAINT: 19,
  SQLITE_MISMATCH: 20,
  SQLITE_AUTH: 23,
  SQLITE_NOTADB: 26,
  SQLITE_READONLY_DBMOVED: 1032,
  SQLITE_CONSTRAINT_UNIQUE: 2067,
  SQLITE_CONSTRAINT_PRIMARYKEY: 1555,
}

/** The driver that comes with the runtime. Throws `ENGINE_MISSING` where it does not. */
export function nodeDriver(): SqliteDriver {
  const { DatabaseSync } = loadNodeSqlite()
  return {
    name: 'node:sqlite',
    open(path, { isReadOnly, isImmutable = false, busyTimeoutMs }) {
      const location = isImmutable ? immutableUri(path) : path
      const database = new DatabaseSync(location, {
        readOnly: isReadOnly,
        timeout: busyTimeoutMs,
        enableForeignKeyConstraints: false,
      })
      return {
        exec: (sql) => database.exec(sql),
        prepare(sql, { hasBigInts = false } = {}) {
          const statement = database.prepare(sql)
          if (hasBigInts) statement.setReadBigInts(true)
          return {
            run: (...values) => Number(statement.run(...values).changes),
            get: (...values) => statement.get(...values),
            all: (...values) => statement.all(...values),
          }
        },
        prepareArrays(sql) {
          const statement = database.prepare(sql)
          statement.setReadBigInts(true)
          // Node.js 22 only knows objects; their members stand in the order of the columns.
          if (typeof statement.setReturnArrays !== 'function') {
            return {
              all: (...values) =>
                (statement.all(...values) as SqlRecord[]).map((record) => Object.values(record)),
            }
          }
          statement.setReturnArrays(true)
          return { all: (...values) => statement.all(...values) as unknown as SqlValue[][] }
        },
        close: () => database.close(),
      }
    },
  }
}

type NodeSqlite = typeof import('node:sqlite')

/**
 * The SQLite of the runtime. Asked for at run time and not imported, so that an older Node.js says `ENGINE_MISSING` with the
 * version it needs, where an import would end the process with the name of a module.
 *
 * Node.js 22 prints a warning when its SQLite is first loaded. It says nothing that a user of fasten could act on, so it is
 * held back during this one synchronous load; every other warning passes.
 */
export function loadNodeSqlite(): NodeSqlite {
  const emitWarning = process.emitWarning
  process.emitWarning = (warning: string | Error, ...rest: unknown[]) => {
    const message = typeof warning === 'string' ? warning : warning.message
    if (!message.startsWith('SQLite is an experimental feature'))
      Reflect.apply(emitWarning, process, [warning, ...rest])
  }
  let sqlite: NodeSqlite | undefined
  try {
    sqlite = process.getBuiltinModule('node:sqlite')
  } finally {
    process.emitWarning = emitWarning
  }
  if (sqlite !== undefined) return sqlite
  throw new FastenError('ENGINE_MISSING', `this Node.js (${process.version}) has no node:sqlite`, {
    at: 'node:sqlite',
    hint: 'run Node.js 22.14 or newer',
  })
}

/** The part of better-sqlite3's surface that the adapter uses. */
interface BetterStatement {
  run(...values: readonly SqlValue[]): { readonly changes: number }
  get(...values: readonly SqlValue[]): unknown
  all(...values: readonly SqlValue[]): unknown[]
  safeIntegers(isOn: boolean): BetterStatement
  raw(isOn: boolean): BetterStatement
}
interface BetterDatabase {
  exec(sql: string): void
  prepare(sql: string): BetterStatement
  close(): void
}
type BetterConstructor = new (path: string, options: Readonly<Record<string, unknown>>) => BetterDatabase

function betterDriver(Database: BetterConstructor): SqliteDriver {
  return {
    name: 'better-sqlite3',
    open(path, { isReadOnly, isImmutable = false, busyTimeoutMs }) {
      if (isImmutable) throw new TypeError('better-sqlite3 cannot open an immutable file: it takes no URI')
      const database = new Database(path, {
        readonly: isReadOnly,
        fileMustExist: isReadOnly,
        timeout: busyTimeoutMs,
      })
      return {
        exec: (sql) => database.exec(sql),
        prepare(sql, { hasBigInts = false } = {}) {
          const statement = database.prepare(sql)
          if (hasBigInts) statement.safeIntegers(true)
          return {
            run: (...values) => statement.run(...values).changes,
            get: (...values) => statement.get(...values) as SqlRecord | undefined,
            all: (...values) => statement.all(...values) as SqlRecord[],
          }
        },
        prepareArrays(sql) {
          const statement = database.prepare(sql).safeIntegers(true).raw(true)
          return { all: (...values) => statement.all(...values) as SqlValue[][] }
        },
        close: () => database.close(),
      }
    },
  }
}

async function importBetter(): Promise<BetterConstructor> {
  // On a Node.js without Node-API 10 the addon crashes the process instead of failing to load.
  if (Number(process.versions.napi) < 10) {
    throw new FastenError(
      'ENGINE_MISSING',
      `better-sqlite3 needs Node-API 10, this Node.js (${process.version}) has ${process.versions.napi}`,
      {
        at: 'better-sqlite3',
        hint: 'run Node.js 22.14 or newer',
      },
    )
  }
  // Not a literal, so that neither the compiler nor a bundler asks for an optional package.
  const name: string = 'better-sqlite3'
  try {
    const loaded = (await import(name)) as { readonly default: BetterConstructor }
    return loaded.default
  } catch (cause) {
    throw new FastenError('ENGINE_MISSING', 'better-sqlite3 could not be loaded', {
      at: 'better-sqlite3',
      hint: 'npm install better-sqlite3@13, or leave the driver at node:sqlite',
      cause,
    })
  }
}

function immutableUri(path: string): string {
  const encoded = path.split('/').map(encodeURIComponent).join('/')
  return `file:${encoded}?immutable=1`
}
