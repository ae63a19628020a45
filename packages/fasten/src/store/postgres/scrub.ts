// SPDX-License-Identifier: Apache-2.0
import { systemCode } from '../../core/error.ts'
import type { Scrubbed } from '../privacy/personal-store.ts'
import { isWithoutKeys } from './key-store.ts'
import type { Sql } from './sql.ts'

/** Columns with what an erasure destroys, and their types. */
const erasable: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  fasten_disclosures: { lookup: 'text COLLATE "C"', box: 'bytea' },
  fasten_data_keys: { wrapped: 'text' },
  // A draft that waits brings its keys and values along.
  fasten_outbox: { frame: 'bytea' },
}
export const erasableTables: readonly string[] = Object.keys(erasable)

/**
 * Takes what was erased out of the files of the database: the tables are written anew, without the old versions of their rows, and so
 * are the planner's statistics, in which the server keeps samples of values long after their rows are gone. Since layout 7 it samples
 * none of these columns; what it sampled before is forgotten here.
 *
 * `sql` is outside of any transaction, after the one that erased. The tables are locked while they are written, and so is all planning in
 * the database while its statistics are. What this role may not do, or what others' transactions prevent, is in the answer.
 */
export async function scrubTables(sql: Sql, prefix: string): Promise<Scrubbed> {
  const sampled = await forgetSamples(sql, prefix)
  const holders = await waitForOthers(sql)
  const kept: string[] = []
  for (const name of erasableTables) if (!(await rewrite(sql, `${prefix}${name}`))) kept.push(name)
  const areStatisticsNew = await rewriteStatistics(sql)
  try {
    await sql.run('CHECKPOINT')
  } catch (error) {
    // Only some roles may ask for one; the server makes its own within minutes.
    if (!isWithoutKeys(error)) throw error
  }
  const open = [
    ...(kept.length === 0
      ? []
      : [
          `this role may not write ${kept.join(', ')} anew, whose files hold what was erased: run the erasure again with the DSN of their owner`,
        ]),
    ...(sampled.length === 0
      ? []
      : [
          `the planner's statistics hold samples of ${sampled.join(', ')} (pg_stats), and this role may not delete them: run the erasure again with the DSN of the tables' owner`,
        ]),
    ...(holders.length === 0
      ? []
      : [
          `transactions from before the erasure (server processes ${holders.join(', ')}) keep what was erased in the files of the tables: run it again once they have ended`,
        ]),
  ]
  return {
    done:
      open.length > 0
        ? []
        : ['the encrypted values and their look-ups are deleted from the files of the tables'],
    open,
    remaining: [
      "the server's write-ahead log holds the encrypted values and wrapped keys until it is recycled, its archive and standbys for as long as they are kept",
      ...(areStatisticsNew
        ? []
        : [
            "the file of the planner's statistics may hold samples of encrypted values and wrapped keys that a layout before 7 had the server take, until it is overwritten: the owner of the database does that with VACUUM FULL pg_statistic",
          ]),
    ],
  }
}

/** Deletes the samples of erasable columns; the columns (`table.column`) of which some remain. */
async function forgetSamples(sql: Sql, prefix: string): Promise<readonly string[]> {
  for (const { table, column } of await samplesIn(sql, prefix)) {
    const type = erasable[table]?.[column]
    try {
      // A column that is given its type again loses its samples, on every version and for every owner; the rows stay where they are.
      if (type !== undefined)
        await sql.run(
          `ALTER TABLE ${prefix}${table} ALTER COLUMN ${column} SET STATISTICS 0, ALTER COLUMN ${column} TYPE ${type}`,
        )
    } catch (error) {
      // Not the owner, or a view of somebody's uses the column: the look below says what is left.
      if (!['42501', '0A000'].includes(systemCode(error) ?? '')) throw error
    }
  }
  return (await samplesIn(sql, prefix)).map(({ table, column }) => `${table}.${column}`)
}

async function samplesIn(
  sql: Sql,
  prefix: string,
): Promise<readonly { readonly table: string; readonly column: string }[]> {
  const rows = await sql.run(
    `SELECT tablename, attname FROM pg_stats WHERE '"' || schemaname || '".' = $1 AND tablename = ANY($2) ORDER BY 1, 2`,
    [prefix, erasableTables],
  )
  return rows
    .map(({ tablename, attname }) => ({ table: String(tablename), column: String(attname) }))
    .filter(({ table, column }) => erasable[table]?.[column] !== undefined)
}

/**
 * Waits until no transaction in this database can see rows as they were before now, for ten seconds at most: a table that is written anew
 * keeps the versions that somebody can see. The server processes of those that remain. A vacuum sees nothing, and a
 * transaction that is known to have no snapshot neither.
 */
async function waitForOthers(sql: Sql): Promise<readonly number[]> {
  let others = await transactions(sql)
  for (let tries = 0; others.size > 0 && tries < waits; tries++) {
    await sql.run(`SELECT pg_sleep(${waitSeconds})`)
    const now = await transactions(sql)
    others = new Map([...others].filter(([id]) => now.has(id)))
  }
  return [...new Set(others.values())].sort((one, other) => one - other)
}

/** Virtual transaction and server process of whoever may hold a snapshot. */
async function transactions(sql: Sql): Promise<ReadonlyMap<string, number>> {
  const rows = await sql.run(
    `SELECT l.virtualtransaction AS id, l.pid FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
    WHERE l.locktype = 'virtualxid' AND l.mode = 'ExclusiveLock' AND l.granted AND l.pid <> pg_backend_pid()
      AND a.datname = current_database()
      AND NOT (a.state IS NOT NULL AND a.backend_xmin IS NULL AND a.backend_xid IS NULL)
      AND NOT EXISTS (SELECT FROM pg_stat_progress_vacuum v WHERE v.pid = l.pid)`,
  )
  return new Map(rows.map(({ id, pid }) => [String(id), Number(pid)]))
}

/** Writes a table anew, without what nobody can see any more; false when this role may not, which the server only warns of. */
async function rewrite(sql: Sql, table: string): Promise<boolean> {
  const before = await fileOf(sql, table)
  await sql.run(`VACUUM FULL ${table}`)
  return (await fileOf(sql, table)) !== before
}

async function fileOf(sql: Sql, table: string): Promise<string> {
  const [row] = await sql.run('SELECT pg_relation_filenode($1::regclass)::text AS file', [table])
  return String(row?.['file'])
}

/** Every query of the database waits behind this one, so it does not wait for long itself. */
async function rewriteStatistics(sql: Sql): Promise<boolean> {
  const [row] = await sql.run("SELECT current_setting('lock_timeout') AS before")
  await sql.run(`SET lock_timeout = '${statisticsLockMs}ms'`)
  try {
    return await rewrite(sql, 'pg_catalog.pg_statistic')
  } catch (error) {
    if (systemCode(error) !== '55P03') throw error
    return false
  } finally {
    await sql.run("SELECT set_config('lock_timeout', $1, false)", [row?.['before']])
  }
}

const waits = 50
const waitSeconds = 0.2
const statisticsLockMs = 2_000
