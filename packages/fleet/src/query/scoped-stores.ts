// SPDX-License-Identifier: Apache-2.0
import { localReader, type Reader } from 'fasten/reader'
import { createSystemClock, openForReading, sha256, type RowSource } from 'fasten/store'
import { Pool } from 'pg'
import { noTenant } from '../database/tenant-scope.ts'
import type { FleetDatabase } from '../database/fleet-database.ts'
import { Problem } from '../web/problem.ts'
import { scopeKey, type ReadingScope } from './reading-scope.ts'
import { withinScope } from './within-scope.ts'

/** The rows of one scope, as long as it is held. */
export interface Lease {
  /** Bound by the database and, once more, by `withinScope`. */
  readonly reader: Reader
  /** Bound by the database. */
  readonly source: RowSource
  /** Connections of the same role with the same bonds, for questions of the fleet's own. */
  readonly sql: Pool
  /** Gives it back; harmless when called twice. */
  release(): void
}

export interface ScopedStores {
  /** Throws `Problem` 503 when every place is held by an answer that runs, and what `openForReading` throws. */
  take(scope: ReadingScope): Promise<Lease>
  /** Runs `work` with a lease and gives it back. */
  use<T>(scope: ReadingScope, work: (lease: Lease) => Promise<T>): Promise<T>
  /** Ends running tails and closes everything. */
  close(): Promise<void>
}

export interface ScopedStoresOptions {
  readonly database: Pick<FleetDatabase, 'readerUrl'>
  /** Scopes that are open at once, default 24. Each has up to six connections while it is asked, and none after ten quiet seconds. */
  readonly scopesMax?: number
  /** How long a scope that nobody asks for stays open, default 300,000 ms. */
  readonly idleMs?: number
}

interface Entry {
  readonly opening: Promise<Opened>
  leases: number
  idle: NodeJS.Timeout | undefined
}

interface Opened {
  readonly reader: Reader
  readonly source: RowSource
  readonly sql: Pool
}

/**
 * One store for each scope that is asked for: connections differ in what the database shows them, so they cannot be shared between scopes. What
 * is held by a running answer or tail is never closed; of the others, the one that has rested longest makes room.
 */
export function createScopedStores({
  database,
  scopesMax = 24,
  idleMs = 300_000,
}: ScopedStoresOptions): ScopedStores {
  // In the order in which they were last taken.
  const entries = new Map<string, Entry>()
  let isClosed = false

  function entryFor(scope: ReadingScope): Entry {
    const key = scopeKey(scope)
    const known = entries.get(key)
    if (known !== undefined) {
      entries.delete(key)
      entries.set(key, known)
      return known
    }
    if (entries.size >= scopesMax) makeRoom()
    const entry: Entry = { opening: open(database, scope), leases: 0, idle: undefined }
    entries.set(key, entry)
    entry.opening.catch(() => {
      // Whoever waits for it is told; the next one tries again.
      if (entries.get(key) === entry) entries.delete(key)
    })
    return entry
  }

  function makeRoom(): void {
    for (const [key, entry] of entries)
      if (entry.leases === 0) {
        drop(key, entry)
        return
      }
    throw new Problem(503, 'READER_BUSY', 'the rows of too many different scopes are being read', {
      retryAfterS: 5,
    })
  }

  function drop(key: string, entry: Entry): void {
    clearTimeout(entry.idle)
    if (entries.get(key) === entry) entries.delete(key)
    closeOpened(entry.opening).catch(() => {
      // Its connections were broken already; there is nothing left to give back.
    })
  }

  async function take(scope: ReadingScope): Promise<Lease> {
    if (isClosed) throw new Problem(503, 'FLEET_ENDING', 'this server is ending', { retryAfterS: 5 })
    const entry = entryFor(scope)
    entry.leases++
    clearTimeout(entry.idle)
    let isHeld = true
    const release = (): void => {
      if (!isHeld) return
      isHeld = false
      if (--entry.leases > 0 || isClosed) return
      const key = scopeKey(scope)
      entry.idle = setTimeout(() => {
        if (entry.leases === 0) drop(key, entry)
      }, idleMs)
      entry.idle.unref()
    }
    try {
      return { ...(await entry.opening), release }
    } catch (error) {
      release()
      throw error
    }
  }

  return {
    take,
    async use(scope, work) {
      const lease = await take(scope)
      try {
        return await work(lease)
      } finally {
        lease.release()
      }
    },
    async close() {
      isClosed = true
      for (const [key, entry] of entries) {
        clearTimeout(entry.idle)
        entries.delete(key)
        await closeOpened(entry.opening)
      }
    },
  }
}

async function open(database: Pick<FleetDatabase, 'readerUrl'>, scope: ReadingScope): Promise<Opened> {
  const dsn = await database.readerUrl(scope.tenants, scope.codes)
  const isBound = scope.tenants !== 'all' || scope.codes !== undefined
  const store = await openForReading(dsn, { at: 'the database of the fleet', isBound })
  const url = new URL(dsn)
  const options = `${url.searchParams.get('options') ?? ''} -c search_path=${url.searchParams.get('schema') ?? ''} -c timezone=UTC -c statement_timeout=30s`
  url.search = ''
  const sql = new Pool({
    connectionString: url.href,
    options,
    max: 2,
    connectionTimeoutMillis: 20_000,
    application_name: 'fleet reader',
  })
  sql.on('error', () => {
    // An idle connection broke; whoever needs one next opens another, or is told by its query.
  })
  const source = boundEstimates(store, scope)
  const sources = { streams: { audit: source, sys: source, api: source } }
  const whole = localReader({
    sources,
    digest: sha256,
    clock: createSystemClock(),
    release: () => store.close(),
  })
  return { reader: withinScope(whole, scope, sql), source, sql }
}

/**
 * What the database expects is of all rows, and whoever sees some tenants is told of theirs: each is asked for by name. Of rows without a tenant, which no filter
 * names, and of many tenants there is no estimate.
 */
function boundEstimates(source: RowSource, { tenants }: ReadingScope): RowSource {
  if (tenants === 'all') return source
  return {
    ...source,
    async estimate(stream, filter) {
      const named =
        filter.tenant_id === undefined ? tenants : tenants.filter((one) => one === filter.tenant_id)
      if (named.includes(noTenant) || named.length > estimatedTenantsMax) return null
      let rows = 0
      for (const tenant_id of named) {
        const expected = await source.estimate?.(stream, { ...filter, tenant_id })
        if (expected === undefined || expected === null) return null
        rows += expected
      }
      return rows
    },
  }
}

/** Each takes a plan of its own. */
const estimatedTenantsMax = 32

async function closeOpened(opening: Promise<Opened>): Promise<void> {
  const opened = await opening.catch(() => undefined)
  if (opened === undefined) return
  await opened.reader.close()
  await opened.sql.end()
}
