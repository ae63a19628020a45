// SPDX-License-Identifier: Apache-2.0
import { FastenError } from 'fasten'
import type { PoolClient } from 'pg'
import { z } from 'zod'

/** A table as a backup speaks of it. */
export const tableNote = z.strictObject({
  table: z.string().min(1).max(63),
  columns: z.array(z.string().min(1).max(63)).min(1),
  /** First days of the months that a table of rows is partitioned by. */
  months: z.array(z.iso.date()),
})
export type TableNote = z.output<typeof tableNote>

export const sequenceNote = z.strictObject({
  sequence: z.string().min(1).max(63),
  last_value: z.string().regex(/^-?\d+$/),
  is_called: z.boolean(),
})
export type SequenceNote = z.output<typeof sequenceNote>

/**
 * Every table of the schema that holds something to keep, so that whatever refers to another table comes after it, and first of all those that say
 * which tables hold rows. Unlogged tables are left out: they are empty after a crash too. So are months that a server drops meanwhile, which it does
 * with empty ones: they have no bounds any more.
 */
export async function fleetTables(sql: PoolClient, schema: string): Promise<readonly TableNote[]> {
  const { rows } = await sql.query<{ table: string; columns: string[]; bounds: (string | null)[] }>(
    `SELECT c.relname AS table,
      ARRAY(SELECT a.attname::text FROM pg_attribute a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' ORDER BY a.attnum) AS columns,
      ARRAY(SELECT pg_get_expr(p.relpartbound, p.oid) FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhrelid
        WHERE i.inhparent = c.oid) AS bounds
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence = 'p'
    ORDER BY c.relname <> 'fasten_tables', c.relname`,
    [schema],
  )
  const { rows: references } = await sql.query<{ from: string; to: string }>(
    `SELECT c.relname AS from, t.relname AS to
    FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_class t ON t.oid = k.confrelid
      JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE k.contype = 'f' AND n.nspname = $1 AND k.conrelid <> k.confrelid`,
    [schema],
  )
  const notes = rows.map(({ table, columns, bounds }) => ({
    table,
    columns,
    months: bounds
      .filter((bound) => bound !== null)
      .map((bound) => monthOf(table, bound))
      .sort(),
  }))
  return inOrder(notes, references)
}

export async function fleetSequences(sql: PoolClient, schema: string): Promise<readonly SequenceNote[]> {
  const { rows } = await sql.query<{ sequence: string }>(
    `SELECT c.relname AS sequence FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = $1 AND c.relkind = 'S' ORDER BY c.relname`,
    [schema],
  )
  const notes: SequenceNote[] = []
  for (const { sequence } of rows) {
    const { rows: state } = await sql.query<{ last_value: string; is_called: boolean }>(
      `SELECT last_value::text, is_called FROM ${quoted(schema)}.${quoted(sequence)}`,
    )
    notes.push({ sequence, ...(state[0] as { last_value: string; is_called: boolean }) })
  }
  return notes
}

export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`

function monthOf(table: string, bound: string): string {
  const month = /^FOR VALUES FROM \('(\d{4}-\d{2}-01)'\) TO /.exec(bound)?.[1]
  if (month === undefined)
    throw new FastenError('FLEET_BACKUP_UNREADABLE', `a part of ${table} is not a month: ${bound}`, {
      at: table,
      hint: 'a part that fasten did not make is in the way: detach it',
    })
  return month
}

function inOrder(
  notes: readonly TableNote[],
  references: readonly { readonly from: string; readonly to: string }[],
): readonly TableNote[] {
  const left = new Map(notes.map((note) => [note.table, note]))
  const ordered: TableNote[] = []
  while (left.size > 0) {
    const free = [...left.values()].filter(
      ({ table }) => !references.some(({ from, to }) => from === table && left.has(to)),
    )
    if (free.length === 0)
      throw new TypeError(`these tables refer to each other in a circle: ${[...left.keys()].join(', ')}`)
    for (const note of free) {
      left.delete(note.table)
      ordered.push(note)
    }
  }
  return ordered
}
