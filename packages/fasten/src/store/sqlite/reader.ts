// SPDX-License-Identifier: Apache-2.0
import { streams, type StreamName } from '../../core/row.ts'
import { isTableName } from '../dsn.ts'
import { readableTables } from '../readable-tables.ts'
import { defaultTables, type StreamTables } from '../row-tables.ts'
import type { EvidenceRow, RowSource, StoreDescription } from '../ports.ts'
import type { ErasureLedger } from '../privacy/erasure-ledger.ts'
import type { KeyStore } from '../privacy/key-store.ts'
import type { SealedValues } from '../privacy/personal-store.ts'
import { createPersonalEvidence, sealedFrom, type BoxAt } from '../privacy/sealed-from.ts'
import { readCheckpoints, readLeafHashes, readDeclaring } from './checkpoints.ts'
import type { SqliteConnection, SqliteDriver } from './driver.ts'
import { evidencePage, logNamed, logsOf, logsWithoutTable, placeBefore, type KnownLog } from './evidence.ts'
import { resultFamily, sqliteBusy, storeFault } from './fault.ts'
import { createLegacyView, isLegacyTable, legacySummary, legacyVerdicts, legacyView } from './legacy-table.ts'
import { hasTable, ownTables, schemaVersion } from './migrate.ts'
import { isStale, openReading, type OpenFile } from './open.ts'
import { closeQuietly, isPrivate } from './replacement.ts'
import { shippedLogs } from './retention-tables.ts'
import { count, scan } from './scan.ts'
import { createStatements, type Statements } from './statements.ts'
import { summaryOf } from './summary.ts'
import type { SqliteWriter } from './writer.ts'

export interface SqliteReaderOptions {
  readonly path: string
  /** Undefined: whatever tables of ours the file has. */
  readonly tables: StreamTables | undefined
  readonly onlyTable: string | undefined
  readonly driver: SqliteDriver
  readonly busyTimeoutMs: number
  /** Whose connection to share when the store is private. */
  readonly writer: SqliteWriter | undefined
  readonly keys: KeyStore
  readonly ledger: ErasureLedger | null
}

export interface SqliteReader {
  readonly source: RowSource
  /** Logs that declare the key, and how many rows of each are signed. */
  declaring(publicKey: string): Promise<ReturnType<typeof readDeclaring>>
  /** Reads what is committed now, on the reader's connection. */
  read<T>(work: (statements: Statements, tables: ReadonlyMap<StreamName, string>) => T): T
  close(): void
}

/**
 * The reading half over one file, on a connection of its own: it sees committed rows, never waits for the writer, and holds no
 * snapshot between two calls, so that it cannot keep the write-ahead log from being moved into the file.
 *
 * Throws FastenError `STORE_MISSING` when there is no file, `STORE_EMPTY` when it holds no rows of ours.
 */
export function openSqliteReader(options: SqliteReaderOptions): SqliteReader {
  const { path, writer } = options
  let current: Session | undefined = connect()

  function connect(): Session {
    if (isPrivate(path) && writer !== undefined) return sessionOf(undefined, writer.connection())
    const file = openReading(options)
    try {
      return sessionOf(file, file.connection)
    } catch (error) {
      closeQuietly(file.connection)
      throw storeFault(error, path)
    }
  }

  function sessionOf(file: OpenFile | undefined, connection: OpenFile['connection']): Session {
    schemaVersion(connection, path)
    const listed = ownTables(connection)
    // Somebody may have dropped a table and left it in the list, or written there what is no name.
    const own = new Map([...listed].filter(([table]) => isTableName(table) && hasTable(connection, table)))
    const statements = createStatements(connection)
    const legacyTable = legacyTableOf(connection, own, options)
    if (legacyTable !== undefined) {
      createLegacyView(connection, legacyTable)
      const tables = new Map([['audit', legacyView] as const])
      const about = { others: [], isPartial: false, hasCheckpoints: false, isLost: () => false }
      return { file, tables, statements, legacyTable, ...about }
    }
    const isLost = (table: string): boolean => !own.has(table) && isAskedFor(table, options)
    if (own.size > 0 && !hasTable(connection, 'fasten_logs')) connection.exec(noLogs)
    const hasLost = hasTable(connection, 'fasten_logs') && logsWithoutTable(statements, isLost).length > 0
    const tables = readableTables(own, {
      ...options,
      mayBeNone: hasLost,
      place: `"${path}"`,
      at: path,
      hint: 'check the path, or write to it first',
    })
    const used = new Set(tables.values())
    const others = options.tables === undefined ? [...own.keys()].filter((table) => !used.has(table)) : []
    // A writer may yet create the tables that are not there.
    const isPartial = tables.size < Object.keys(options.tables ?? {}).length
    const hasCheckpoints = hasTable(connection, 'fasten_checkpoints')
    return { file, tables, others, isPartial, statements, legacyTable, hasCheckpoints, isLost }
  }

  function attempt<T>(work: (session: Session) => T): T {
    try {
      if (current?.file !== undefined && (current.isPartial || isStale(current.file, path))) drop()
      current ??= connect()
      return work(current)
    } catch (error) {
      if (resultFamily(error) !== undefined && resultFamily(error) !== sqliteBusy) drop()
      throw storeFault(error, path)
    }
  }

  function drop(): void {
    if (current?.file !== undefined) closeQuietly(current.file.connection)
    current = undefined
  }

  function logs({ statements, tables, isLost, legacyTable }: Session): KnownLog[] {
    if (legacyTable !== undefined) return []
    return [
      ...[...tables].flatMap(([stream, table]) => logsOf(statements, stream, table)),
      ...logsWithoutTable(statements, isLost),
    ]
  }

  async function* evidence(log: string, fromSeq = 0, toSeq?: number): AsyncGenerator<EvidenceRow> {
    const known = attempt(({ statements, tables, legacyTable }) => {
      if (legacyTable !== undefined) return undefined
      for (const [stream, table] of tables) {
        const found = logNamed(statements, stream, table, log)
        if (found !== undefined) return found
      }
      return undefined
    })
    if (known === undefined) return
    let after = placeBefore(fromSeq)
    for (;;) {
      // Page by page, so that neither memory nor a snapshot grows with the log.
      const { rows, last } = attempt(({ statements }) =>
        evidencePage(statements, known, { after, toSeq, limit: evidenceRows }),
      )
      yield* await withDisclosures(rows)
      if (last === undefined || rows.length < evidenceRows) return
      after = last
    }
  }

  const withDisclosures = createPersonalEvidence((stream, positions) => sealedValues(stream, positions))

  const sealedValues: SealedValues = async (stream, positions) => {
    if (stream !== 'audit' || positions.length === 0) return []
    const boxes = attempt(({ statements, legacyTable }) =>
      legacyTable !== undefined ? [] : boxesAt(statements, positions),
    )
    return sealedFrom(boxes, options.keys, options.ledger)
  }

  const source: RowSource = {
    sealedValues,
    valuesUnder: async (keyIds) =>
      attempt(({ statements: { prepare } }) => {
        if (!keepsValues(prepare)) return 0
        const found = prepare(
          'SELECT count(*) AS n FROM fasten_disclosures WHERE box IS NOT NULL AND key_id IN (SELECT value FROM json_each(?))',
        ).get(JSON.stringify(keyIds))
        return Number(found?.['n'])
      }),
    scan: async (query) =>
      attempt(({ statements, tables }) => {
        const table = tables.get(query.stream)
        const rows = table === undefined ? [] : scan(statements, table, query)
        // What a legacy row's hash was made of lies in its columns, not in a text that could be shown.
        return table === legacyView ? rows.map((row) => ({ ...row, leaf: null })) : rows
      }),
    count: async (stream, filter, atMost) =>
      attempt(({ statements, tables }) => {
        const table = tables.get(stream)
        return table === undefined ? 0 : count(statements, table, stream, filter, atMost)
      }),
    heads: async () =>
      attempt((session) =>
        logs(session).map(({ log, stream, size, head_hash }) => ({ log, stream, size, head_hash })),
      ),
    evidence,
    position: async (stream) =>
      attempt(({ statements, tables }) => {
        const table = tables.get(stream)
        return table === undefined ? 0 : newestPosition(statements, table)
      }),
    summary: async (stream, since, until) =>
      attempt((session) => {
        const table = session.tables.get(stream)
        if (table === undefined) return []
        if (table === legacyView) return legacySummary(session.statements, since, until)
        return summaryOf(session.statements, table, logsOf(session.statements, stream, table), since, until)
      }),
    describe: async () => attempt((session) => describe(session, options)),
    legacyVerdicts: async (digest) =>
      attempt(({ statements, legacyTable }) =>
        legacyTable === undefined ? [] : legacyVerdicts(statements, legacyTable, digest),
      ),
    checkpoints: async (query) =>
      attempt(({ statements, tables, hasCheckpoints }) =>
        hasCheckpoints ? readCheckpoints(statements, tables, query) : [],
      ),
    leafHashes: async (log, from, to) =>
      attempt(({ statements, tables }) => readLeafHashes(statements, tables, log, from, to)),
    shipped: async () => attempt(({ statements, tables }) => shippedLogs(statements, tables)),
  }
  const declaring: SqliteReader['declaring'] = async (publicKey) =>
    attempt(({ statements, tables }) => readDeclaring(statements, tables, publicKey))
  return {
    source,
    declaring,
    read: (work) => attempt(({ statements, tables }) => work(statements, tables)),
    close: drop,
  }
}

interface Session {
  readonly file: OpenFile | undefined
  readonly tables: ReadonlyMap<StreamName, string>
  /** Tables with rows of ours that were not asked for. */
  readonly others: readonly string[]
  readonly isPartial: boolean
  /** True for the name of a table of ours that should be read here and is not there any more. */
  readonly isLost: (table: string) => boolean
  /** The table of the published SDKs that is read instead of ours. */
  readonly legacyTable: string | undefined
  /** False for a file that was last written before there were checkpoints. */
  readonly hasCheckpoints: boolean
  readonly statements: Statements
}

/** Rows read at a time for verification: enough to make the query's own cost vanish, at most 16 MiB of leaves. */
const evidenceRows = 256

/** The table that was asked for, or the usual one of a file that has none of ours, if a published SDK made it. */
function legacyTableOf(
  connection: SqliteConnection,
  own: ReadonlyMap<string, StreamName>,
  { tables, onlyTable }: SqliteReaderOptions,
): string | undefined {
  const table = onlyTable ?? (tables === undefined ? defaultTables.audit : tables.audit)
  const mayBe = table !== undefined && !own.has(table) && (own.size === 0 || onlyTable !== undefined)
  return mayBe && isLegacyTable(connection, table) ? table : undefined
}

/** A file of an earlier layout has no place for them. */
const keepsValues = (prepare: Statements['prepare']): boolean =>
  prepare("SELECT 1 AS found FROM sqlite_schema WHERE name = 'fasten_disclosures'").get() !== undefined

function boxesAt({ prepare }: Statements, positions: readonly number[]): readonly BoxAt[] {
  if (!keepsValues(prepare)) return []
  return prepare(`
    SELECT position, pointer, fasten_disclosures.key_id, box, fasten_erased_keys.key_id AS erased
    FROM fasten_disclosures LEFT JOIN fasten_erased_keys USING (key_id)
    WHERE position IN (SELECT value FROM json_each(?)) ORDER BY position, pointer`)
    .all(JSON.stringify(positions))
    .map((row) => ({
      position: Number(row['position']),
      pointer: String(row['pointer']),
      key_id: String(row['key_id']),
      box: row['box'] instanceof Uint8Array ? row['box'] : null,
      isErased: row['erased'] !== null,
    }))
}

function newestPosition({ prepare }: Statements, table: string): number {
  // A row at a position that no counter reaches would hide every later one from those who follow.
  const found = prepare(`
    SELECT max(ifnull((SELECT max(position) FROM ${table} WHERE position < ${1e15}), 0),
      ifnull((SELECT max(position) FROM fasten_logs WHERE table_name = ? AND position < ${1e15}), 0)) AS position`).get(
    table,
  )
  return Number(found?.['position'] ?? 0)
}

function describe(
  { statements: { prepare }, tables, others, legacyTable }: Session,
  { path, driver, onlyTable }: SqliteReaderOptions,
): StoreDescription {
  const version = String(prepare('SELECT sqlite_version() AS version').get()?.['version'])
  let rows = 0
  let newest = ''
  const isLegacy = legacyTable !== undefined
  if (isLegacy) {
    const found = prepare(`SELECT count(*) AS rows, max(timestamp) AS newest FROM ${legacyView}`).get()
    rows = Number(found?.['rows'])
    newest = String(found?.['newest'] ?? '')
  }
  for (const table of isLegacy ? [] : tables.values()) {
    const found = prepare(
      'SELECT ifnull(sum(size), 0) AS rows, ifnull(max(moved_at), ?) AS moved_at FROM fasten_logs WHERE table_name = ?',
    ).get('', table)
    rows += Number(found?.['rows'] ?? 0) - expiredRows(prepare, table)
    const moved_at = String(found?.['moved_at'] ?? '')
    if (moved_at > newest) newest = moved_at
  }
  return {
    kind: 'sqlite',
    dsn: `sqlite:///${path.replace(/[%?]/g, encodeURIComponent)}`,
    version: `${version} (${driver.name})`,
    streams: streams.filter((stream) => tables.has(stream)),
    rows,
    last_insert_at: newest === '' ? null : newest,
    isDurable: !isPrivate(path),
    // Who names one table has asked for no other.
    ...(others.length === 0 || onlyTable !== undefined ? {} : { unread: others }),
    warnings: [
      ...versionWarnings(version),
      ...(isLegacy
        ? [
            `"${legacyTable}" was written by a published fasten SDK (forms 1 and 2) and is only ever read here`,
          ]
        : []),
      ...others.map(
        (table) =>
          `the file also holds the table "${table}", which is not read here: name it with ?table=${table}`,
      ),
    ],
  }
}

/** Rows of a table whose content is gone: a log counts them, the store has them no more. */
function expiredRows(prepare: Statements['prepare'], table: string): number {
  if (!hasTable({ prepare }, 'fasten_retention')) return 0
  const found = prepare(`
    SELECT ifnull(sum(expired), 0) AS expired FROM fasten_retention JOIN fasten_logs USING (log_id) WHERE table_name = ?`)
  return Number(found.get(table)?.['expired'] ?? 0)
}

/** SQLite before 3.51.3 can damage a file in WAL mode that several connections use. */
export function versionWarnings(version: string): string[] {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number)
  const isSafe = major > 3 || (major === 3 && (minor > 51 || (minor === 51 && patch >= 3)))
  if (isSafe) return []
  return [
    `SQLite ${version} has a bug that can damage a database in WAL mode; 3.51.3 and newer do not: update Node.js`,
  ]
}

/** Stands in where somebody dropped the table of logs: rows are then found by the log that they carry, which no head knows. */
const noLogs = `CREATE TEMP TABLE IF NOT EXISTS fasten_logs (
  log_id INTEGER, table_name TEXT, log TEXT, size INTEGER, head_hash TEXT, position INTEGER, moved_at TEXT,
  public_keys TEXT)`

function isAskedFor(table: string, { tables, onlyTable }: SqliteReaderOptions): boolean {
  if (onlyTable !== undefined) return onlyTable === table
  return tables === undefined || Object.values(tables).includes(table)
}
