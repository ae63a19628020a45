// SPDX-License-Identifier: Apache-2.0
import { FastenError, systemCode } from '../../core/error.ts'
import { streams, type StreamName } from '../../core/row.ts'
import type { StreamTables } from '../row-tables.ts'
import { lockClass, migrations as released, type Migration } from './schema.ts'
import type { Sql } from './sql.ts'

export interface MigrateOptions {
  /** Bare name. */
  readonly schema: string
  /** The DSN without secrets. */
  readonly at: string
  readonly tables: StreamTables
  /** Canonical timestamp and writer for the schema's birth record. */
  readonly createdAt: string
  readonly createdBy: string
  readonly migrations?: readonly Migration[]
}

/** A schema's name as it stands before a table's. */
export const prefixOf = (schema: string): string => `"${schema}".`

/**
 * The schema has the newest layout and a table for each of `tables`. All in one transaction under one lock: a crash leaves the old
 * layout, and of several processes that start at once one does the work while the others wait and find it done.
 *
 * A user who may create nothing can call this as long as nothing is to be created. Throws FastenError `STORE_SCHEMA_NEWER` when a
 * newer fasten has been here, `STORE_SCHEMA_OLDER` when something must be created and this user may not, and `TABLE_FOREIGN` when a
 * wanted table belongs to somebody else; nothing was changed then.
 */
export async function migrate(sql: Sql, options: MigrateOptions): Promise<void> {
  if (await isCurrent(sql, options)) return
  const { schema, at, migrations = released } = options
  try {
    await sql.run('BEGIN')
    await sql.run('SELECT pg_advisory_xact_lock($1, hashtext($2))', [lockClass, schema])
    await migrateLocked(sql, options, migrations)
    await sql.run('COMMIT')
  } catch (error) {
    await sql.rollback()
    if (systemCode(error) !== '42501') throw error
    throw new FastenError(
      'STORE_SCHEMA_OLDER',
      `the schema "${schema}" must be brought to layout ${latest(migrations)}, and this user may not change it`,
      {
        at,
        hint: 'run this once with the DSN of the owner: fasten postgres migrate DSN',
        cause: error,
      },
    )
  }
}

async function migrateLocked(
  sql: Sql,
  options: MigrateOptions,
  migrations: readonly Migration[],
): Promise<void> {
  const { schema } = options
  const prefix = prefixOf(schema)
  // Asked first: creating a schema that is there needs a permission too.
  if ((await sql.run('SELECT 1 FROM pg_namespace WHERE nspname = $1', [schema])).length === 0)
    await sql.run(`CREATE SCHEMA "${schema}"`)
  const version = await schemaVersion(sql, options)
  const own = await ownTables(sql, schema)
  await refuseForeign(sql, own, options)
  for (const migration of migrations) {
    if (migration.version <= version) continue
    for (const statement of migration.statements(prefix)) await sql.run(statement)
    for (const [table, stream] of own)
      for (const statement of migration.tableStatements(stream, prefix, table)) await sql.run(statement)
  }
  if (version === 0) {
    await setMeta(sql, prefix, 'created_at', options.createdAt)
    await setMeta(sql, prefix, 'created_by', options.createdBy)
  }
  await setMeta(sql, prefix, 'schema_version', String(latest(migrations)))
  for (const [stream, table] of wanted(options.tables)) {
    // A table of ours that somebody dropped is made again: its logs then lack their rows, which append and verify notice.
    if (own.get(table) === stream && (await hasTable(sql, schema, table))) continue
    for (const migration of migrations)
      for (const statement of migration.tableStatements(stream, prefix, table)) await sql.run(statement)
    await sql.run(
      `INSERT INTO ${prefix}fasten_tables (table_name, stream) VALUES ($1, $2)
      ON CONFLICT (table_name) DO UPDATE SET stream = excluded.stream`,
      [table, stream],
    )
  }
}

/** Our row tables in this schema, with their streams; empty for one we have not been in. */
export async function ownTables(sql: Sql, schema: string): Promise<ReadonlyMap<string, StreamName>> {
  if (!(await hasTable(sql, schema, 'fasten_tables'))) return new Map()
  const rows = await sql.run(
    `SELECT table_name, stream FROM ${prefixOf(schema)}fasten_tables ORDER BY table_name`,
  )
  const known = streams as readonly string[]
  return new Map(
    rows.flatMap(({ table_name, stream }) =>
      known.includes(String(stream)) ? [[String(table_name), stream as StreamName] as const] : [],
    ),
  )
}

/** The layout's version: 0 for a schema we have not been in. Throws FastenError `STORE_SCHEMA_NEWER` beyond what we know. */
export async function schemaVersion(
  sql: Sql,
  { schema, at, migrations = released }: Pick<MigrateOptions, 'schema' | 'at' | 'migrations'>,
): Promise<number> {
  if (!(await hasTable(sql, schema, 'fasten_meta'))) return 0
  const [row] = await sql.run(`SELECT value FROM ${prefixOf(schema)}fasten_meta WHERE key = 'schema_version'`)
  const version = Number(row?.['value'] ?? 0)
  if (version <= latest(migrations)) return version
  throw new FastenError(
    'STORE_SCHEMA_NEWER',
    `the store has layout ${version}, this fasten knows layouts up to ${latest(migrations)}`,
    {
      at,
      hint: 'a newer fasten wrote it: update this one; going back needs a copy from before the update',
    },
  )
}

export async function hasTable(sql: Sql, schema: string, table: string): Promise<boolean> {
  const rows = await sql.run(
    `SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p', 'v', 'm', 'f')`,
    [schema, table],
  )
  return rows.length > 0
}

/**
 * The schema that names without one lie in: what the DSN says, or where the user's search path leads. Throws FastenError
 * `STORE_MISSING` when it leads nowhere.
 */
export async function resolveSchema(sql: Sql, asked: string | undefined, at: string): Promise<string> {
  if (asked !== undefined) return asked
  const [row] = await sql.run('SELECT current_schema() AS schema')
  const schema = row?.['schema']
  if (typeof schema === 'string') return schema
  throw new FastenError('STORE_MISSING', 'this user has no schema to keep tables in', {
    at,
    hint: 'name one in the DSN: ?schema=audit',
  })
}

async function isCurrent(sql: Sql, options: MigrateOptions): Promise<boolean> {
  const { schema, tables, migrations = released } = options
  if ((await schemaVersion(sql, options)) !== latest(migrations)) return false
  // A table that is not ours is refused under the lock: without it another process may be making it just now.
  const own = await ownTables(sql, schema)
  for (const [stream, table] of wanted(tables))
    if (own.get(table) !== stream || !(await hasTable(sql, schema, table))) return false
  return true
}

async function refuseForeign(
  sql: Sql,
  own: ReadonlyMap<string, StreamName>,
  { schema, at, tables }: MigrateOptions,
): Promise<void> {
  for (const [stream, table] of wanted(tables)) {
    const held = own.get(table)
    if (held === stream) continue
    if (held !== undefined) throw foreign(at, table, `holds the ${held} stream, not ${stream}`)
    if (await hasTable(sql, schema, table))
      throw foreign(at, table, 'was not created by this fasten and is never written')
  }
}

async function setMeta(sql: Sql, prefix: string, key: string, value: string): Promise<void> {
  await sql.run(
    `INSERT INTO ${prefix}fasten_meta (key, value) VALUES ($1, $2)
    ON CONFLICT (key) DO UPDATE SET value = excluded.value`,
    [key, value],
  )
}

const latest = (migrations: readonly Migration[]): number => migrations.at(-1)?.version ?? 0

function wanted(tables: StreamTables): (readonly [StreamName, string])[] {
  return streams.flatMap((stream) =>
    tables[stream] === undefined ? [] : [[stream, tables[stream]] as const],
  )
}

function foreign(at: string, table: string, why: string): FastenError {
  return new FastenError('TABLE_FOREIGN', `the table "${table}" ${why}`, {
    at,
    hint: `it can be read as it is; name another one for new rows: ?table=${table}_2`,
  })
}
