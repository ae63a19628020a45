// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { spoolRoot } from '../../packages/fasten/src/capture/open-lane.ts'
import { parseDsn } from '../../packages/fasten/src/store/dsn.ts'
import { atEnd, type Ending } from './endings.ts'

/** Where rows are kept in one test: a database, and the folder in which its spools lie. */
export interface Place {
  readonly dsn: string
  /** `FASTEN_SPOOL_DIR`; undefined where the spool lies beside the database. */
  readonly spoolDirectory: string | undefined
  /** `FASTEN_KEY_DIR`; undefined where the key lies beside the database. */
  readonly keyDirectory: string | undefined
  readonly spoolRoot: string
}

/** A SQLite file in `folder`. */
export const sqlitePlace = (folder: string): Place => placeAt(`sqlite:///${join(folder, 'audit.db')}`)

/** The place that a DSN and, for a server, a folder on this host name. */
export function placeAt(dsn: string, folder?: string): Place {
  const spoolDirectory = folder === undefined ? undefined : join(folder, 'spool')
  const keyDirectory = folder === undefined ? undefined : join(folder, 'keys')
  return {
    dsn,
    spoolDirectory,
    keyDirectory,
    spoolRoot: spoolRoot(parseDsn(dsn, { at: 'dsn' }), spoolDirectory),
  }
}

/** The options of a place, as `init` takes them. */
export const optionsOf = ({ dsn, spoolDirectory, keyDirectory }: Place) => ({
  audit_dsn: dsn,
  // A crowded machine is no failure.
  flush_timeout_ms: 60_000,
  ...(spoolDirectory === undefined ? {} : { spool_dir: spoolDirectory }),
  ...(keyDirectory === undefined ? {} : { key_dir: keyDirectory }),
})

/** A folder of the test's own, gone when it is over. */
export function makeFolder(test: Ending, name = 'fasten-fault-'): string {
  const folder = mkdtempSync(join(tmpdir(), name))
  atEnd(test, () => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** `name` below `folder`, made. */
export function subfolder(folder: string, name: string): string {
  const path = join(folder, name)
  mkdirSync(path, { recursive: true })
  return path
}
