// SPDX-License-Identifier: Apache-2.0
import type { Client } from 'pg'

/** One index of a row table, as the catalogue can make it again. */
export interface FleetIndex {
  readonly name: string
  readonly table: string
  readonly drop: string
  readonly make: string
}

export const rowTables = ['audit_log', 'api_log', 'sys_log'] as const

/** All indices of the row tables, as the migrations left them; primary keys first, since to make one takes the table for itself. */
export async function readIndices(client: Client): Promise<readonly FleetIndex[]> {
  const { rows } = await client.query<{ name: string; table: string; bond: string | null; make: string }>(
    `SELECT i.indexrelid::regclass::text AS name, i.indrelid::regclass::text AS table, c.conname AS bond,
      coalesce(pg_get_constraintdef(c.oid), pg_get_indexdef(i.indexrelid)) AS make
    FROM pg_index i LEFT JOIN pg_constraint c ON c.conindid = i.indexrelid
    WHERE i.indrelid = ANY ($1::regclass[]) ORDER BY c.conname IS NULL, 1`,
    [[...rowTables]],
  )
  return rows.map(({ name, table, bond, make }) => ({
    name,
    table,
    drop: bond === null ? `DROP INDEX ${name}` : `ALTER TABLE ${table} DROP CONSTRAINT ${bond}`,
    make:
      bond === null
        ? make.replace(' ON ONLY ', ' ON ')
        : `ALTER TABLE ${table} ADD CONSTRAINT ${bond} ${make}`,
  }))
}

export interface Sizes {
  /** Bytes by name of the index. */
  readonly indices: Readonly<Record<string, number>>
  /** Bytes of the rows themselves, and how many there are, by table. */
  readonly tables: Readonly<Record<string, { readonly bytes: number; readonly rows: number }>>
}

/** Over all partitions. */
export async function readSizes(client: Client): Promise<Sizes> {
  const indices: Record<string, number> = {}
  for (const { name } of await readIndices(client)) {
    const { rows } = await client.query<{ bytes: string }>(
      `SELECT sum(pg_relation_size(relid)) AS bytes FROM pg_partition_tree($1) WHERE isleaf`,
      [name],
    )
    indices[name] = Number(rows[0]?.bytes)
  }
  const tables: Record<string, { bytes: number; rows: number }> = {}
  for (const table of rowTables) {
    const { rows } = await client.query<{ bytes: string; rows: string }>(
      `SELECT (SELECT sum(pg_table_size(relid)) FROM pg_partition_tree($1) WHERE isleaf) AS bytes, (SELECT count(*) FROM ${table}) AS rows`,
      [table],
    )
    tables[table] = { bytes: Number(rows[0]?.bytes), rows: Number(rows[0]?.rows) }
  }
  return { indices, tables }
}
