// SPDX-License-Identifier: Apache-2.0
import type { Pool, PoolClient } from 'pg'
import { sealedSql, type SealedRow } from '../database/seals/sealed-row.ts'
import type { Seals } from '../database/seals/seals.ts'
import type { TenantScope } from '../database/tenant-scope.ts'

/** A connection or the pool. */
export type NodeSql = Pick<Pool | PoolClient, 'query'>

/** A node that may send rows. */
export interface Node {
  readonly node_id: string
  readonly source_node_id: string
  /** Undefined: any service of this node. */
  readonly service_id: string | undefined
  readonly tenants: TenantScope
  /** Ed25519 keys that may sign its checkpoints, 64 hex each. */
  readonly public_keys: readonly string[]
  /** Where one of them signs no more beyond so many rows of a log. */
  readonly key_ends: readonly KeyEnd[]
}

export interface KeyEnd {
  readonly public_key: string
  readonly log: string
  readonly size: number
}

/** Whether this key of the node may have signed a checkpoint of so many rows of the log. */
export function isKeyFor(
  { public_keys, key_ends }: Pick<Node, 'public_keys' | 'key_ends'>,
  { public_key, log, size }: KeyEnd,
): boolean {
  return (
    public_keys.includes(public_key) &&
    key_ends.every((end) => end.public_key !== public_key || end.log !== log || size <= end.size)
  )
}

/** Undefined for one that is not there, was revoked, or whose seal does not hold: somebody else wrote it, or one of its keys. */
export async function readNode(
  sql: NodeSql,
  node_id: string,
  seals: Pick<Seals, 'holds'>,
): Promise<Node | undefined> {
  const { rows } = await sql.query<{
    source_node_id: string
    service_id: string | null
    tenants: string[] | null
    public_keys: string[]
    key_ends: KeyEnd[]
    sealed: SealedRow
  }>({
    name: 'fleet_node',
    text: `SELECT n.source_node_id, n.service_id, n.tenants, ARRAY(
      SELECT k.public_key FROM fleet_node_keys k WHERE k.node_id = n.node_id AND k.revoked_at IS NULL ORDER BY k.added_at
    ) AS public_keys, (
      SELECT coalesce(json_agg(json_build_object('public_key', e.public_key, 'log', e.log, 'size', e.size)), '[]')
      FROM fleet_node_key_ends e WHERE e.node_id = n.node_id
    ) AS key_ends, ${sealedSql('node', 'n')} AS sealed FROM fleet_nodes n WHERE n.node_id = $1 AND n.revoked_at IS NULL`,
    values: [node_id],
  })
  const [row] = rows
  if (row === undefined || !seals.holds('node', row.sealed)) return undefined
  return {
    node_id,
    source_node_id: row.source_node_id,
    service_id: row.service_id ?? undefined,
    tenants: scopeOf(row.tenants),
    public_keys: row.public_keys,
    key_ends: row.key_ends,
  }
}

/** A scope as the column `tenants` has it: null for all. */
export const scopeOf = (tenants: readonly string[] | null): TenantScope => tenants ?? 'all'
