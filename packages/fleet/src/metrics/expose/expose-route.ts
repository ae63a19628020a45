// SPDX-License-Identifier: Apache-2.0
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { names } from '../ask/parameters.ts'
import { scopedTo, tellMetrics, type MetricsRoom } from '../metrics-room.ts'
import { exposed } from './family.ts'
import { createOwnFamilies } from './own-families.ts'
import { redFamilies } from './red-families.ts'

const query = z.strictObject({ tenant: names, service: names })

export interface ExposeOptions extends MetricsRoom {
  /** `public`: whoever reaches the server sees the numbers of all tenants. */
  readonly metrics: 'key' | 'public'
}

/**
 * `GET /metrics` for Prometheus: counters of the tenants that the credential names and, for those who see all of them, of the fleet itself. With
 * exemplars where the scraper takes OpenMetrics.
 */
export function exposeRoute(server: FastifyInstance, room: ExposeOptions): void {
  const app = server.withTypeProvider<ZodTypeProvider>()
  const ownFamilies = createOwnFamilies(room.database.pool)
  const permission = room.metrics === 'public' ? 'public' : 'metrics:read'
  app.get('/metrics', { config: { permission }, schema: { querystring: query } }, async (request, reply) => {
    const { tenant, service } = request.query
    const scope = permission === 'public' ? { tenants: 'all' as const } : scopedTo(request.principal)
    const red = await room.stores.use(scope, ({ sql }) => redFamilies(sql, { tenant, service }))
    const own = scope.tenants === 'all' ? await ownFamilies() : []
    if (permission !== 'public')
      tellMetrics(room.fasten, request.principal, 'scrape', request.query, red.length)
    const takesExemplars = request.headers.accept?.includes('application/openmetrics-text') ?? false
    const { contentType, text } = await exposed(
      [...red, ...own],
      takesExemplars ? 'openmetrics' : 'prometheus',
    )
    return reply.type(contentType).header('cache-control', 'no-store').send(text)
  })
}
