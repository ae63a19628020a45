// SPDX-License-Identifier: Apache-2.0
import { rmSync } from 'node:fs'
import { loadNodeSqlite } from '../sqlite/driver.ts'

export interface HeldLock {
  /** Releases the lock; `remove` also deletes its file, for a spool that is finished. */
  release(options?: { remove?: boolean }): void
}

/**
 * Takes an exclusive lock that the operating system gives back when this process ends, however it ends; null when another
 * process (or this one) holds it.
 *
 * Node.js has no file locks and process ids lie across containers that share a volume. SQLite takes real ones (fcntl,
 * LockFileEx), so an empty database held in an exclusive transaction is the lock.
 */
export function acquireLock(path: string): HeldLock | null {
  const { DatabaseSync } = loadNodeSqlite()
  const database = new DatabaseSync(path, { timeout: 0 })
  try {
    database.exec('PRAGMA journal_mode=MEMORY; PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE')
  } catch (error) {
    database.close()
    if (error instanceof Error && /locked|busy/.test(error.message)) return null
    throw error
  }
  let isHeld = true
  return {
    release({ remove = false } = {}) {
      if (!isHeld) return
      isHeld = false
      // Removed while still held: whoever opens the path from now on makes a file of their own.
      if (remove) rmSync(path, { force: true })
      database.close()
    },
  }
}
