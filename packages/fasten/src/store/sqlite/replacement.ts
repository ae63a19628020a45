// SPDX-License-Identifier: Apache-2.0
/**
 * A path does not for ever lead to the file that was opened through it. People delete, move, empty and restore databases under a
 * running process, and SQLite, which holds on to what it opened, would go on writing rows that nobody will find again.
 *
 *   deleted, moved away   seen by the next batch, which fails; the one after it creates a new database, or finds the old one back
 *   replaced              the same, and the write-ahead log of the old database leaves the path before the new one is opened:
 *                         SQLite would take it for its own and mix the two
 *   emptied               the same; the old connection must not pour what its log holds of some pages into the empty file
 *   log deleted           what it held is saved into the database, and the file is opened again
 */
import { closeSync, openSync, renameSync, rmSync, statSync } from 'node:fs'
import type { SqliteConnection } from './driver.ts'

/** What tells one file from another at the same path. */
export interface FileIdentity {
  readonly device: bigint
  readonly inode: bigint
}

/** A database file and the two that SQLite keeps beside it while it is open. */
export interface FileSet {
  /** Undefined for a private store, which has no file. */
  readonly database: FileIdentity | undefined
  readonly log: FileIdentity | undefined
  readonly index: FileIdentity | undefined
}

/** In the words of the error that tells it. */
export type Replacement =
  | 'deleted or moved away'
  | 'emptied'
  | 'replaced by another'
  | 'robbed of its write-ahead log'
  | 'given another write-ahead log'

export const isPrivate = (path: string): boolean => path === ':memory:'

/** The files that lie at `path` now. A database that is empty counts as none. */
export function filesAt(path: string): FileSet {
  if (isPrivate(path)) return { database: undefined, log: undefined, index: undefined }
  return { database: identityOf(path, 1n), log: identityOf(`${path}-wal`), index: identityOf(`${path}-shm`) }
}

/** What happened to the files behind `opened`, or undefined when they still lie at their path. */
export function replacementOf(opened: FileSet, path: string): Replacement | undefined {
  if (opened.database === undefined) return undefined
  const stats = statSync(path, statOptions)
  if (stats === undefined) return 'deleted or moved away'
  if (!isSame({ device: stats.dev, inode: stats.ino }, opened.database)) return 'replaced by another'
  if (stats.size === 0n) return 'emptied'
  if (opened.log === undefined) return undefined
  const log = identityOf(`${path}-wal`)
  if (log === undefined) return 'robbed of its write-ahead log'
  return isSame(log, opened.log) ? undefined : 'given another write-ahead log'
}

/**
 * Gives up a connection that writes, after `replacement`. Unless that would do harm, what its write-ahead log still holds goes to its
 * database first, wherever that is now. Returns true when the log has nothing left that its database lacks.
 */
export function abandon(connection: SqliteConnection, path: string, replacement: Replacement): boolean {
  if (replacement === 'emptied') return closeBesideEmptied(connection, path)
  try {
    if (replacement === 'given another write-ahead log') return false
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
 * Before a database is opened at the path of one that was given up: takes the write-ahead log of the old one out of the way, and
 * keeps it under another name unless it `isSafe` to lose. Not if the old database is back, and never what another process has put there.
 */
export function setAside(opened: FileSet, path: string, isSafe: boolean): void {
  const now = filesAt(path)
  if (isSame(now.database, opened.database)) return
  if (opened.log !== undefined && isSame(now.log, opened.log)) {
    if (isSafe) rmSync(`${path}-wal`, { force: true })
    else renameSync(`${path}-wal`, `${path}.replaced-${opened.log.inode}-wal`)
  }
  if (opened.index !== undefined && isSame(now.index, opened.index)) rmSync(`${path}-shm`, { force: true })
}

/** For connections that are given up because they failed: what closing says then is only an echo of the failure. */
export function closeQuietly(connection: SqliteConnection): void {
  try {
    connection.close()
  } catch {
    // The failure that led here is the one that is reported.
  }
}

export function isSame(one: FileIdentity | undefined, other: FileIdentity | undefined): boolean {
  return one !== undefined && other !== undefined && one.inode === other.inode && one.device === other.device
}

/**
 * Closing would write what the log holds into the emptied file and make a wreck of it. SQLite does not do that to a file that has
 * left its path, so the file leaves it. A new empty one with the same permissions takes its place, on which no lock of a
 * reader weighs.
 */
function closeBesideEmptied(connection: SqliteConnection, path: string): boolean {
  const { mode } = statSync(path)
  const aside = `${path}.emptied`
  renameSync(path, aside)
  closeQuietly(connection)
  rmSync(aside, { force: true })
  closeSync(openSync(path, 'a', mode))
  return false
}

function identityOf(path: string, bytesMin = 0n): FileIdentity | undefined {
  const stats = statSync(path, statOptions)
  return stats === undefined || stats.size < bytesMin ? undefined : { device: stats.dev, inode: stats.ino }
}

const statOptions = { bigint: true, throwIfNoEntry: false } as const
