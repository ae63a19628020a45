// SPDX-License-Identifier: Apache-2.0
import { readJson } from 'fasten/core'
import { once } from 'node:events'
import { finished } from 'node:stream/promises'
import { FastenError } from 'fasten'
import type { Pool, PoolClient } from 'pg'
import { from } from 'pg-copy-streams'
import { alone } from '../alone.ts'
import { derived, fleetSchema, layFleet } from '../lay-fleet.ts'
import { refuseUnknown } from '../migrate.ts'
import { readFrames, type Frame } from './frames.ts'
import { fleetTables, quoted, sequenceNote, tableNote, type TableNote } from './fleet-tables.ts'
import { isUnfinished, markUnfinished, unfinishedTable } from './unfinished.ts'
import { backupHeader, countNote, rowTables, settle, type BackupHeader } from './write-backup.ts'

export interface FillOptions {
  /** What the file is called in messages. */
  readonly name: string
  readonly secret: Buffer
  readonly layRows: () => Promise<void>
  readonly onTable?: (table: string) => void
}

export interface FillSummary {
  readonly header: BackupHeader
  readonly lines: number
  readonly rows: number
  /** 64 hex, of the whole file. */
  readonly digest: string
}

/**
 * Fills an empty database from a backup: the layout as it was, every table as it was, then the layout of this version. The rows come in
 * one transaction, and a mark keeps every server away until the caller has verified them (`markFinished`). What a restore that was killed
 * left is dropped first; one that fails drops what it made.
 *
 * Throws FastenError `FLEET_NOT_EMPTY`, `FLEET_SECRET_DIFFERS`, `FLEET_SCHEMA_NEWER`, `FLEET_SCHEMA_DIFFERS`, `FLEET_BACKUP_DAMAGED` and
 * `FLEET_BACKUP_UNREADABLE`.
 */
export async function fillFromBackup(
  pool: Pool,
  source: AsyncIterable<Buffer>,
  { name, secret, layRows, onTable }: FillOptions,
): Promise<FillSummary> {
  const frames = readFrames(source, name)
  const header = await headerIn(frames, name)
  refuseUnknown(header.migrations)
  if (header.secret_check !== derived(secret, 'check'))
    throw new FastenError('FLEET_SECRET_DIFFERS', 'this backup is of a fleet with another secret', {
      at: 'FLEET_SECRET',
      hint: 'put the file `secret` of that fleet into FLEET_DATA_DIR, or give its FLEET_SECRET',
    })
  await alone(pool, emptied)
  try {
    const filled = await alone(pool, async (sql) => {
      const only = new Set(header.migrations.map((migration) => migration.name))
      await layFleet(sql, { secret, layRows, storeId: header.store_id, only })
      const known = await rowsVersion(sql)
      if (header.rows_version > known)
        throw new FastenError(
          'FLEET_SCHEMA_NEWER',
          `the backup has layout ${header.rows_version} of rows, and this version makes ${known}`,
          { at: name, hint: 'a newer fleet made it: update this one' },
        )
      await sql.query('BEGIN')
      await settle(sql)
      const counts = await fill(sql, frames, name, onTable)
      await sql.query("UPDATE fasten_meta SET value = $1 WHERE key = 'schema_version'", [String(known)])
      await sql.query('COMMIT')
      await layFleet(sql, { secret, layRows })
      return counts
    })
    // What the planner knows of empty tables would make the first questions slow.
    await pool.query('ANALYZE')
    return { header, ...filled }
  } catch (error) {
    await pool.query(`DROP SCHEMA IF EXISTS ${fleetSchema} CASCADE`)
    throw error
  }
}

/** Reads a backup from end to end without a database. Throws as `fillFromBackup` does for a file that is not whole. */
export async function checkBackup(source: AsyncIterable<Buffer>, name: string): Promise<FillSummary> {
  const frames = readFrames(source, name)
  const header = await headerIn(frames, name)
  const counts = { lines: 0, rows: 0 }
  for await (const frame of frames) {
    if (frame.kind === 'end') return { header, ...counts, digest: frame.payload.toString('hex') }
    const counted = frame.kind === 'note' ? countNote.safeParse(noteIn(frame, name)) : undefined
    if (counted?.success === true) add(counts, counted.data)
  }
  throw unreadable(name, 'it has no end')
}

async function headerIn(frames: AsyncGenerator<Frame>, name: string): Promise<BackupHeader> {
  const { value, done } = await frames.next()
  const parsed = done === true ? undefined : backupHeader.safeParse(noteIn(value, name))
  if (parsed?.success !== true)
    throw unreadable(name, 'it does not begin with what a backup says of itself', parsed?.error)
  return parsed.data
}

/** The schema is new and holds nothing but the mark; on one that holds something else, nothing was done. */
async function emptied(sql: PoolClient): Promise<void> {
  if (await isUnfinished(sql)) await sql.query(`DROP SCHEMA ${fleetSchema} CASCADE`)
  const { rows } = await sql.query<{ held: string }>(
    `SELECT count(*)::text AS held FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1`,
    [fleetSchema],
  )
  if (rows[0]?.held !== '0')
    throw new FastenError('FLEET_NOT_EMPTY', `the schema ${fleetSchema} of this database is not empty`, {
      at: `schema ${fleetSchema}`,
      hint: 'restore into a new database: another FLEET_DATABASE_URL, or another FLEET_DATA_DIR where the database is embedded',
    })
  await sql.query(`CREATE SCHEMA IF NOT EXISTS ${fleetSchema}`)
  await markUnfinished(sql)
}

async function fill(
  sql: PoolClient,
  frames: AsyncGenerator<Frame>,
  name: string,
  onTable: FillOptions['onTable'],
): Promise<Omit<FillSummary, 'header'>> {
  await forgetSeeds(sql)
  const counts = { lines: 0, rows: 0 }
  let open: { readonly note: TableNote; readonly copy: ReturnType<typeof copyInto> } | undefined
  for await (const frame of frames) {
    if (frame.kind === 'end') {
      if (open !== undefined) throw unreadable(name, `the rows of ${open.note.table} have no end`)
      return { ...counts, digest: frame.payload.toString('hex') }
    }
    if (frame.kind === 'rows') {
      if (open === undefined) throw unreadable(name, `byte ${frame.at} has rows of no table`)
      await open.copy.write(frame.payload)
      continue
    }
    const value = noteIn(frame, name)
    const counted = countNote.safeParse(value)
    const table = tableNote.safeParse(value)
    const sequence = sequenceNote.safeParse(value)
    if (counted.success && open !== undefined) {
      const stored = await open.copy.end()
      if (counted.data.counted !== open.note.table || counted.data.rows !== stored)
        throw unreadable(name, `${open.note.table} has ${stored} lines and not ${counted.data.rows}`)
      add(counts, counted.data)
      open = undefined
    } else if (table.success && open === undefined) {
      onTable?.(table.data.table)
      for (const month of table.data.months)
        await sql.query('SELECT fasten_make_months($1, $2::date, 1)', [table.data.table, month])
      open = { note: table.data, copy: copyInto(sql, table.data) }
    } else if (sequence.success) {
      const { last_value, is_called } = sequence.data
      await sql.query('SELECT setval($1::regclass, $2::bigint, $3)', [
        `${quoted(fleetSchema)}.${quoted(sequence.data.sequence)}`,
        last_value,
        is_called,
      ])
    } else throw unreadable(name, `byte ${frame.at} says what this version does not know`)
  }
  throw unreadable(name, 'it has no end')
}

/** What migrations put into their tables comes from the backup, as it was there. */
async function forgetSeeds(sql: PoolClient): Promise<void> {
  for (const { table } of (await fleetTables(sql, fleetSchema)).toReversed())
    if (table !== unfinishedTable) await sql.query(`DELETE FROM ${quoted(fleetSchema)}.${quoted(table)}`)
}

interface Copy {
  write(part: Buffer): Promise<void>
  /** How many lines there were. */
  end(): Promise<number>
}

function copyInto(sql: PoolClient, { table, columns }: TableNote): Copy {
  const stream = sql.query(
    from(`COPY ${quoted(fleetSchema)}.${quoted(table)} (${columns.map(quoted).join(', ')}) FROM STDIN`),
  )
  const done = finished(stream)
  done.catch(() => {
    // Whoever writes or ends next is told.
  })
  return {
    async write(part) {
      if (!stream.write(part)) await Promise.race([once(stream, 'drain'), done])
    },
    async end() {
      stream.end()
      await done
      return stream.rowCount
    },
  }
}

async function rowsVersion(sql: PoolClient): Promise<number> {
  const { rows } = await sql.query<{ value: string }>(
    "SELECT value FROM fasten_meta WHERE key = 'schema_version'",
  )
  return Number(rows[0]?.value)
}

function add(
  counts: { lines: number; rows: number },
  { counted, rows }: { readonly counted: string; readonly rows: number },
): void {
  counts.lines += rows
  if (rowTables.has(counted)) counts.rows += rows
}

function noteIn(frame: Frame, name: string): unknown {
  try {
    return readJson(frame.payload.toString('utf8'))
  } catch (cause) {
    throw unreadable(name, `byte ${frame.at} should hold a note`, cause)
  }
}

function unreadable(name: string, what: string, cause?: unknown): FastenError {
  return new FastenError('FLEET_BACKUP_UNREADABLE', `this is no backup that can be restored: ${what}`, {
    at: name,
    hint: 'give the file that `fleet backup` wrote, or update fleet',
    cause,
  })
}
