// SPDX-License-Identifier: Apache-2.0
import { FastenError, systemCode } from '../../core/error.ts'
import { resultCode } from './driver.ts'

/** The low byte of SQLite's result codes: the family. */
export const sqliteBusy = 5
const sqliteFamilies: Readonly<Record<number, readonly [code: string, what: string, hint: string]>> = {
  3: [
    'STORE_READONLY',
    'access to the store is not permitted',
    'give this user read and write permission on the file and its directory',
  ],
  5: [
    'STORE_BUSY',
    'another process holds the write lock of the store',
    'it is tried again; look for a long transaction with: fuser -v FILE',
  ],
  6: [
    'STORE_BUSY',
    'another connection holds the write lock of the store',
    'it is tried again; close the other connection',
  ],
  8: [
    'STORE_READONLY',
    'the store cannot be written',
    'give this user write permission on the file and its directory, or remount the disk writable',
  ],
  10: [
    'STORE_IO',
    'the disk failed under the store',
    'see the system log for the device; rows stay in the spool until writing works again',
  ],
  11: [
    'STORE_CORRUPT',
    'the database file is damaged',
    'keep the file as evidence, move it away with its -wal and -shm files, and restore a backup',
  ],
  13: [
    'STORE_FULL',
    'no space is left for the store',
    'free space on its disk; rows stay in the spool until then',
  ],
  14: [
    'STORE_IO',
    'the database file cannot be opened',
    'the directory must exist and be writable by this user',
  ],
  26: [
    'STORE_CORRUPT',
    'the file is not a SQLite database',
    'name another path in the DSN, or move the file away',
  ],
}

/** SQLite's family of an error, or undefined when it is not SQLite's. */
export function resultFamily(error: unknown): number | undefined {
  const code = resultCode(error)
  return code === undefined ? undefined : code & 0xff
}

/** True when the error says that one row broke a rule of its table; the transaction goes on as if it had not been tried. */
export function isConstraint(error: unknown): boolean {
  const family = resultFamily(error)
  return family === 19 || family === 18 || family === 20
}

/**
 * What happened to the store, as the one error a caller must understand. A FastenError passes unchanged, and so does what
 * neither SQLite nor the operating system said: that is a mistake of ours and must not be dressed up.
 */
export function storeFault(error: unknown, path: string): unknown {
  if (error instanceof FastenError) return error
  const code = resultCode(error)
  if (code === undefined) return systemFault(error, path)
  if (code === dbMoved) return storeReplaced(path, 'moved or deleted', error)
  const said = error instanceof Error ? error.message : String(error)
  const [name, what, hint] = sqliteFamilies[code & 0xff] ?? [
    'STORE_IO',
    'SQLite could not do what was asked',
    'look the number up among the result codes of SQLite',
  ]
  return new FastenError(name, `${what}: ${said} (SQLite ${code})`, { at: path, hint, cause: error })
}

/** What the operating system said of the files around the database. */
function systemFault(error: unknown, path: string): unknown {
  const said = systemCode(error)
  if (said === undefined || !(error instanceof Error) || !('syscall' in error)) return error
  const family = ['EACCES', 'EPERM', 'EROFS'].includes(said)
    ? 8
    : said === 'ENOSPC' || said === 'EDQUOT'
      ? 13
      : 10
  const [name, what, hint] = sqliteFamilies[family] ?? ['STORE_IO', 'the disk failed', 'see the system log']
  return new FastenError(name, `${what}: ${error.message}`, { at: path, hint, cause: error })
}

/** The path no longer leads to the file that is open. */
export function storeReplaced(path: string, how: string, cause?: unknown): FastenError {
  return new FastenError('STORE_REPLACED', `the database file was ${how} while it was open`, {
    at: path,
    hint: 'the next attempt writes to what lies at the path then, in new logs if rows are missing from it; stop fasten before moving its file',
    ...(cause === undefined ? {} : { cause }),
  })
}

const dbMoved = 1032
