// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto'
import type { PoolClient } from 'pg'
import { isWithin, type TenantScope } from '../database/tenant-scope.ts'
import { Problem } from '../web/problem.ts'
import { createCredential, type CredentialFacts } from './create-credential.ts'
import { isSourceNode } from './is-log-of.ts'
import { scopeOf } from './node.ts'

export interface NewNode {
  readonly source_node_id: string
  /** Left out: any service of this node. */
  readonly service_id?: string | undefined
  readonly tenants: TenantScope
  readonly software?: string
  /** Ed25519, 64 lower-case hex each. */
  readonly public_keys: readonly string[]
  /** Prefix of the token that it came with. */
  readonly enrolledWith?: string
}

/**
 * A node that may send rows once the caller's transaction commits, and its credential, which is not kept and not shown again.
 *
 * Throws Problem 409 `NODE_TAKEN` when another node may already write some of the same logs: one log has one writer; or the fleet itself does, for a source.
 */
export async function createNode(
  sql: PoolClient,
  { source_node_id, service_id, tenants, software, public_keys, enrolledWith }: NewNode,
  facts: CredentialFacts,
): Promise<{ readonly node_id: string; readonly credential: string }> {
  if (isSourceNode(source_node_id))
    throw new Problem(409, 'NODE_TAKEN', `"${source_node_id}" is how this fleet names its own sources`, {
      hint: 'give this node another FASTEN_NODE_ID',
    })
  // Two that enrol at once under one name come one after the other.
  await sql.query("SELECT pg_advisory_xact_lock(hashtextextended('fleet node ' || $1, 0))", [source_node_id])
  const { rows } = await sql.query<{ service_id: string | null; tenants: string[] | null }>(
    'SELECT service_id, tenants FROM fleet_nodes WHERE source_node_id = $1 AND revoked_at IS NULL',
    [source_node_id],
  )
  const isTaken = rows.some(
    (other) =>
      (other.service_id === null || service_id === undefined || other.service_id === service_id) &&
      overlap(scopeOf(other.tenants), tenants),
  )
  if (isTaken)
    throw new Problem(409, 'NODE_TAKEN', `a node "${source_node_id}" writes some of these logs already`, {
      hint: 'revoke it first, or give this node another FASTEN_NODE_ID',
    })
  const node_id = randomBytes(8).toString('hex')
  await sql.query(
    `INSERT INTO fleet_nodes (node_id, source_node_id, service_id, tenants, software, enrolled_with, enrolled_at)
    VALUES ($1, $2, $3, $4, $5, $6, coalesce($7, clock_timestamp()))`,
    [
      node_id,
      source_node_id,
      service_id ?? null,
      tenants === 'all' ? null : [...tenants],
      software ?? null,
      enrolledWith ?? null,
      facts.at ?? null,
    ],
  )
  for (const key of new Set(public_keys))
    await sql.query('INSERT INTO fleet_node_keys (node_id, public_key) VALUES ($1, $2)', [node_id, key])
  await facts.seals.seal(sql, 'node', node_id)
  return { node_id, credential: await createCredential(sql, node_id, facts) }
}

function overlap(one: TenantScope, other: TenantScope): boolean {
  if (one === 'all') return other === 'all' || other.length > 0
  return one.some((tenant) => isWithin(other, tenant))
}
