// SPDX-License-Identifier: Apache-2.0
import { parseLogName } from 'fasten/core'
import type { FastifyInstance } from 'fastify'
import { noTenant } from '../database/tenant-scope.ts'
import { maySeeLog, scopeOf } from './reading-scope.ts'
import { apiBase, type QueryDeps } from './reader-routes.ts'
import { tellReading } from './tell-reading.ts'

/**
 * `/api/v1/tenants`: those whose rows whoever asks may see and of which there are any. `rows` is the sum of the sizes of their logs, which is
 * read and not counted: rows whose content has expired are in it, and `rows_kind` says so.
 */
export function tenantRoutes(app: FastifyInstance, { fasten, stores }: QueryDeps): void {
  app.get(`${apiBase}/tenants`, { config: { permission: 'audit:read' } }, async (request) => {
    const scope = scopeOf(request.principal)
    const { rows: logs } = await stores.use(scope, ({ sql }) =>
      sql.query<{ log: string; size: string; moved_at: string }>(
        'SELECT log, size, moved_at FROM fasten_logs ORDER BY log',
      ),
    )
    const byTenant = Map.groupBy(
      logs.filter(({ log }) => maySeeLog(scope, log)),
      ({ log }) => parseLogName(log)?.tenant_id ?? noTenant,
    )
    const tenants = Array.from(byTenant, ([tenant, own]) => ({
      tenant,
      logs: own.length,
      nodes: new Set(own.map(({ log }) => parseLogName(log)?.source_node_id)).size,
      services: new Set(own.map(({ log }) => parseLogName(log)?.service_id)).size,
      rows: own.reduce((sum, { size }) => sum + Number(size), 0),
      rows_kind: 'with_expired',
      last_stored_at: own.reduce((newest, { moved_at }) => (moved_at > newest ? moved_at : newest), ''),
    }))
    tellReading(fasten, request.principal, { operation: 'tenants', parameters: {}, rows: 0 })
    return { tenants }
  })
}
