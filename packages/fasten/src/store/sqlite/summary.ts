// SPDX-License-Identifier: Apache-2.0
import { parseLogName } from '../../core/log-name.ts'
import type { SourceSummary } from '../ports.ts'
import { addSource, sortSources } from '../source-summary.ts'
import type { Statements } from './statements.ts'
import type { KnownLog } from './evidence.ts'

/**
 * Who wrote rows, how many, and when. With a window its rows are counted one by one through the index of times. Without one a
 * table of any size is answered from the index of places; the first and last times are then looked for in the thousand rows
 * at either end of each log, since rows are stored nearly, not exactly, in the order of their times.
 */
export function summaryOf(
  { prepare }: Statements,
  table: string,
  logs: readonly KnownLog[],
  since: string | undefined,
  until: string | undefined,
): SourceSummary[] {
  const found =
    since === undefined && until === undefined
      ? prepare(`
        SELECT log_id, rows,
          (SELECT min(timestamp) FROM ${table} t
            WHERE t.log_id = g.log_id AND t.monotonic_seq < g.first_seq + 1000) AS first_seen,
          (SELECT max(timestamp) FROM ${table} t
            WHERE t.log_id = g.log_id AND t.monotonic_seq > g.last_seq - 1000) AS last_seen
        FROM (
          SELECT log_id, count(*) AS rows, min(monotonic_seq) AS first_seq, max(monotonic_seq) AS last_seq
          FROM ${table} GROUP BY log_id
        ) g`).all()
      : prepare(`
        SELECT log_id, count(*) AS rows, min(timestamp) AS first_seen, max(timestamp) AS last_seen
        FROM ${table} WHERE timestamp >= ? AND timestamp <= ? GROUP BY +log_id`).all(
          since ?? '',
          until ?? '~',
        )
  const names = new Map(logs.map(({ logId, log }) => [logId, log]))
  const sources = new Map<string, SourceSummary>()
  for (const record of found) {
    const name = names.get(record['log_id'] as bigint) ?? ''
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
