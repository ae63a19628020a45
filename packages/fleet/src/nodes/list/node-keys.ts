// SPDX-License-Identifier: Apache-2.0
import { parseLogName } from 'fasten/core'
import { isWithin, noTenant, type TenantScope } from '../../database/tenant-scope.ts'
import type { NodeSql } from '../node.ts'

/** A key that a node signs with, or did. */
export interface NodeKey {
  /** Ed25519, 64 hex. */
  readonly public_key: string
  readonly added_at: string
  /** From then on it opened nothing more. */
  readonly retired_at: string | null
  /** Logs in which it signs nothing beyond so many rows. */
  readonly ends: readonly { readonly log: string; readonly size: number }[]
}

/** Oldest first; ends only of logs within the scope. */
export async function readNodeKeys(
  sql: NodeSql,
  node_id: string,
  scope: TenantScope,
): Promise<readonly NodeKey[]> {
  const { rows } = await sql.query<{
    public_key: string
    added_at: Date
    revoked_at: Date | null
    ends: { log: string; size: number }[]
  }>(
    `SELECT k.public_key, k.added_at, k.revoked_at, (
      SELECT coalesce(json_agg(json_build_object('log', e.log, 'size', e.size) ORDER BY e.log), '[]')
      FROM fleet_node_key_ends e WHERE e.node_id = k.node_id AND e.public_key = k.public_key) AS ends
    FROM fleet_node_keys k WHERE k.node_id = $1 ORDER BY k.added_at, k.public_key`,
    [node_id],
  )
  return rows.map((row) => ({
    public_key: row.public_key,
    added_at: row.added_at.toISOString(),
    retired_at: row.revoked_at?.toISOString() ?? null,
    ends: row.ends.filter(({ log }) => isWithin(scope, parseLogName(log)?.tenant_id ?? noTenant)),
  }))
}
