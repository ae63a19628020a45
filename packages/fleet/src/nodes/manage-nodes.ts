// SPDX-License-Identifier: Apache-2.0
import { now } from '../access/access-deps.ts'
import { Problem } from '../web/problem.ts'
import type { Principal } from '../web/principal.ts'
import { createCredential } from './create-credential.ts'
import { managedNode } from './managed-node.ts'
import type { NodesDeps } from './nodes-deps.ts'

type Manager = Pick<Principal, 'actor' | 'tenants'>

/** The node sends nothing from now on, on every server. What it sent stays. Throws as `managedNode` does. */
export async function revokeNode(deps: NodesDeps, principal: Manager, node_id: string): Promise<void> {
  const at = now(deps)
  const { seals } = deps.database
  await deps.database.transact(async (sql) => {
    const { source_node_id } = await managedNode(sql, principal, node_id)
    await sql.query('UPDATE fleet_nodes SET revoked_at = $2, revoked_by = $3 WHERE node_id = $1', [
      node_id,
      at,
      principal.actor,
    ])
    await seals.seal(sql, 'node', node_id)
    const ended = await sql.query<{ id: string }>(
      `UPDATE fleet_node_credentials SET ends_at = $2 WHERE node_id = $1 AND (ends_at IS NULL OR ends_at > $2)
      RETURNING encode(digest, 'hex') AS id`,
      [node_id, at],
    )
    await seals.seal(sql, 'node_credential', ...ended.rows.map(({ id }) => id))
    await deps.fasten.emit(sql, {
      code: 'NODE_REVOKED',
      target: `node:${node_id}`,
      target_kind: 'node',
      detail: { source_node_id },
    })
  })
}

/**
 * A further credential for the node, which somebody brings there. The one it has goes on until the new one is used for the first time. Where nodes
 * need a client certificate, the new one is bound to that of its first use, so that a node can change both.
 */
export async function rotateForNode(deps: NodesDeps, principal: Manager, node_id: string): Promise<string> {
  return deps.database.transact(async (sql) => {
    const { wantsCertificate } = await managedNode(sql, principal, node_id)
    const credential = await createCredential(sql, node_id, {
      seals: deps.database.seals,
      at: now(deps),
      madeBy: principal.actor,
      wantsCertificate,
    })
    await tellRotation(deps, sql, node_id)
    return credential
  })
}

/** From its next report on the node is told to change its credential, until it has. Throws as `managedNode` does. */
export async function askRotation(deps: NodesDeps, principal: Manager, node_id: string): Promise<void> {
  await deps.database.transact(async (sql) => {
    await managedNode(sql, principal, node_id)
    await sql.query('UPDATE fleet_nodes SET rotation_asked_at = $2 WHERE node_id = $1', [node_id, now(deps)])
    await tellRotation(deps, sql, node_id, 'asked')
  })
}

/** The same, asked by the node itself: the new one is bound to the certificate of the one in use. */
export async function rotateOwn(
  deps: NodesDeps,
  node_id: string,
  clientKey: Buffer | undefined,
): Promise<string> {
  return deps.database.transact(async (sql) => {
    const { rows } = await sql.query(
      'SELECT FROM fleet_nodes WHERE node_id = $1 AND revoked_at IS NULL FOR UPDATE',
      [node_id],
    )
    if (rows.length === 0) throw new Problem(403, 'FORBIDDEN', 'this node was revoked')
    const credential = await createCredential(sql, node_id, {
      seals: deps.database.seals,
      at: now(deps),
      madeBy: `node:${node_id}`,
      wantsCertificate: clientKey !== undefined,
      clientKey,
    })
    await tellRotation(deps, sql, node_id)
    return credential
  })
}

/** Seconds without a request until the node counts as silent; null for what the fleet says. */
export async function setSilentAfter(
  deps: NodesDeps,
  principal: Manager,
  { node_id, silent_after_s }: { readonly node_id: string; readonly silent_after_s: number | null },
): Promise<void> {
  await deps.database.transact(async (sql) => {
    await managedNode(sql, principal, node_id)
    await deps.database.seals.lock(sql, 'node', node_id)
    await sql.query('UPDATE fleet_nodes SET silent_after_s = $2 WHERE node_id = $1', [
      node_id,
      silent_after_s,
    ])
    await deps.database.seals.seal(sql, 'node', node_id)
    await deps.fasten.emit(sql, {
      code: 'CONFIG_CHANGED',
      target: `node:${node_id}`,
      target_kind: 'node',
      detail: { silent_after_s },
    })
  })
}

const tellRotation = (
  { fasten }: NodesDeps,
  sql: Parameters<typeof managedNode>[0],
  node_id: string,
  stage: 'asked' | 'made' = 'made',
): Promise<unknown> =>
  Promise.resolve(
    fasten.emit(sql, {
      code: 'NODE_CREDENTIAL_ROTATED',
      target: `node:${node_id}`,
      target_kind: 'node',
      detail: { stage },
    }),
  )
