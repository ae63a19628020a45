// SPDX-License-Identifier: Apache-2.0
import { formatMicros } from 'fasten/core'
import type { FleetDatabase } from '../../database/fleet-database.ts'

/**
 * Of checkpoints of nodes that are a day old, keeps the newest of each hour, and those that somebody besides this fleet has cosigned: what a node does
 * with its own. Looks at whole hours, each once.
 */
export async function thinCheckpoints(
  database: Pick<FleetDatabase, 'transact'>,
  nowMicros: number,
): Promise<number> {
  const hourMicros = 3_600_000_000
  const before = formatMicros(Math.floor((nowMicros - 24 * hourMicros) / hourMicros) * hourMicros)
  return database.transact(async (sql) => {
    const { rows } = await sql.query<{ thinned_to: string }>(
      'SELECT thinned_to FROM fleet_retention_lease FOR UPDATE',
    )
    const from = rows[0]?.thinned_to ?? ''
    if (from >= before) return 0
    const { rowCount } = await sql.query(
      `DELETE FROM fasten_checkpoints c USING fasten_logs l
      WHERE l.table_name = c.table_name AND l.log = c.log AND l.replica_frontier IS NOT NULL
        AND c.signed_at >= $1 AND c.signed_at < $2 AND c.cosignatures <= 1
        AND EXISTS (SELECT FROM fasten_checkpoints n WHERE n.table_name = c.table_name AND n.log = c.log AND n.size > c.size
          AND n.signed_at >= $1 AND n.signed_at < $2 AND left(n.signed_at, 13) = left(c.signed_at, 13))`,
      [from, before],
    )
    await sql.query('UPDATE fleet_retention_lease SET thinned_to = $1', [before])
    return rowCount ?? 0
  })
}
