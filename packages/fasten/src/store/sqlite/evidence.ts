// SPDX-License-Identifier: Apache-2.0
import { columnNames } from '../../core/columns.ts'
import type { StreamName } from '../../core/row.ts'
import type { EvidenceRow, LogHead } from '../ports.ts'
import type { SqlRecord, SqlValue } from './driver.ts'
import type { StatementCache } from './statements.ts'

/** A log of one row table. `log_id` is what its rows carry, whether or not the table of logs knows it. */
export interface KnownLog extends LogHead {
  readonly logId: number
  readonly table: string
}

/**
 * The logs of a table, by name. Rows that carry a `log_id` which the table of logs does not have are a log too: it is called
 * `unknown-log/<table>/<log_id>`, should hold no rows, and so fails verification instead of staying out of sight.
 */
export function logsOf(prepare: StatementCache, stream: StreamName, table: string): KnownLog[] {
  const known = prepare('SELECT log_id, log, size, head_hash FROM fasten_logs WHERE table_name = ? ORDER BY log').all(table)
  const logs: KnownLog[] = known.map((record) => ({
    log: String(record['log']), stream, size: Number(record['size']), head_hash: String(record['head_hash']),
    logId: Number(record['log_id']), table,
  }))
  const ids = new Set(logs.map(({ logId }) => logId))
  for (const logId of carriedIds(prepare, table)) {
    if (ids.has(logId)) continue
    logs.push({ log: `unknown-log/${table}/${logId}`, stream, size: 0, head_hash: 'genesis', logId, table })
  }
  return logs
}

/** Up to `limit` rows of a log after (`monotonic_seq`, `position`), as they lie there. */
export function evidencePage(
  prepare: StatementCache, { logId, table, stream }: KnownLog, after: { readonly seq: number; readonly position: number }, limit: number,
): EvidenceRow[] {
  const names = columnNames[stream]
  const statement = prepare(`
    SELECT position, monotonic_seq, hash, CAST(leaf AS BLOB) AS leaf_bytes, ${names.join(', ')} FROM ${table}
    WHERE log_id = ? AND (monotonic_seq, position) > (?, ?) ORDER BY monotonic_seq, position LIMIT ?`)
  return statement.all(logId, after.seq, after.position, limit).map((record) => evidenceRow(record, names))
}

function evidenceRow(record: SqlRecord, names: readonly string[]): EvidenceRow {
  const columns: Record<string, string | number | null> = {}
  for (const name of names) columns[name] = plain(record[name] ?? null)
  const leaf = record['leaf_bytes'] ?? null
  const hash = plain(record['hash'] ?? null)
  return {
    monotonic_seq: Number(record['monotonic_seq']),
    leaf: leaf instanceof Uint8Array ? leaf : null,
    hash: hash === null ? null : String(hash),
    position: Number(record['position']),
    columns,
  }
}

/** Every `log_id` in a table's rows, by jumping from one to the next in the index of places. */
function carriedIds(prepare: StatementCache, table: string): number[] {
  const rows = prepare(`
    WITH RECURSIVE ids (log_id) AS (
      SELECT min(log_id) FROM ${table}
      UNION ALL
      SELECT (SELECT min(log_id) FROM ${table} WHERE log_id > ids.log_id) FROM ids WHERE ids.log_id IS NOT NULL
    ) SELECT log_id FROM ids WHERE log_id IS NOT NULL`).all()
  return rows.map(({ log_id }) => Number(log_id))
}

/** Columns are text or integers; bytes put there by another hand are shown as hex, numbers too large for a number as text. */
function plain(value: SqlValue): string | number | null {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value)
  return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value
}
