// SPDX-License-Identifier: Apache-2.0
import { FastenError } from '../../core/error.ts'
import { streams, type StreamName } from '../../core/row.ts'
import type { StreamTables } from '../row-tables.ts'
import type { SqliteConnection } from './driver.ts'
import { migrations as released, type Migration } from './schema.ts'

export interface MigrateOptions {
  readonly path: string
  readonly tables: StreamTables
  /** Canonical timestamp and writer for the file's birth record. */
  readonly createdAt: string
  readonly createdBy: string
  readonly migrations?: readonly Migration[]
}

/**
 * The file has the newest layout and a table for each of `tables`. All in one transaction: a crash leaves the old layout,
 * and of several processes that start at once one does the work while the others wait and find it done.
 *
 * Throws FastenError `STORE_SCHEMA_NEWER` when a newer fasten has been here, and `TABLE_FOREIGN` when a wanted table belongs to
 * somebody else; nothing was changed then.
 */
export function migrate(connection: SqliteConnection, options: MigrateOptions): void {
  if (isCurrent(connection, options)) return
  connection.exec('BEGIN IMMEDIATE')
  try {
    const { migrations = released } = options
    const version = schemaVersion(connection, options.path, migrations)
    const tables = ownTables(connection)
    for (const migration of migrations) {
      if (migration.version <= version) continue
      for (const statement of migration.statements) connection.exec(statement)
      for (const [table, stream] of tables) {
        for (const statement of migration.tableStatements(stream, table)) connection.exec(statement)
      }
    }
    if (version === 0) {
      setMeta(connection, 'created_at', options.createdAt)
      setMeta(connection, 'created_by', options.createdBy)
    }
    setMeta(connection, 'schema_version', String(latestVersion(migrations)))
    for (const [stream, table] of wanted(options.tables))
      createRowTable(connection, stream, table, tables, migrations)
    connection.exec('COMMIT')
  } catch (error) {
    rollback(connection)
    throw error
  }
}

/**
 * Throws FastenError `TABLE_FOREIGN` when one of `tables` exists and is not ours, or holds another stream. Reads only, so
 * that it can be asked before anything in somebody else's file is touched.
 */
export function refuseForeignTables(
  connection: SqliteConnection,
  { path, tables }: Pick<MigrateOptions, 'path' | 'tables'>,
): void {
  // One look at the file: another process may make our tables between two of these questions.
  connection.exec('BEGIN')
  try {
    const own = ownTables(connection)
    for (const [stream, table] of wanted(tables)) {
      const held = own.get(table)
      if (held === stream) continue
      if (held !== undefined) throw foreign(path, table, `holds the ${held} stream, not ${stream}`)
      if (hasTable(connection, table))
        throw foreign(path, table, 'was not created by this fasten and is never written')
    }
  } finally {
    rollback(connection)
  }
}

/** Our row tables in this file, with their streams; empty for a file we have not been in. */
export function ownTables(connection: SqliteConnection): ReadonlyMap<string, StreamName> {
  if (!hasTable(connection, 'fasten_tables')) return new Map()
  const rows = connection.prepare('SELECT table_name, stream FROM fasten_tables ORDER BY table_name').all()
  const known = streams as readonly string[]
  return new Map(
    rows.flatMap(({ table_name, stream }) =>
      known.includes(String(stream)) ? [[String(table_name), stream as StreamName] as const] : [],
    ),
  )
}

/** The layout's version: 0 for a file we have not been in. Throws FastenError `STORE_SCHEMA_NEWER` beyond what we know. */
export function schemaVersion(
  connection: SqliteConnection,
  path: string,
  migrations: readonly Migration[] = released,
): number {
  if (!hasTable(connection, 'fasten_meta')) return 0
  const value = connection.prepare("SELECT value FROM fasten_meta WHERE key = 'schema_version'").get()?.[
    'value'
  ]
  const version = Number(value ?? 0)
  const latest = latestVersion(migrations)
  if (version <= latest) return version
  throw new FastenError(
    'STORE_SCHEMA_NEWER',
    `the store has layout ${String(value)}, this fasten knows layouts up to ${latest}`,
    {
      at: path,
      hint: 'a newer fasten wrote it: update this one; going back needs a copy from before the update',
    },
  )
}

export function hasTable(connection: Pick<SqliteConnection, 'prepare'>, table: string): boolean {
  return (
    connection
      .prepare("SELECT 1 AS found FROM sqlite_schema WHERE type = 'table' AND name = ? COLLATE NOCASE")
      .get(table) !== undefined
  )
}

/** Ends the transaction without keeping it, whether or not SQLite has already ended it by itself. */
export function rollback(connection: SqliteConnection): void {
  try {
    connection.exec('ROLLBACK')
  } catch {
    // After a full disk or an I/O error SQLite has rolled back on its own and says that no transaction is active.
  }
}

function isCurrent(
  connection: SqliteConnection,
  { path, tables, migrations = released }: MigrateOptions,
): boolean {
  if (schemaVersion(connection, path, migrations) !== latestVersion(migrations)) return false
  const own = ownTables(connection)
  return wanted(tables).every(([stream, table]) => own.get(table) === stream && hasTable(connection, table))
}

function createRowTable(
  connection: SqliteConnection,
  stream: StreamName,
  table: string,
  own: ReadonlyMap<string, StreamName>,
  migrations: readonly Migration[],
): void {
  // A table of ours that somebody dropped is made again: its logs then lack their rows, which append and verify notice.
  if (own.get(table) === stream && hasTable(connection, table)) return
  for (const migration of migrations) {
    for (const statement of migration.tableStatements(stream, table)) connection.exec(statement)
  }
  connection
    .prepare('INSERT OR REPLACE INTO fasten_tables (table_name, stream) VALUES (?, ?)')
    .run(table, stream)
}

function setMeta(connection: SqliteConnection, key: string, value: string): void {
  connection.prepare('INSERT OR REPLACE INTO fasten_meta (key, value) VALUES (?, ?)').run(key, value)
}

function latestVersion(migrations: readonly Migration[]): number {
  return migrations.at(-1)?.version ?? 0
}

function wanted(tables: StreamTables): (readonly [StreamName, string])[] {
  return streams.flatMap((stream) =>
    tables[stream] === undefined ? [] : [[stream, tables[stream]] as const],
  )
}

function foreign(path: string, table: string, why: string): FastenError {
  return new FastenError('TABLE_FOREIGN', `the table "${table}" ${why}`, {
    at: path,
    hint: `it can be read as it is; name another one for new rows: ?table=${table}_2`,
  })
}
