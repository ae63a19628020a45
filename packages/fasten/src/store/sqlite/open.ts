// SPDX-License-Identifier: Apache-2.0
import { closeSync, existsSync, openSync, renameSync, rmSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { FastenError, systemCode } from '../../core/error.ts'
import type { SqliteConnection, SqliteDriver } from './driver.ts'
import { storeFault } from './fault.ts'
import { migrate, refuseForeignTables, type StreamTables } from './migrate.ts'

/** An open connection and the file it was opened on, which is not for ever the file that its path leads to. */
export interface OpenFile {
  readonly connection: SqliteConnection
  readonly identity: FileIdentity | undefined
  /** The files that SQLite keeps beside the database, `-wal` and `-shm`, when it is open for writing. */
  readonly companions: ReadonlyMap<string, FileIdentity>
  /** When the file was last written, if it was opened on the promise that nobody writes it. */
  readonly immutableSince: bigint | undefined
}

/** What tells one file from another at the same path; undefined members do not exist for private stores. */
export interface FileIdentity {
  readonly device: bigint
  readonly inode: bigint
}

export interface WritingOptions {
  readonly path: string
  readonly driver: SqliteDriver
  readonly tables: StreamTables
  readonly createdAt: string
  readonly createdBy: string
  readonly busyTimeoutMs: number
}

export const isPrivate = (path: string): boolean => path === ':memory:'

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
    return {
      connection,
      identity: identityOf(path),
      companions: companionsOf(path),
      immutableSince: undefined,
    }
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
  const identity = identityOf(path)
  if (identity === undefined) {
    throw new FastenError('STORE_MISSING', `there is no database file "${path}"`, {
      at: path,
      hint: 'check the path; three slashes in a DSN are relative to the working directory, four are absolute',
    })
  }
  const immutableSince = driver.name === 'node:sqlite' && !hasWal(path) ? writtenAt(path) : undefined
  const isImmutable = immutableSince !== undefined
  const connection = opened(driver, path, { isReadOnly: true, isImmutable, busyTimeoutMs })
  return { connection, identity, companions: new Map(), immutableSince }
}

/** True when the connection must be opened again: the path leads to another file, or a writer has come to a file opened without locks. */
export function isStale({ identity, immutableSince }: OpenFile, path: string): boolean {
  if (identity === undefined) return false
  if (hasMoved(identity, path)) return true
  return immutableSince !== undefined && (hasWal(path) || writtenAt(path) !== immutableSince)
}

/** True when `path` no longer leads to the file of `identity`, or that file has been emptied. */
export function hasMoved(identity: FileIdentity, path: string): boolean {
  const now = identityOf(path)
  return now === undefined || now.inode !== identity.inode || now.device !== identity.device
}

/**
 * Gives up a connection whose file was taken from its path. What its write-ahead log still holds goes to that file, wherever it
 * is now. Then the log leaves the path as well: SQLite would otherwise take it for that of the next database there and mix the
 * two. It is kept under another name unless all of it has reached its file. Files that another process has put there meanwhile
 * are left alone.
 */
export function abandon(file: OpenFile, path: string): void {
  const isSafe = whatHappened(file, path) === 'emptied' ? closeWithoutWriting(file, path) : moveLog(file)
  for (const [companion, known] of file.companions) {
    const now = identityOf(companion, true)
    if (now === undefined || now.inode !== known.inode || now.device !== known.device) continue
    if (isSafe || companion.endsWith('-shm')) rmSync(companion, { force: true })
    else renameSync(companion, `${path}.replaced-${known.inode}-wal`)
  }
}

/** In the words of the error that tells it. */
export function whatHappened(
  { identity }: OpenFile,
  path: string,
): 'deleted or moved away' | 'emptied' | 'replaced by another' {
  const now = identityOf(path, true)
  if (now === undefined) return 'deleted or moved away'
  return now.inode === identity?.inode && now.device === identity.device ? 'emptied' : 'replaced by another'
}

/** True when the write-ahead log has nothing left that its file does not have. */
function moveLog({ connection }: OpenFile): boolean {
  try {
    const { busy, log, checkpointed } = connection.prepare('PRAGMA wal_checkpoint(PASSIVE)').get() ?? {}
    return busy === 0 && log === checkpointed
  } catch {
    // A file that was damaged on top of being moved takes nothing any more; its log is kept.
    return false
  } finally {
    closeQuietly(connection)
  }
}

/**
 * Closing would write what the log holds of some pages into the emptied file and make a wreck of it. SQLite does not do that to a
 * file that has left its path, so the file leaves it. A new empty one with the same permissions takes its place, on which no lock of
 * a reader weighs.
 */
function closeWithoutWriting({ connection }: OpenFile, path: string): boolean {
  const { mode } = statSync(path)
  const aside = `${path}.emptied`
  renameSync(path, aside)
  closeQuietly(connection)
  rmSync(aside, { force: true })
  if (!existsSync(path)) closeSync(openSync(path, 'a', mode))
  return false
}

function companionsOf(path: string): ReadonlyMap<string, FileIdentity> {
  const files = [`${path}-wal`, `${path}-shm`].flatMap((companion) => {
    const identity = identityOf(companion, true)
    return identity === undefined ? [] : [[companion, identity] as const]
  })
  return new Map(files)
}

/** Undefined for a private store, and when nothing lies at the path or what lies there is empty. */
export function identityOf(path: string, mayBeEmpty = false): FileIdentity | undefined {
  if (isPrivate(path)) return undefined
  const stats = statSync(path, { bigint: true, throwIfNoEntry: false })
  if (stats === undefined || (stats.size === 0n && !mayBeEmpty)) return undefined
  return { device: stats.dev, inode: stats.ino }
}

/** For connections that are given up because they failed: what closing says then is only an echo of the failure. */
export function closeQuietly(connection: SqliteConnection): void {
  try {
    connection.close()
  } catch {
    // The failure that led here is the one that is reported.
  }
}

/** Pages in the write-ahead log before a commit also moves them into the file. See docs/store-sqlite.md for the measurement. */
export const walPages = 4000

/**
 * Every commit is on the disk before it returns: better-sqlite3 would otherwise default to less, and macOS needs to be asked to
 * flush the drive as well. Memory mapping stays off: an I/O error would then be a signal instead of an error.
 */
function setDurable(connection: SqliteConnection, path: string): void {
  const mode = connection.prepare('PRAGMA journal_mode = WAL').get()?.['journal_mode']
  if (mode !== 'wal' && !isPrivate(path)) {
    throw new FastenError(
      'STORE_IO',
      `the file system does not carry a write-ahead log (journal mode stays ${String(mode)})`,
      {
        at: path,
        hint: 'put the database on a local disk, not on a network share',
      },
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

const hasWal = (path: string): boolean => existsSync(`${path}-wal`)
