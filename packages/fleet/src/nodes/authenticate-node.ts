// SPDX-License-Identifier: Apache-2.0
import type { Pool } from 'pg'
import type { Authenticator } from '../web/authenticator.ts'
import { digestOf, parseCredential } from './credential.ts'
import { scopeOf } from './node.ts'

/**
 * Nodes by `authorization: Bearer fln_…`. Refused: a credential that is none of ours, has ended, or belongs to a node that was revoked; all
 * three are answered alike.
 */
export function authenticateNode({ pool }: { readonly pool: Pool }): Authenticator {
  return async ({ headers: { authorization } }) => {
    const [, token] = /^bearer +(fln_.*)$/i.exec(authorization ?? '') ?? []
    if (token === undefined) return undefined
    const parsed = parseCredential(token)
    if (parsed === undefined) return 'refused'
    // Looked up by the digest: how long that takes says nothing of the secret.
    const { rows } = await pool.query<{ source_node_id: string; tenants: string[] | null }>({
      name: 'fleet_node_credential',
      text: `SELECT n.source_node_id, n.tenants FROM fleet_node_credentials c JOIN fleet_nodes n USING (node_id)
        WHERE c.digest = $1 AND n.node_id = $2 AND n.revoked_at IS NULL AND (c.ends_at IS NULL OR c.ends_at > clock_timestamp())`,
      values: [digestOf(parsed.secret), parsed.node_id],
    })
    const [node] = rows
    if (node === undefined) return 'refused'
    return {
      kind: 'node',
      actor: `node:${parsed.node_id}`,
      name: node.source_node_id,
      tenants: scopeOf(node.tenants),
      permissions: new Set(['ingest:push']),
      auth_method: 'node_credential',
      node_id: parsed.node_id,
    }
  }
}
