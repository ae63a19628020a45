// SPDX-License-Identifier: Apache-2.0
import { columnNames } from '../../core/columns.ts'
import type { Row, StreamName } from '../../core/row.ts'
import type { ScanFilter, ScanQuery, StoredRow } from '../ports.ts'
import type { SqlValue } from './driver.ts'
import type { Statements } from './statements.ts'
import { whereOf } from './where.ts'

/** The rows that a query asks for, in its order. Reads the leaf of each once; rows whose leaf is damaged are shown from their columns. */
export function scan(statements: Statements, table: string, query: ScanQuery): StoredRow[] {
  const { stream, filter = {}, order, after, offset = 0, limit } = query
  const where = whereOf(stream, table, filter, order)
  const values = [...where.values]
  let conditions = where.sql
  if (after !== undefined) {
    const { condition, bound } = continuation(order, after)
    conditions += ` AND ${condition}`
    values.push(...bound)
  }
  const direction = order === 'newest' ? 'DESC' : 'ASC'
  const sorting = order === 'stored' ? 'position' : `timestamp ${direction}, position ${direction}`
  const statement = statements.prepareArrays(
    `SELECT position, hash, leaf, timestamp FROM ${table} WHERE ${conditions} ORDER BY ${sorting} LIMIT ? OFFSET ?`,
  )
  return statement.all(...values, limit, offset).map((cells) => storedRow(statements, stream, table, cells))
}

/** How many rows pass, or null when they are more than `atMost`. */
export function count(
  { prepare }: Statements,
  table: string,
  stream: StreamName,
  filter: ScanFilter,
  atMost: number,
): number | null {
  const { sql, values } = whereOf(stream, table, filter, 'newest')
  const isBounded = Number.isFinite(atMost)
  const found = isBounded
    ? prepare(`SELECT count(*) AS rows FROM (SELECT 1 FROM ${table} WHERE ${sql} LIMIT ?)`).get(
        ...values,
        atMost + 1,
      )
    : prepare(`SELECT count(*) AS rows FROM ${table} WHERE ${sql}`).get(...values)
  const rows = Number(found?.['rows'] ?? 0)
  return rows > atMost ? null : rows
}

function continuation(
  order: ScanQuery['order'],
  after: { readonly timestamp: string; readonly position: number },
) {
  if (order === 'stored') return { condition: 'position > ?', bound: [after.position] }
  const sign = order === 'newest' ? '<' : '>'
  return { condition: `(timestamp, position) ${sign} (?, ?)`, bound: [after.timestamp, after.position] }
}

function storedRow(
  statements: Statements,
  stream: StreamName,
  table: string,
  [at = 0, hash, text, timestamp]: readonly SqlValue[],
): StoredRow {
  const position = Number(at)
  const leaf = textOf(text)
  const row = parseLeaf(leaf) ?? rowFromColumns(statements, stream, table, position)
  const sorted_at = textOf(timestamp) ?? ''
  return { row, leaf, hash: textOf(hash), position, ...(sorted_at === row.timestamp ? {} : { sorted_at }) }
}

function parseLeaf(leaf: string | null): Row | undefined {
  if (leaf === null) return undefined
  try {
    const value: unknown = JSON.parse(leaf)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Row) : undefined
  } catch (error) {
    // Damaged evidence is shown as far as it can be, never hidden by an exception; verification names the row.
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

/** What the columns still say of a row whose leaf is gone or unreadable. Its hash will not verify, and must not. */
function rowFromColumns({ prepare }: Statements, stream: StreamName, table: string, position: number): Row {
  const names = columnNames[stream]
  const found = prepare(`
    SELECT log, monotonic_seq, ${names.join(', ')} FROM ${table} LEFT JOIN fasten_logs USING (log_id)
    WHERE ${table}.position = ?`).get(position)
  const members: Record<string, unknown> = {
    stream,
    log: found?.['log'] ?? '',
    monotonic_seq: Number(found?.['monotonic_seq'] ?? 0),
  }
  for (const name of names) {
    const value = found?.[name] ?? null
    if (value !== null) members[name] = typeof value === 'bigint' ? Number(value) : value
  }
  if (members['pii_in_detail'] !== undefined) members['pii_in_detail'] = true
  if (stream === 'audit') members['detail'] = {}
  if (stream === 'sys') members['fields'] = {}
  return members as unknown as Row
}

const textOf = (value: SqlValue | undefined): string | null =>
  value === null || value === undefined
    ? null
    : value instanceof Uint8Array
      ? Buffer.from(value).toString('hex')
      : String(value)
