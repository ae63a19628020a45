// SPDX-License-Identifier: Apache-2.0
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { tenantScope } from '../../access/scope-schema.ts'
import { placeName } from '../node-schema.ts'
import type { NodesDeps } from '../nodes-deps.ts'
import { createEnrolmentToken } from './create-enrolment-token.ts'
import { listEnrolmentTokens, revokeEnrolmentToken } from './manage-enrolment-tokens.ts'

const week = 7 * 86_400

const order = z.strictObject({
  tenants: tenantScope.optional(),
  source_node_id: placeName.optional(),
  service_id: placeName.optional(),
  uses: z.int().min(1).max(10_000).default(1),
  expires_in_s: z.int().min(1).max(week).default(3600),
})

/** `/api/v1/enrolment-tokens`: made, listed and revoked by who manages nodes. */
export function enrolmentTokenRoutes(server: FastifyInstance, deps: NodesDeps): void {
  const app = server.withTypeProvider<ZodTypeProvider>()
  const manage = { permission: 'nodes:manage' } as const

  app.post(
    '/api/v1/enrolment-tokens',
    { config: manage, schema: { body: order } },
    async ({ principal, body }, reply) => {
      const made = await createEnrolmentToken(deps, principal, {
        tenants: body.tenants,
        source_node_id: body.source_node_id,
        service_id: body.service_id,
        usesMax: body.uses,
        expiresInS: body.expires_in_s,
      })
      return reply.code(201).header('cache-control', 'no-store').send(made)
    },
  )
  app.get('/api/v1/enrolment-tokens', { config: manage }, async ({ principal }) => ({
    tokens: await listEnrolmentTokens(deps, principal.tenants),
  }))
  app.delete(
    '/api/v1/enrolment-tokens/:token_id',
    { config: manage, schema: { params: z.object({ token_id: z.string().max(64) }) } },
    async ({ principal, params }) => revokeEnrolmentToken(deps, principal, params.token_id),
  )
}
