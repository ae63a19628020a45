// SPDX-License-Identifier: Apache-2.0
import { createPublicKey, verify } from 'node:crypto'
import { now } from '../access/access-deps.ts'
import { Problem } from '../web/problem.ts'
import { readNode } from './node.ts'
import type { NodesDeps } from './nodes-deps.ts'

export interface NewKey {
  /** Ed25519, 64 lower-case hex. */
  readonly public_key: string
  /** 128 hex. */
  readonly signature: string
}

/** What a key of the node signs to bring in another. */
export const keyMessage = (node_id: string, public_key: string): string =>
  `fasten-fleet/1 key ${node_id} ${public_key}`

/**
 * The node signs with this key too, from now on; true where that is new. Throws Problem 403 `KEY_UNSIGNED` when none of its keys has signed for it, and 409
 * `KEY_RETIRED` for one that was taken from it: what is retired stays so.
 */
export async function addKey(
  deps: NodesDeps,
  node_id: string,
  { public_key, signature }: NewKey,
): Promise<boolean> {
  return deps.database.transact(async (sql) => {
    // One after the other with a revocation and with the same request sent twice.
    await sql.query('SELECT FROM fleet_nodes WHERE node_id = $1 FOR UPDATE', [node_id])
    const node = await readNode(sql, node_id, deps.database.seals)
    if (node === undefined) throw new Problem(403, 'FORBIDDEN', 'this node was revoked')
    const message = Buffer.from(keyMessage(node_id, public_key))
    const signed = Buffer.from(signature, 'hex')
    const signer = node.public_keys.find((key) => verify(null, message, ed25519(key), signed))
    if (signer === undefined)
      throw new Problem(403, 'KEY_UNSIGNED', 'no registered key of this node has signed for the new one', {
        hint: 'where every old key is lost, enrol the node anew',
      })
    if (node.public_keys.includes(public_key)) return false
    const { rows } = await sql.query('SELECT FROM fleet_node_keys WHERE node_id = $1 AND public_key = $2', [
      node_id,
      public_key,
    ])
    if (rows.length > 0) throw new Problem(409, 'KEY_RETIRED', 'this key was retired and does not come back')
    const { rowCount } = await sql.query(
      `INSERT INTO fleet_node_keys (node_id, public_key, added_at)
      SELECT $1, $2, $3 WHERE (SELECT count(*) FROM fleet_node_keys WHERE node_id = $1 AND revoked_at IS NULL) < ${keysMax}`,
      [node_id, public_key, now(deps)],
    )
    if (rowCount === 0)
      throw new Problem(409, 'TOO_MANY_KEYS', `a node has at most ${keysMax} keys`, {
        hint: 'retire those that sign no more',
      })
    await deps.database.seals.seal(sql, 'node', node_id)
    await deps.fasten.emit(sql, {
      code: 'NODE_KEY_ADDED',
      target: `node:${node_id}`,
      target_kind: 'node',
      detail: { public_key, signed_by: signer },
    })
    return true
  })
}

const keysMax = 64

const ed25519 = (hex: string) =>
  createPublicKey({
    key: { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(hex, 'hex').toString('base64url') },
    format: 'jwk',
  })
