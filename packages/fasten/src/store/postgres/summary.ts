// SPDX-License-Identifier: Apache-2.0
import { parseLogName } from '../../core/log-name.ts'
import type { SourceSummary } from '../ports.ts'
import { addSource, sortSources } from '../source-summary.ts'
import type { KnownLog } from './evidence.ts'
import type { Sql } from './sql.ts'

/**
 * Who wrote rows, how many, and when. With a window its rows are counted one by one through the index of times. Without one the index
 * of places is counted; the first and last times are then looked for in the thousand rows at either end of each log, since rows are
 * stored nearly, not exactly, in the order of their times.
 */
export async function summaryOf(
  sql: Sql,
  table: string,
  logs: readonly KnownLog[],
  since: string | undefined,
  until: string | undefined,
): Promise<SourceSummary[]> {
  const found =
    since === undefined && until === undefined
      ? await sql.run(`
        SELECT log_id, rows,
          (SELECT min(timestamp) FROM ${table} t
            WHERE t.log_id = g.log_id AND t.monotonic_seq < g.first_seq + 1000) AS first_seen,
          (SELECT max(timestamp) FROM ${table} t
            WHERE t.log_id = g.log_id AND t.monotonic_seq > g.last_seq - 1000) AS last_seen
        FROM (
          SELECT log_id, count(*) AS rows, min(monotonic_seq) AS first_seq, max(monotonic_seq) AS last_seq
          FROM ${table} GROUP BY log_id
        ) g`)
      : await sql.run(
          `SELECT log_id, count(*) AS rows, min(timestamp) AS first_seen, max(timestamp) AS last_seen
          FROM ${table} WHERE timestamp >= $1 AND timestamp <= $2 GROUP BY log_id`,
          [since ?? '', until ?? '~'],
        )
  const names = new Map(logs.map(({ logId, log }) => [logId, log]))
  const sources = new Map<string, SourceSummary>()
  for (const record of found) {
    const name = names.get(String(record['log_id'])) ?? ''
    const parts = parseLogName(name)
    addSource(sources, {
      source_node_id: parts?.source_node_id ?? name,
      service_id: parts?.service_id ?? name,
      tenant_id: parts?.tenant_id ?? null,
      rows: Number(record['rows']),
      first_seen: String(record['first_seen'] ?? ''),
      last_seen: String(record['last_seen'] ?? ''),
    })
  }
  return sortSources([...sources.values()])
}
