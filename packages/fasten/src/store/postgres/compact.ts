// SPDX-License-Identifier: Apache-2.0
import type { Compaction } from '../retention/pruner.ts'
import type { Sql } from './sql.ts'

/**
 * Gives the space of swept rows back. A partition of an earlier month in which nothing is left is dropped. Others that have mostly
 * dead rows are vacuumed, which cuts free pages off their ends; when it `mayRewrite`, they are written anew, indices and all, while
 * whoever wants to read that month waits. Both take new samples for the planner, so that the server keeps none of rows that are gone. The partition that rows go into now is left to the server's own vacuum.
 */
export async function compactPartitions(
  sql: Sql,
  {
    prefix,
    tables,
    touched,
    mayRewrite,
  }: {
    readonly prefix: string
    readonly tables: readonly string[]
    /** Oids of partitions that were just deleted from. */
    readonly touched: ReadonlySet<string>
    readonly mayRewrite: boolean
  },
): Promise<Compaction> {
  for (const { name, oid, isDead: isKnown } of await earlierMonths(sql, prefix, tables)) {
    const isDead = isKnown || touched.has(oid)
    if (await isEmpty(sql, name)) await dropEmpty(sql, name)
    else if (isDead)
      await sql.run(mayRewrite ? `VACUUM (FULL, ANALYZE) ${name}` : `VACUUM (TRUNCATE, ANALYZE) ${name}`)
  }
  const [row] = await sql.run(
    `SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0) AS bytes FROM unnest($1::text[]) AS t (name)
    JOIN pg_inherits i ON i.inhparent = to_regclass($2 || quote_ident(t.name)) JOIN pg_class c ON c.oid = i.inhrelid`,
    [tables, prefix],
  )
  return { bytes: Number(row?.['bytes'] ?? 0), freeBytes: 0, needsRewrite: false }
}

export interface Month {
  /** Quoted, with its schema. */
  readonly name: string
  readonly oid: string
  /** True when a fifth of its rows and more are gone and still take space. */
  readonly isDead: boolean
}

/** Partitions of months that are over, by the clock of the database, as far as this user owns them: nobody else may drop or vacuum one. */
export async function earlierMonths(
  sql: Sql,
  prefix: string,
  tables: readonly string[],
): Promise<readonly Month[]> {
  const rows = await sql.run(
    `SELECT format('%I.%I', n.nspname, c.relname) AS name, c.oid::bigint AS oid,
      pg_stat_get_dead_tuples(c.oid) * 5 >= pg_stat_get_live_tuples(c.oid) AND pg_stat_get_dead_tuples(c.oid) > 0 AS dead,
      substring(pg_get_expr(c.relpartbound, c.oid) FROM 'TO \\(''(\\d{4}-\\d{2}-\\d{2})''\\)') AS ends
    FROM unnest($1::text[]) AS t (name)
    JOIN pg_inherits i ON i.inhparent = to_regclass($2 || quote_ident(t.name))
    JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE pg_has_role(c.relowner, 'USAGE') ORDER BY 1`,
    [tables, prefix],
  )
  const [today] = await sql.run("SELECT (now() AT TIME ZONE 'UTC')::date::text AS today")
  return rows
    .filter(({ ends }) => typeof ends === 'string' && ends <= String(today?.['today']))
    .map(({ name, oid, dead }) => ({ name: String(name), oid: String(oid), isDead: dead === true }))
}

async function isEmpty(sql: Sql, name: string): Promise<boolean> {
  return (await sql.run(`SELECT 1 FROM ${name} LIMIT 1`)).length === 0
}

/** Nobody puts rows into a month that is over, but the look before the lock proves nothing. */
async function dropEmpty(sql: Sql, name: string): Promise<void> {
  await sql.run('BEGIN')
  try {
    await sql.run(`LOCK TABLE ${name} IN ACCESS EXCLUSIVE MODE`)
    if (await isEmpty(sql, name)) await sql.run(`DROP TABLE ${name}`)
    await sql.commit()
  } catch (error) {
    await sql.rollback()
    throw error
  }
}
