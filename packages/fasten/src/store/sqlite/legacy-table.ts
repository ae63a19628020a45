// SPDX-License-Identifier: Apache-2.0
import { auditColumns } from '../../core/columns.ts'
import type { Digest } from '../../core/digest.ts'
import { legacyRowFromColumns } from '../../core/legacy.ts'
import { legacyVerify } from '../../core/legacy-verify.ts'
import type { LogVerdict } from '../../core/verdict.ts'
import type { SourceSummary } from '../ports.ts'
import { addSource, sortSources } from '../source-summary.ts'
import type { SqliteConnection } from './driver.ts'
import type { Statements } from './statements.ts'

/**
 * The `audit_log` table of the published fasten SDKs (rows of forms 1 and 2), read as if it were ours and never written.
 *
 * A view that lives in the connection only gives it our columns. Its `leaf` is put together from the columns, so that filters on text
 * and members work; it is not what was hashed and is not handed out as that.
 */
export const legacyView = 'legacy_audit_log'

/** True when `table` has the columns that every version of those SDKs gave it. */
export function isLegacyTable(connection: SqliteConnection, table: string): boolean {
  const names = new Set(columnsIn(connection, table))
  return legacyNeeded.every((name) => names.has(name)) && !names.has('leaf')
}

/** Creates the view on a table for which `isLegacyTable` holds. */
export function createLegacyView(connection: SqliteConnection, table: string): void {
  const there = new Set(columnsIn(connection, table))
  const cells = auditColumns.map((name) => `${cellOf(name, there)} AS ${name}`)
  const members = auditColumns
    .filter((name) => name !== 'pii_in_detail')
    .map((name) => `'${name}', ${cellOf(name, there)}`)
  connection.exec(`
    CREATE TEMP VIEW ${legacyView} AS SELECT
      rowid AS position, NULL AS log_id, monotonic_seq, nullif(hash, '') AS hash, ${cells.join(', ')},
      json_set(
        json_patch('{}', json_object('stream', 'audit', 'monotonic_seq', monotonic_seq,
          'log', 'legacy/' || source_node_id, ${members.join(', ')})),
        '$.detail', CASE WHEN json_valid(detail) THEN json(detail) ELSE json(ifnull(json_quote(detail), '{}')) END
      ) AS leaf
    FROM main.${table};
    CREATE TEMP TABLE fasten_logs (log_id INTEGER, table_name TEXT, log TEXT, position INTEGER);
  `)
}

/** What they recorded, judged by their rules: a verdict per node, named as the `log` of its rows. Holds all rows in memory meanwhile. */
export function legacyVerdicts(
  { prepare }: Statements,
  table: string,
  digest: Digest,
): readonly LogVerdict[] {
  const rows = prepare(`SELECT * FROM main.${table} ORDER BY rowid`).all()
  const plain = rows.map((row) =>
    Object.fromEntries(
      Object.entries(row).map(([name, value]) => [
        name,
        value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value,
      ]),
    ),
  )
  const verdicts = legacyVerify(plain.map(legacyRowFromColumns), { digest })
  return verdicts.map((verdict) => ({ ...verdict, log: `legacy/${verdict.log}` }))
}

export function legacySummary(
  { prepare }: Statements,
  since: string | undefined,
  until: string | undefined,
): SourceSummary[] {
  const sources = new Map<string, SourceSummary>()
  const found = prepare(`
    SELECT source_node_id, service_id, tenant_id, count(*) AS rows, min(timestamp) AS first_seen, max(timestamp) AS last_seen
    FROM ${legacyView} WHERE timestamp >= ? AND timestamp <= ? GROUP BY 1, 2, 3`).all(
    since ?? '',
    until ?? '~',
  )
  for (const row of found) {
    addSource(sources, {
      source_node_id: String(row['source_node_id']),
      service_id: String(row['service_id']),
      tenant_id: row['tenant_id'] === null ? null : String(row['tenant_id']),
      rows: Number(row['rows']),
      first_seen: String(row['first_seen']),
      last_seen: String(row['last_seen']),
    })
  }
  return sortSources([...sources.values()])
}

const legacyNeeded = [
  'id',
  'monotonic_seq',
  'timestamp',
  'code',
  'action',
  'severity',
  'service_id',
  'source_node_id',
  'actor',
  'target',
  'request_id',
  'detail',
  'hash',
  'prev_hash',
]

/** Columns that later versions added are absent in earlier tables; their rows are of form 1. */
function cellOf(name: string, there: ReadonlySet<string>): string {
  if (name === 'pii_in_detail' && there.has(name)) return 'nullif(pii_in_detail, 0)'
  if (there.has(name)) return name
  return name === 'canonical_form_id' || name === 'wire_version' ? "'1'" : 'NULL'
}

function columnsIn(connection: SqliteConnection, table: string): string[] {
  return connection
    .prepare('SELECT name FROM pragma_table_info(?)')
    .all(table)
    .map(({ name }) => String(name))
}
