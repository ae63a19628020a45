// SPDX-License-Identifier: Apache-2.0
import type { Writable } from 'node:stream'
import type { Pool, PoolClient } from 'pg'
import { to } from 'pg-copy-streams'
import { z } from 'zod'
import { fleetSchema } from '../lay-fleet.ts'
import { frameSink } from './frames.ts'
import { fleetSequences, fleetTables, quoted } from './fleet-tables.ts'

/** What a backup says of itself first. */
export const backupHeader = z.strictObject({
  backup: z.literal(1),
  /** When its snapshot was taken, by the clock of the database. */
  made_at: z.iso.datetime(),
  fleet: z.string(),
  store_id: z.string().regex(/^[0-9a-f]{16}$/),
  /** Says which secret the fleet has, and not what it is. */
  secret_check: z.string().min(1).max(128),
  /** Layout of fasten's own tables. */
  rows_version: z.number().int().positive(),
  migrations: z.array(z.strictObject({ name: z.string().max(200), digest: z.string().max(128) })),
  logs: z.number().int().nonnegative(),
})
export type BackupHeader = z.output<typeof backupHeader>

/** Stands behind the rows of each table. */
export const countNote = z.strictObject({ counted: z.string(), rows: z.number().int().nonnegative() })

export interface BackupSummary {
  readonly header: BackupHeader
  /** In all tables together, and in the three that hold rows of logs. */
  readonly lines: number
  readonly rows: number
  readonly bytes: number
  /** 64 hex: tells this file from all others. */
  readonly digest: string
}

export const rowTables: ReadonlySet<string> = new Set(['audit_log', 'sys_log', 'api_log'])

/**
 * Writes everything that the schema of the fleet holds, as it was at one moment, while servers go on writing. It holds one connection and one
 * snapshot for as long as it takes, and a megabyte or two of memory. `out` is written to and not ended.
 */
export async function writeBackup(
  pool: Pool,
  out: Writable,
  { fleet, onTable }: { readonly fleet: string; readonly onTable?: (table: string) => void },
): Promise<BackupSummary> {
  const sql = await pool.connect()
  try {
    await sql.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
    await settle(sql)
    const tables = await fleetTables(sql, fleetSchema)
    // All at once, so that nothing which drops a month can hold one of them and wait for another.
    await sql.query(`LOCK TABLE ${tables.map(({ table }) => nameOf(table)).join(', ')} IN ACCESS SHARE MODE`)
    const header = await headerOf(sql, fleet)
    const sink = frameSink(out)
    await sink.note(header)
    let [lines, rows] = [0, 0]
    for (const note of tables) {
      onTable?.(note.table)
      await sink.note(note)
      const columns = note.columns.map(quoted).join(', ')
      const copy = sql.query(to(`COPY (SELECT ${columns} FROM ${nameOf(note.table)}) TO STDOUT`))
      for await (const part of copy) await sink.rows(part as Buffer)
      await sink.note({ counted: note.table, rows: copy.rowCount })
      lines += copy.rowCount
      if (rowTables.has(note.table)) rows += copy.rowCount
    }
    for (const note of await fleetSequences(sql, fleetSchema)) await sink.note(note)
    const end = await sink.end()
    await sql.query('COMMIT')
    sql.release()
    return { header, lines, rows, ...end }
  } catch (error) {
    // In the middle of a COPY a connection takes no other question.
    sql.release(error as Error)
    throw error
  }
}

const nameOf = (table: string): string => `${quoted(fleetSchema)}.${quoted(table)}`

/** What values look like must not depend on how a server is set up, and a long statement is no mistake here. */
export async function settle(sql: PoolClient): Promise<void> {
  for (const setting of [
    "client_encoding = 'UTF8'",
    "datestyle = 'ISO, YMD'",
    "intervalstyle = 'postgres'",
    "timezone = 'UTC'",
    "bytea_output = 'hex'",
    'extra_float_digits = 3',
    'statement_timeout = 0',
    'idle_in_transaction_session_timeout = 0',
  ])
    await sql.query(`SET LOCAL ${setting}`)
}

async function headerOf(sql: PoolClient, fleet: string): Promise<BackupHeader> {
  const value = async (statement: string): Promise<string> => {
    const { rows } = await sql.query<{ value: string }>(statement)
    return rows[0]?.value ?? ''
  }
  const { rows: migrations } = await sql.query<{ name: string; digest: string }>(
    'SELECT name, digest FROM fleet_migrations ORDER BY name',
  )
  return backupHeader.parse({
    backup: 1,
    made_at: await value(
      `SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS value`,
    ),
    fleet,
    store_id: await value("SELECT value FROM fasten_meta WHERE key = 'store_id'"),
    secret_check: await value("SELECT value FROM fleet_meta WHERE key = 'secret_check'"),
    rows_version: Number(await value("SELECT value FROM fasten_meta WHERE key = 'schema_version'")),
    migrations,
    logs: Number(await value('SELECT count(*)::text AS value FROM fasten_logs')),
  })
}
