// SPDX-License-Identifier: Apache-2.0
import { existsSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { FastenError, systemCode } from '../../core/error.ts'
import type { SqliteConnection, SqliteDriver } from './driver.ts'
import { storeFault } from './fault.ts'
import type { StreamTables } from '../row-tables.ts'
import { migrate, refuseForeignTables } from './migrate.ts'
import { closeQuietly, filesAt, isPrivate, replacementOf, type FileSet } from './replacement.ts'

/** An open connection and the files it was opened on, which are not for ever those that its path leads to. */
export interface OpenFile {
  readonly connection: SqliteConnection
  readonly files: FileSet
  /** When the file was last written, if it was opened on the promise that nobody writes it. */
  readonly immutableSince: bigint | undefined
}

export interface WritingOptions {
  readonly path: string
  readonly driver: SqliteDriver
  readonly tables: StreamTables
  readonly createdAt: string
  readonly createdBy: string
  readonly busyTimeoutMs: number
}

/**
 * A connection that writes: the file exists, has our layout and our tables, and a commit on it survives power loss.
 * Throws FastenError, having changed nothing, when a table belongs to somebody else or the place cannot be written.
 */
export function openWriting({ path, driver, busyTimeoutMs, ...layout }: WritingOptions): OpenFile {
  if (!isPrivate(path)) requireDirectory(path)
  const connection = opened(driver, path, { isReadOnly: false, busyTimeoutMs })
  try {
    refuseForeignTables(connection, { path, tables: layout.tables })
    setDurable(connection, path)
    migrate(connection, { path, ...layout })
    return { connection, files: filesAt(path), immutableSince: undefined }
  } catch (error) {
    closeQuietly(connection)
    throw storeFault(error, path)
  }
}

/**
 * A connection that only reads, on a file that exists; it creates none. A file that nobody writes (it has no `-wal` beside
 * it) is opened without locks, so that reading leaves nothing behind and works on read-only media; `isStale` says when that
 * has to be given up because a writer came.
 */
export function openReading({
  path,
  driver,
  busyTimeoutMs,
}: Pick<WritingOptions, 'path' | 'driver' | 'busyTimeoutMs'>): OpenFile {
  const { database } = filesAt(path)
  if (database === undefined) {
    throw new FastenError('STORE_MISSING', `there is no database file "${path}"`, {
      at: path,
      hint: 'check the path; three slashes in a DSN are relative to the working directory, four are absolute',
    })
  }
  const canBeImmutable = driver.name === 'node:sqlite' && takesUris(process.versions.node)
  const immutableSince = canBeImmutable && !hasLog(path) ? writtenAt(path) : undefined
  const isImmutable = immutableSince !== undefined
  const connection = opened(driver, path, { isReadOnly: true, isImmutable, busyTimeoutMs })
  try {
    // The first look into the file is what opens its log.
    connection.prepare('SELECT count(*) AS entries FROM sqlite_schema').get()
    const { log } = isImmutable ? { log: undefined } : filesAt(path)
    return { connection, files: { database, log, index: undefined }, immutableSince }
  } catch (error) {
    closeQuietly(connection)
    throw storeFault(error, path)
  }
}

/** Before 22.15 `node:sqlite` took a URI for the name of a file; reading then leaves the usual files beside the database. */
function takesUris(node: string): boolean {
  const [major = 0, minor = 0] = node.split('.').map(Number)
  return major > 22 || (major === 22 && minor >= 15)
}

/** True when a reading connection must be opened again: its files were replaced, or a writer came to one opened without locks. */
export function isStale({ files, immutableSince }: OpenFile, path: string): boolean {
  if (replacementOf(files, path) !== undefined) return true
  return immutableSince !== undefined && (hasLog(path) || writtenAt(path) !== immutableSince)
}

/** Pages in the write-ahead log before a commit also moves them into the file. See docs/store-sqlite.md for the measurement. */
export const walPages = 8000

/**
 * Every commit is on the disk before it returns: better-sqlite3 would otherwise default to less, and macOS needs to be asked to
 * flush the drive as well. Memory mapping stays off: an I/O error would then be a signal instead of an error.
 */
function setDurable(connection: SqliteConnection, path: string): void {
  // A new file is made so that it can give space back in steps. For another one this would be a write that changes nothing.
  if (Number(connection.prepare('PRAGMA page_count').get()?.['page_count']) === 0)
    connection.exec('PRAGMA auto_vacuum = INCREMENTAL')
  const mode = connection.prepare('PRAGMA journal_mode = WAL').get()?.['journal_mode']
  if (mode !== 'wal' && !isPrivate(path)) {
    throw new FastenError(
      'STORE_IO',
      `the file system does not carry a write-ahead log (journal mode stays ${String(mode)})`,
      { at: path, hint: 'put the database on a local disk, not on a network share' },
    )
  }
  connection.exec(`
    PRAGMA synchronous = FULL;
    PRAGMA fullfsync = ON;
    PRAGMA checkpoint_fullfsync = ON;
    PRAGMA wal_autocheckpoint = ${walPages};
    PRAGMA journal_size_limit = 67108864;
    PRAGMA mmap_size = 0;
    PRAGMA cache_size = -16000;
    PRAGMA foreign_keys = OFF;
    PRAGMA trusted_schema = OFF;
  `)
}

function opened(
  driver: SqliteDriver,
  path: string,
  options: Parameters<SqliteDriver['open']>[1],
): SqliteConnection {
  try {
    return driver.open(path, options)
  } catch (error) {
    throw storeFault(error, path)
  }
}

function requireDirectory(path: string): void {
  const directory = dirname(path)
  try {
    if (statSync(directory).isDirectory()) return
  } catch (error) {
    if (systemCode(error) !== 'ENOENT' && systemCode(error) !== 'ENOTDIR') {
      throw new FastenError('STORE_READONLY', `the directory "${directory}" cannot be entered`, {
        at: path,
        hint: 'give this user permission to enter and write it',
        cause: error,
      })
    }
  }
  throw new FastenError('STORE_MISSING', `there is no directory "${directory}" for the database file`, {
    at: path,
    hint: `create it: mkdir -p "${directory}"`,
  })
}

const writtenAt = (path: string): bigint => statSync(path, { bigint: true }).mtimeNs

const hasLog = (path: string): boolean => existsSync(`${path}-wal`)
