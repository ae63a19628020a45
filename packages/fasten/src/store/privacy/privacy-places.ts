// SPDX-License-Identifier: Apache-2.0
import { join, resolve } from 'node:path'
import type { Dsn } from '../dsn.ts'
import { storeName } from '../keys/key-folder.ts'

/** Where a store's keys for personal data lie. */
export interface PrivacyPlaces {
  /** The tenant's key, which wraps the others; made on first use unless one is given. */
  readonly keyFile: string
  /** Every erasure, outside of any database. */
  readonly ledger: string
  /** SQLite: the wrapped data keys. Postgres keeps them in a schema of their own. */
  readonly dataKeys: string
}

/**
 * `<database>-keys/` beside a SQLite file, `.fasten-keys/<database>/` for a server, as for the node's key; with FASTEN_KEY_DIR the
 * tenant's key and the ledger lie there, apart from database and data keys, so that restoring those cannot take the memory of an
 * erasure along. Null for a private store: nothing of it outlives the process.
 */
export function privacyPlaces(dsn: Dsn, keyDirectory: string | undefined): PrivacyPlaces | null {
  if (dsn.kind === 'sqlite' && dsn.isMemory) return null
  const name = storeName(dsn)
  const own = dsn.kind === 'sqlite' ? `${resolve(dsn.path)}-keys` : resolve('.fasten-keys', name)
  const dataKeys = join(own, 'data-keys.db')
  if (keyDirectory === undefined)
    return { keyFile: join(own, 'privacy.key'), ledger: join(own, 'erasures.ndjson'), dataKeys }
  const folder = resolve(keyDirectory)
  return {
    keyFile: join(folder, 'privacy.key'),
    ledger: join(folder, 'erasures', `${name}.ndjson`),
    dataKeys,
  }
}
