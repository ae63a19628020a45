// SPDX-License-Identifier: Apache-2.0
import { now } from '../access/access-deps.ts'
import { Problem } from '../web/problem.ts'
import type { Principal } from '../web/principal.ts'
import { managedNode } from './managed-node.ts'
import type { NodesDeps } from './nodes-deps.ts'

export interface RetireOrder {
  readonly node_id: string
  readonly public_key: string
  /** Left out: the key opens nothing any more that comes from now on, in any log. */
  readonly from?: { readonly log: string; readonly size: number } | undefined
}

/**
 * A key of a node that has leaked, or was replaced: no checkpoint that it signs is taken any more, or none of more than `size` rows of one log.
 * What was accepted before stays as it is. Throws Problem 404 `NO_SUCH_KEY`.
 */
export async function retireKey(
  deps: NodesDeps,
  principal: Pick<Principal, 'actor' | 'tenants'>,
  { node_id, public_key, from }: RetireOrder,
): Promise<void> {
  const at = now(deps)
  await deps.database.transact(async (sql) => {
    await managedNode(sql, principal, node_id)
    await deps.database.seals.lock(sql, 'node', node_id)
    const { rowCount } =
      from === undefined
        ? await sql.query(
            'UPDATE fleet_node_keys SET revoked_at = $3 WHERE node_id = $1 AND public_key = $2 AND revoked_at IS NULL',
            [node_id, public_key, at],
          )
        : await sql.query(
            `INSERT INTO fleet_node_key_ends (node_id, public_key, log, size, ended_at, ended_by)
            SELECT k.node_id, k.public_key, $3, $4, $5, $6 FROM fleet_node_keys k
            WHERE k.node_id = $1 AND k.public_key = $2 AND k.revoked_at IS NULL
            ON CONFLICT (node_id, public_key, log) DO UPDATE
              SET size = least(fleet_node_key_ends.size, excluded.size), ended_at = excluded.ended_at, ended_by = excluded.ended_by`,
            [node_id, public_key, from.log, from.size, at, principal.actor],
          )
    if (rowCount === 0) throw new Problem(404, 'NO_SUCH_KEY', `node ${node_id} signs with no such key`)
    await deps.database.seals.seal(sql, 'node', node_id)
    await deps.fasten.emit(sql, {
      code: 'NODE_KEY_RETIRED',
      target: `node:${node_id}`,
      target_kind: 'node',
      detail: { public_key, ...from },
    })
  })
}
