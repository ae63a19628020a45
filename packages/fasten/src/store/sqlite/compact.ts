// SPDX-License-Identifier: Apache-2.0
import { statSync } from 'node:fs'
import type { Compaction } from '../retention/pruner.ts'
import type { SqliteConnection } from './driver.ts'
import { isPrivate } from './replacement.ts'

/**
 * Gives free pages of a file back, at most about `bytesMax` of them in this step. SQLite can only do that in steps for a file that was
 * made for it; any other has to be written anew once, which makes it such a file. Does so when it `mayRewrite` and a quarter of
 * the file is free.
 */
export function compact(
  connection: SqliteConnection,
  path: string,
  bytesMax: number,
  mayRewrite: boolean,
): Compaction {
  const pragma = (name: string): number => Number(connection.prepare(`PRAGMA ${name}`).get()?.[name] ?? 0)
  const pageBytes = pragma('page_size')
  const isIncremental = (): boolean => pragma('auto_vacuum') === incremental
  if (isIncremental()) {
    const pages = Math.min(pragma('freelist_count'), Math.max(1, Math.floor(bytesMax / pageBytes)))
    if (pages > 0) connection.exec(`PRAGMA incremental_vacuum(${pages})`)
  } else if (mayRewrite && pragma('freelist_count') * rewriteShare >= pragma('page_count')) {
    connection.exec('PRAGMA auto_vacuum = INCREMENTAL')
    connection.exec('VACUUM')
  }
  // What was given back is cut off the file when the write-ahead log is moved into it.
  connection.prepare(`PRAGMA wal_checkpoint(${mayRewrite ? 'TRUNCATE' : 'PASSIVE'})`).get()
  return {
    bytes: isPrivate(path) ? null : statSync(path).size,
    freeBytes: pragma('freelist_count') * pageBytes,
    needsRewrite: !isIncremental(),
  }
}

const incremental = 2
const rewriteShare = 4
