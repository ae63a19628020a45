// SPDX-License-Identifier: Apache-2.0
import { hash } from 'node:crypto'
import { join, resolve } from 'node:path'
import { databaseOf, type Dsn } from '../dsn.ts'

/** Where a store's key and the memory of what was signed lie; on the node, never in the database. */
export interface KeyFolder {
  readonly keyFile: string
  /** One file for each log: the newest signed checkpoint (sealed-memory.ts). */
  readonly memory: string
}

/**
 * `<database>-keys/` beside a SQLite file, `.fasten-keys/<database>/` for a server; or the folder that FASTEN_KEY_DIR names, which
 * holds one key for all stores of the node and a memory for each. Null for a private store: nothing of it outlives the process.
 */
export function keyFolder(dsn: Dsn, keyDirectorySetting: string | undefined): KeyFolder | null {
  if (dsn.kind === 'sqlite' && dsn.isMemory) return null
  const name = storeName(dsn)
  if (keyDirectorySetting !== undefined) {
    const folder = resolve(keyDirectorySetting)
    return { keyFile: join(folder, 'node.key'), memory: join(folder, 'sealed', name) }
  }
  const folder = dsn.kind === 'sqlite' ? `${resolve(dsn.path)}-keys` : resolve('.fasten-keys', name)
  return { keyFile: join(folder, 'node.key'), memory: join(folder, 'sealed') }
}

/** The same for every way to spell user, password and parameters: none of them is another database. */
export function storeName(dsn: Dsn): string {
  const place = dsn.kind === 'sqlite' ? resolve(dsn.path) : databaseOf(dsn)
  const last = /[^/ ]*$/.exec(place.trim())?.[0].replace(/[^A-Za-z0-9._-]/g, '_') ?? ''
  return `${last.slice(0, 40)}-${hash('sha256', place, 'hex').slice(0, 8)}`
}
