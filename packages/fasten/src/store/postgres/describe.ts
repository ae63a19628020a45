// SPDX-License-Identifier: Apache-2.0
import type { Sql } from './sql.ts'

export interface ServerDescription {
  readonly version: string
  /** False when the server was told not to flush what it commits. */
  readonly isDurable: boolean
  /** What its administrator should know; lower-case sentences. */
  readonly warnings: readonly string[]
}

/** The oldest major version of Postgres that gets fixes. */
export const oldestSupported = 14

/** What the server says of itself, as far as rows depend on it. */
export async function describeServer(
  sql: Sql,
  schema: string,
  tables: readonly string[],
): Promise<ServerDescription> {
  const [row] = await sql.run(
    `SELECT current_setting('server_version') AS version, current_setting('server_version_num')::int AS number,
      current_setting('fsync') AS fsync, current_setting('full_page_writes') AS pages,
      pg_is_in_recovery() AS standby, to_char(now() AT TIME ZONE 'UTC' + interval '1 month', 'YYYY-MM') AS next_month,
      current_setting('server_encoding') AS encoding`,
  )
  const nextMonth = String(row?.['next_month'])
  const warnings: string[] = []
  if (row?.['fsync'] === 'off')
    warnings.push('fsync is off: a loss of power can lose committed rows and damage the database; turn it on')
  if (row?.['pages'] === 'off')
    warnings.push('full_page_writes is off: a loss of power can damage the database; turn it on')
  if (row?.['standby'] === true) warnings.push('this is a standby: it shows what the primary has sent so far')
  if (row?.['encoding'] !== 'UTF8')
    warnings.push(
      `the database has the encoding ${String(row?.['encoding'])}, which cannot hold every row: use UTF8`,
    )
  if (Number(row?.['number']) < oldestSupported * 10_000)
    warnings.push(
      `Postgres ${String(row?.['version'])} gets no fixes any more: update to ${oldestSupported} or newer`,
    )
  for (const table of tables) {
    if (!(await hasMonth(sql, schema, table, nextMonth)))
      warnings.push(
        `"${table}" has no partition for ${nextMonth} yet: the writer makes it when it may execute fasten_make_months`,
      )
  }
  return {
    version: String(row?.['version']),
    isDurable: row?.['fsync'] !== 'off',
    warnings,
  }
}

/** Whether some partition takes rows of the first day of a month (`YYYY-MM`). */
async function hasMonth(sql: Sql, schema: string, table: string, month: string): Promise<boolean> {
  const rows = await sql.run(
    `SELECT 1 FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhparent JOIN pg_namespace n ON n.oid = p.relnamespace
      JOIN pg_class c ON c.oid = i.inhrelid
    WHERE n.nspname = $1 AND p.relname = $2
      AND pg_get_expr(c.relpartbound, c.oid) LIKE 'FOR VALUES FROM (''' || $3 || '-01'')%'`,
    [schema, table, month],
  )
  return rows.length > 0
}
