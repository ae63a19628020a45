// SPDX-License-Identifier: Apache-2.0
import { columnNames } from '../../core/columns.ts'
import { readJson } from '../../core/read-json.ts'
import type { Row, StreamName } from '../../core/row.ts'
import type { ScanFilter, ScanQuery, StoredRow } from '../ports.ts'
import { prefixOf } from '../matches.ts'
import type { SqlValue } from './driver.ts'
import { logFilterOf } from './log-filter.ts'
import type { Statements } from './statements.ts'
import { whereOf, type Where } from './where.ts'

/** The rows that a query asks for, in its order. Reads the leaf of each once; rows whose leaf is damaged are shown from their columns. */
export function scan(statements: Statements, table: string, query: ScanQuery): StoredRow[] {
  const { stream, filter = {}, order, after, offset = 0, limit } = query
  const logs = logFilterOf(statements, stream, table, filter)
  if (logs?.ids.length === 0) return []
  const codes = stream === 'audit' ? codesToMerge(statements, table, query) : undefined
  if (codes?.length === 0) return []

  const direction = order === 'newest' ? 'DESC' : 'ASC'
  const sorting = order === 'stored' ? 'position' : `timestamp ${direction}, position ${direction}`
  const select = (code: string | undefined): Where => {
    const where = whereOf({ stream, order, logs, filter: code === undefined ? filter : { ...filter, code } })
    if (after === undefined) return where
    const { condition, bound } = continuation(order, after)
    return { sql: `${where.sql} AND ${condition}`, values: [...where.values, ...bound] }
  }
  const { sql, values } =
    codes === undefined ? select(undefined) : merged(table, codes.map(select), sorting, offset + limit)
  const rows = statements
    .prepareArrays(
      `SELECT position, hash, leaf, timestamp FROM ${table} WHERE ${sql} ORDER BY ${sorting} LIMIT ? OFFSET ?`,
    )
    .all(...values, limit, offset)
  return rows.map((cells) => storedRow(statements, stream, table, cells))
}

/** How many rows pass, or null when they are more than `atMost`. */
export function count(
  statements: Statements,
  table: string,
  stream: StreamName,
  filter: ScanFilter,
  atMost: number,
): number | null {
  const logs = logFilterOf(statements, stream, table, filter)
  if (logs?.ids.length === 0) return 0
  const { sql, values } = whereOf({ stream, filter, order: 'any', logs })
  const found = Number.isFinite(atMost)
    ? statements
        .prepare(`SELECT count(*) AS rows FROM (SELECT 1 FROM ${table} WHERE ${sql} LIMIT ?)`)
        .get(...values, atMost + 1)
    : statements.prepare(`SELECT count(*) AS rows FROM ${table} WHERE ${sql}`).get(...values)
  const rows = Number(found?.['rows'] ?? 0)
  return rows > atMost ? null : rows
}

/**
 * The codes that a prefix stands for, when the newest or oldest rows of each, merged, are the answer: SQLite alone could only read
 * and sort all rows with the prefix, or look through all rows of the table for one. Undefined when the filter has no such prefix,
 * names something rarer, or when there are too many codes for merging to pay.
 */
function codesToMerge(
  statements: Statements,
  table: string,
  { filter = {}, order, offset = 0, limit }: ScanQuery,
): string[] | undefined {
  const prefix = filter.code === undefined ? undefined : prefixOf(filter.code)
  const isRare =
    filter.request_id !== undefined ||
    filter.id !== undefined ||
    filter.actor !== undefined ||
    filter.caused_by !== undefined
  if (prefix === undefined || order === 'stored' || isRare) return undefined
  const codesMax = Math.min(64, Math.floor(50_000 / (limit + offset)))
  const found = statements
    .prepare(`
      WITH RECURSIVE codes (code, number) AS (
        SELECT min(code), 1 FROM ${table} WHERE code >= ?
        UNION ALL
        SELECT (SELECT min(code) FROM ${table} WHERE code > codes.code), number + 1 FROM codes
        WHERE codes.code < ? || char(1114111) AND number <= ?
      ) SELECT code FROM codes WHERE code < ? || char(1114111)`)
    .all(prefix, prefix, codesMax, prefix)
  return found.length > codesMax ? undefined : found.map(({ code }) => String(code))
}

/** The rows of several selections, the first `limit` of each. */
function merged(table: string, selections: readonly Where[], sorting: string, limit: number): Where {
  const parts = selections.map(
    ({ sql }) => `SELECT * FROM (SELECT position FROM ${table} WHERE ${sql} ORDER BY ${sorting} LIMIT ?)`,
  )
  return {
    sql: `position IN (${parts.join(' UNION ALL ')})`,
    values: selections.flatMap(({ values }) => [...values, limit]),
  }
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
    const value: unknown = readJson(leaf)
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
