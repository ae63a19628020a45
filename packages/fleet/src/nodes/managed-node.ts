// SPDX-License-Identifier: Apache-2.0
import type { PoolClient } from 'pg'
import { Problem } from '../web/problem.ts'
import type { Principal } from '../web/principal.ts'
import { covers } from '../web/rights.ts'
import { scopeOf } from './node.ts'

/**
 * Locks a node that whoever asks may manage: all of its tenants must be theirs. Throws Problem 404 `NO_SUCH_NODE` for one that is not there, that
 * was revoked, or of which they know nothing; 403 `EXCEEDS_RIGHTS` for one that others share.
 */
export async function managedNode(
  sql: PoolClient,
  { tenants }: Pick<Principal, 'tenants'>,
  node_id: string,
): Promise<{ readonly source_node_id: string; readonly wantsCertificate: boolean }> {
  const { rows } = await sql.query<{
    source_node_id: string
    tenants: string[] | null
    wants_certificate: boolean | null
  }>(
    `SELECT n.source_node_id, n.tenants, (
      SELECT bool_or(c.wants_certificate) FROM fleet_node_credentials c WHERE c.node_id = n.node_id AND c.ends_at IS NULL
    ) AS wants_certificate FROM fleet_nodes n WHERE n.node_id = $1 AND n.revoked_at IS NULL FOR UPDATE OF n`,
    [node_id],
  )
  const [node] = rows
  const own = node && scopeOf(node.tenants)
  const isKnown =
    own !== undefined && (tenants === 'all' || own === 'all' || own.some((each) => tenants.includes(each)))
  if (node === undefined || own === undefined || !isKnown)
    throw new Problem(404, 'NO_SUCH_NODE', `there is no node ${node_id} that you may manage`)
  if (!covers({ tenants }, { tenants: own }))
    throw new Problem(403, 'EXCEEDS_RIGHTS', 'this node sends for tenants that are not yours, too')
  return { source_node_id: node.source_node_id, wantsCertificate: node.wants_certificate ?? false }
}
