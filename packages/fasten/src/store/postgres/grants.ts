// SPDX-License-Identifier: Apache-2.0
import { FastenError, systemCode } from '../../core/error.ts'
import { prefixOf, ownTables } from './migrate.ts'
import { rights, rowRights, type Rights } from './rights.ts'
import { erasableTables } from './scrub.ts'
import type { Sql } from './sql.ts'

/** Database roles by what they may do. Each is a role that exists, or will by the time the SQL is run. */
export interface GrantedRoles {
  /** Adds rows and moves heads and spools; can neither change nor delete a row, nor create anything but the next partitions. */
  readonly writer?: string
  /** Reads. */
  readonly reader?: string
  /** What the writer may, and in addition takes the content out of rows whose time is up. */
  readonly sweeper?: string
}

/**
 * The SQL that gives roles the least they need in a schema of ours, one statement each, for the tables that are there now. Running it
 * again changes nothing; after an update of fasten it is run once more, for the tables that came with it.
 */
export async function grantStatements(
  sql: Sql,
  schema: string,
  roles: GrantedRoles,
): Promise<readonly string[]> {
  const prefix = prefixOf(schema)
  const own = [...(await ownTables(sql, schema)).keys()]
  const there = new Set(
    (
      await sql.run(
        `SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1`,
        [schema],
      )
    ).map(({ relname }) => String(relname)),
  )
  const tables: (readonly [table: string, rights: Rights])[] = [
    ...own.map((table) => [table, rowRights] as const),
    ...Object.entries(rights).filter(([table]) => there.has(table)),
  ]
  const statements = tables.map(([table]) => `REVOKE ALL ON ${prefix}"${table}" FROM PUBLIC`)
  const [version] = await sql.run("SELECT current_setting('server_version_num')::int AS number")
  for (const kind of ['reader', 'writer', 'sweeper'] as const) {
    const role = roles[kind]
    if (role === undefined) continue
    const name = `"${role.replaceAll('"', '""')}"`
    statements.push(`GRANT USAGE ON SCHEMA "${schema}" TO ${name}`)
    for (const [table, { [kind]: granted }] of tables)
      if (granted !== '') statements.push(`GRANT ${granted} ON ${prefix}"${table}" TO ${name}`)
    // Who erases has to write these tables anew; before version 17 only their owner may.
    if (kind === 'sweeper' && Number(version?.['number']) >= 170_000)
      for (const table of erasableTables)
        if (there.has(table)) statements.push(`GRANT MAINTAIN ON ${prefix}"${table}" TO ${name}`)
    if (kind !== 'reader')
      statements.push(`GRANT EXECUTE ON FUNCTION ${prefix}fasten_make_months(text, date, int) TO ${name}`)
  }
  return statements
}

/**
 * Runs the statements in one transaction. Throws FastenError `STORE_AUTH` when a role does not exist or this user may not grant; nothing
 * was changed then.
 */
export async function applyGrants(sql: Sql, statements: readonly string[], at: string): Promise<void> {
  try {
    await sql.run('BEGIN')
    for (const statement of statements) await sql.run(statement)
    await sql.commit()
  } catch (error) {
    await sql.rollback()
    const state = systemCode(error)
    if (state !== '42704' && state !== '42501') throw error
    throw new FastenError('STORE_AUTH', `the rights were not granted: ${(error as Error).message}`, {
      at,
      hint:
        state === '42704'
          ? `create the role first, e.g. CREATE ROLE fasten_writer LOGIN PASSWORD '…'`
          : 'use the DSN of the user that owns the tables',
      cause: error,
    })
  }
}
