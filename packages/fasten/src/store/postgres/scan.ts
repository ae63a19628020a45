// SPDX-License-Identifier: Apache-2.0
import { columnNames, numericColumns } from '../../core/columns.ts'
import { readJson } from '../../core/read-json.ts'
import type { Row, StreamName } from '../../core/row.ts'
import type { ScanFilter, ScanQuery, StoredRow } from '../ports.ts'
import type { KnownLog } from './evidence.ts'
import { logFilterOf } from './log-filter.ts'
import type { Sql, SqlCell } from './sql.ts'
import { whereOf, type IndexedBy } from './where.ts'

export interface TableOf {
  readonly stream: StreamName
  /** Quoted, with a dot. */
  readonly prefix: string
  /** Bare name. */
  readonly table: string
  readonly indexedBy: IndexedBy
  readonly logs: () => Promise<readonly KnownLog[]>
}

/** The rows that a query asks for, in its order. Reads the leaf of each once; rows whose leaf is damaged are shown from their columns. */
export async function scan(sql: Sql, of: TableOf, query: ScanQuery): Promise<StoredRow[]> {
  const { stream, prefix, table, indexedBy } = of
  const { filter = {}, order, after, offset = 0, limit } = query
  const logs = await logFilterOf(filter, of)
  if (logs?.ids.length === 0) return []
  const { sql: conditions, values } = whereOf({ stream, filter, logs, prefix, indexedBy })
  const direction = order === 'newest' ? 'DESC' : 'ASC'
  const sorting = order === 'stored' ? 'position' : `timestamp ${direction}, position ${direction}`
  const bind = (value: unknown): string => `$${values.push(value)}`
  const continued =
    after === undefined
      ? ''
      : order === 'stored'
        ? ` AND position > ${bind(after.position)}`
        : ` AND (timestamp, position) ${order === 'newest' ? '<' : '>'} (${bind(after.timestamp)}, ${bind(after.position)})`
  const rows = await sql.arrays(
    `SELECT position, hash, leaf, timestamp FROM ${prefix}"${table}" WHERE ${conditions}${continued}
    ORDER BY ${sorting} LIMIT ${bind(limit)} OFFSET ${bind(offset)}`,
    values,
  )
  const found: StoredRow[] = []
  for (const cells of rows) found.push(await storedRow(sql, of, cells))
  return found
}

/** How many rows pass, or null when they are more than `atMost`. */
export async function count(
  sql: Sql,
  of: TableOf,
  filter: ScanFilter,
  atMost: number,
): Promise<number | null> {
  const logs = await logFilterOf(filter, of)
  if (logs?.ids.length === 0) return 0
  const { sql: conditions, values } = whereOf({ ...of, filter, logs })
  // Counted from the newest on: the rows that a page reads as well. Left to choose, the planner takes any that pass for the nearest, and
  // reads through the table, or an index whole, where those lie together at its other end.
  const order = conditions === 'true' ? '' : ' ORDER BY timestamp DESC, position DESC'
  const from = `FROM ${of.prefix}"${of.table}" WHERE ${conditions}`
  const [row] = Number.isFinite(atMost)
    ? await sql.run(
        `SELECT count(*) AS rows FROM (SELECT 1 ${from}${order} LIMIT $${values.push(atMost + 1)}) found`,
        values,
      )
    : await sql.run(`SELECT count(*) AS rows ${from}`, values)
  const rows = Number(row?.['rows'] ?? 0)
  return rows > atMost ? null : rows
}

/**
 * How many rows the planner expects to pass, by the samples that ANALYZE took. Row-level security adds conditions of which it knows nothing, and takes the same share
 * of every plan for them; so what it expects of the filter is compared with what it expects of all rows, and that is known.
 */
export async function estimate(sql: Sql, of: TableOf, filter: ScanFilter): Promise<number | null> {
  const logs = await logFilterOf(filter, of)
  if (logs?.ids.length === 0) return 0
  // The logs say all that these say, and the planner would take them for two conditions, each of which lets few rows pass.
  const { tenant_id: _tenant, service_id: _service, source_node_id: _node, ...others } = filter
  const { sql: conditions, values } = whereOf({ ...of, filter: logs === undefined ? filter : others, logs })
  const table = `${of.prefix}"${of.table}"`
  const [known] = await sql.run(
    `SELECT sum(greatest(c.reltuples, 0))::float8 AS rows FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = to_regclass($1)`,
    [table],
  )
  const rows = Number(known?.['rows'] ?? 0)
  const all = await plannedRows(sql, `SELECT FROM ${table}`, [])
  if (rows < 1 || all < 1) return null
  const passing = await plannedRows(sql, `SELECT FROM ${table} WHERE ${conditions}`, values)
  return Math.round((rows * Math.min(passing, all)) / all)
}

async function plannedRows(sql: Sql, query: string, values: readonly unknown[]): Promise<number> {
  const [line] = await sql.arrays(`EXPLAIN (FORMAT JSON) ${query}`, values)
  const told: unknown = line?.[0]
  const plans = (typeof told === 'string' ? readJson(told) : told) as readonly {
    readonly Plan: { readonly 'Plan Rows': number }
  }[]
  return plans[0]?.Plan['Plan Rows'] ?? 0
}

async function storedRow(
  sql: Sql,
  of: TableOf,
  [at = 0, hash = null, leaf = null, timestamp = null]: readonly SqlCell[],
): Promise<StoredRow> {
  const position = Number(at)
  const text = textOf(leaf)
  const row = parseLeaf(text) ?? (await rowFromColumns(sql, of, position))
  const sorted_at = textOf(timestamp) ?? ''
  return {
    row,
    leaf: text,
    hash: textOf(hash),
    position,
    ...(sorted_at === row.timestamp ? {} : { sorted_at }),
  }
}

function parseLeaf(leaf: string | null): Row | undefined {
  if (leaf === null) return undefined
  try {
    const value: unknown = readJson(leaf)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Row) : undefined
  } catch (error) {
    // Damaged evidence is shown as far as it can be, never hidden by an exception; verification names the row.
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

/** What the columns still say of a row whose leaf is gone or unreadable. Its hash will not verify, and must not. */
async function rowFromColumns(sql: Sql, { prefix, table, stream }: TableOf, position: number): Promise<Row> {
  const names = columnNames[stream]
  const [found] = await sql.run(
    `SELECT l.log, r.monotonic_seq, ${names.map((name) => `r.${name}`).join(', ')}
    FROM ${prefix}"${table}" r LEFT JOIN ${prefix}fasten_logs l USING (log_id) WHERE r.position = $1`,
    [position],
  )
  const members: Record<string, unknown> = {
    stream,
    log: found?.['log'] ?? '',
    monotonic_seq: Number(found?.['monotonic_seq'] ?? 0),
  }
  for (const name of names) {
    const value = found?.[name] ?? null
    if (value !== null) members[name] = numericColumns.has(name) ? Number(value) : value
  }
  if (members['pii_in_detail'] !== undefined) members['pii_in_detail'] = true
  if (stream === 'audit') members['detail'] = {}
  if (stream === 'sys') members['fields'] = {}
  return members as unknown as Row
}

const textOf = (value: SqlCell): string | null =>
  value === null ? null : Buffer.isBuffer(value) ? value.toString('hex') : String(value)
