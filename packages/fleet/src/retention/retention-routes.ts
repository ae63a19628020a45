// SPDX-License-Identifier: Apache-2.0
import { policyHash, policyText, readJson, type JsonObject } from 'fasten/core'
import { sha256 } from 'fasten/store'
import type { FastifyInstance } from 'fastify'
import { isWithin } from '../database/tenant-scope.ts'
import { holdRoutes } from './holds/hold-routes.ts'
import { startKeeper, type ReplicaKeeper } from './keep-replicas.ts'
import type { RetentionDeps } from './retention-room.ts'

/** How long rows of nodes are kept: `/api/v1/retention`, holds, and the work itself in the background. */
export function retentionRoutes(app: FastifyInstance, deps: RetentionDeps): ReplicaKeeper {
  holdRoutes(app, deps)
  app.get('/api/v1/retention', { config: { permission: 'config:read' } }, async ({ principal }) => ({
    ...(await policyNow(deps)),
    sweeps: (await sweepsOf(deps)).filter(({ tenant }) => isWithin(principal.tenants, tenant)),
  }))
  return startKeeper(deps)
}

async function policyNow({ retention, database }: RetentionDeps): Promise<JsonObject> {
  const { rows } = await database.pool.query<{ swept_at: Date | null }>(
    'SELECT swept_at FROM fleet_retention_lease',
  )
  return {
    follow: retention.follow === 'all' ? 'all' : [...retention.follow],
    policy: readJson(policyText(retention.policy)) as JsonObject,
    policy_hash: policyHash(retention.policy, sha256),
    swept_at: rows[0]?.swept_at?.toISOString() ?? null,
  }
}

interface Sweeps {
  readonly tenant: string
  /** Who let go: the node, or the fleet by itself. */
  readonly told_by: 'node' | 'fleet'
  /** Rows that were named so, and of these those whose content went here, that stay under a hold, and that are there still. */
  readonly rows: number
  readonly gone: number
  readonly held: number
  readonly there: number
}

async function sweepsOf({ database }: RetentionDeps): Promise<readonly Sweeps[]> {
  const { rows } = await database.pool.query<
    Record<'tenant' | 'told_by' | 'rows' | 'gone' | 'held' | 'there', string>
  >(
    `SELECT tenant, told_by, sum(rows) AS rows, sum(gone) AS gone, sum(held) FILTER (WHERE done_at IS NULL) AS held,
      sum(rows - gone) FILTER (WHERE done_at IS NULL) AS there
    FROM fleet_sweeps GROUP BY tenant, told_by ORDER BY tenant, told_by`,
  )
  return rows.map((row) => ({
    tenant: row.tenant,
    told_by: row.told_by === 'fleet' ? 'fleet' : 'node',
    rows: Number(row.rows),
    gone: Number(row.gone),
    held: Number(row.held ?? 0),
    there: Number(row.there ?? 0),
  }))
}
