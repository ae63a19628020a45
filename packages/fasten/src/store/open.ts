// SPDX-License-Identifier: Apache-2.0
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Clock } from '../core/clock.ts'
import type { Digest } from '../core/digest.ts'
import type { IdSource } from '../core/ids.ts'
import { parseLogName } from '../core/log-name.ts'
import type { StreamName } from '../core/row.ts'
import type { Sealing } from './drain-runner.ts'
import { parseDsn, type Dsn, type PostgresDsn, type SqliteDsn } from './dsn.ts'
import { openSigning, type Signing, type SigningPlan } from './keys/signing.ts'
import { createSystemClock, createSystemIds, noteCrypto, sha256 } from './platform.ts'
import { readAddress } from './postgres/address.ts'
import { assertPg } from './postgres/driver.ts'
import type { Store } from './ports.ts'
import { privacyPlaces } from './privacy/privacy-places.ts'
import { defaultTables } from './row-tables.ts'
import { software } from './software.ts'
import type { SqliteDriverName } from './sqlite/driver.ts'

/** Which store, for which streams. Plain data: it is handed to threads. */
export interface StoreTarget {
  readonly dsn: Dsn
  readonly streams: readonly StreamName[]
  /** Tables that differ from `audit_log`, `sys_log`, `api_log`. */
  readonly tables?: { readonly [S in StreamName]?: string }
  /** `read` creates nothing and changes nothing. Default `write`. */
  readonly mode?: 'write' | 'read'
  /** How to reach a SQLite file; `node:sqlite` unless said otherwise. One process must use one driver per file. */
  readonly driver?: SqliteDriverName
  /** How the logs written here are signed. Not at all unless said. */
  readonly signing?: SigningPlan
  /** FASTEN_KEY_DIR, where it is set. */
  readonly keyDirectory?: string
}

export interface StoreParts {
  readonly digest: Digest
  readonly clock: Clock
  readonly ids: IdSource
  /** Instead of opening what `StoreTarget.signing` says: a signer that others use as well. */
  readonly signing?: Signing | undefined
}

/**
 * The store of a target, open and ready. The engine behind its DSN is loaded now and not before. Throws FastenError: `ENGINE_MISSING`
 * when this build has no engine for the scheme, and whatever the engine says of the place (`STORE_…`, `TABLE_FOREIGN`).
 */
export async function openStore(target: StoreTarget, parts: StoreParts = systemParts()): Promise<Store> {
  return engines[target.dsn.kind](target, parts)
}

/**
 * A store for reading only, from what a person types: a DSN, or the path of a database file. Without `?table=` every stream
 * that the database holds is read. `isBound` says that row-level security binds the reader to a part of the rows of a Postgres.
 */
export async function openForReading(
  text: string,
  {
    at = 'target',
    keyDirectory,
    isBound = false,
    ...parts
  }: Partial<StoreParts> & {
    readonly at?: string
    readonly keyDirectory?: string | undefined
    readonly isBound?: boolean
  } = {},
): Promise<Store> {
  const dsn = dsnOf(text, at)
  if (dsn.kind === 'postgres') {
    const { openPostgresStore } = await import('./postgres/index.ts')
    const { url, schema, table } = dsn
    return openPostgresStore({
      ...systemParts(),
      ...parts,
      software,
      mode: 'read',
      isBound,
      privacy: privacyPlaces(dsn, keyDirectory),
      url,
      ...(schema === undefined ? {} : { schema }),
      ...(table === undefined ? {} : { onlyTable: table }),
    })
  }
  const { openSqliteStore } = await import('./sqlite/index.ts')
  return openSqliteStore({
    ...systemParts(),
    ...parts,
    software,
    mode: 'read',
    privacy: privacyPlaces(dsn, keyDirectory),
    path: resolve(dsn.path),
    ...(dsn.table === undefined ? {} : { onlyTable: dsn.table }),
  })
}

/**
 * Throws `ENGINE_MISSING` when such a store cannot be opened here, and `DSN_PARAMETER` for what a DSN asks in vain; asked at start, so
 * that no row waits for what never comes. Whether a server is there is not asked: rows wait for that.
 */
export function assertEngine(dsn: Dsn): void {
  if (dsn.kind !== 'postgres') return
  assertPg()
  readAddress(dsn.url)
}

/** What a drainer needs to sign the logs of a target. */
export function sealingOf(
  { dsn, tables }: StoreTarget,
  signing: Signing,
  { heartbeatMs = 0, witnesses = [] }: Partial<Pick<Sealing, 'heartbeatMs' | 'witnesses'>> = {},
): Sealing {
  return {
    signing,
    crypto: noteCrypto,
    heartbeatMs,
    witnesses,
    tableOf(log) {
      const stream = parseLogName(log)?.stream ?? 'audit'
      return tables?.[stream] ?? dsn.table ?? defaultTables[stream]
    },
  }
}

/** From DSN scheme to engine, loaded on first use. Registering a third one means adding a line here. */
const engines: { readonly [K in Dsn['kind']]: (target: StoreTarget, parts: StoreParts) => Promise<Store> } = {
  async sqlite({ dsn, streams, tables, mode = 'write', driver, signing: plan, keyDirectory }, parts) {
    const { path, isMemory } = dsn as SqliteDsn
    const { openSqliteStore } = await import('./sqlite/index.ts')
    const signing =
      parts.signing ?? (mode === 'read' || plan === undefined ? undefined : openSigning(plan, parts.ids))
    return openSqliteStore({
      ...parts,
      software,
      mode,
      signing,
      privacy: privacyPlaces(dsn, keyDirectory),
      // A later change of the working directory must not lead a reopened store elsewhere.
      path: isMemory ? path : resolve(path),
      tables: Object.fromEntries(
        streams.map((stream) => [stream, tables?.[stream] ?? dsn.table ?? defaultTables[stream]]),
      ),
      ...(driver === undefined ? {} : { driver }),
    })
  },
  async postgres({ dsn, streams, tables, mode = 'write', signing: plan, keyDirectory }, parts) {
    const { url, schema, table } = dsn as PostgresDsn
    const signing =
      parts.signing ?? (mode === 'read' || plan === undefined ? undefined : openSigning(plan, parts.ids))
    const { openPostgresStore } = await import('./postgres/index.ts')
    return openPostgresStore({
      ...parts,
      software,
      mode,
      signing,
      privacy: privacyPlaces(dsn, keyDirectory),
      url,
      ...(schema === undefined ? {} : { schema }),
      tables: Object.fromEntries(
        streams.map((stream) => [stream, tables?.[stream] ?? table ?? defaultTables[stream]]),
      ),
    })
  },
}

/** What a person typed as a DSN: a path when such a file exists or nothing else makes sense of the text. Throws `DSN_…`. */
export function dsnOf(text: string, at: string): Dsn {
  const hasScheme = /^[A-Za-z][A-Za-z0-9+.-]+:/.test(text.trim())
  if (hasScheme && !existsSync(text)) return parseDsn(text, { at })
  if (text.trim() === '') return parseDsn(text, { at })
  return { kind: 'sqlite', path: text, isMemory: false }
}

function systemParts(): StoreParts {
  return { digest: sha256, clock: createSystemClock(), ids: createSystemIds() }
}
