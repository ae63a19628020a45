// SPDX-License-Identifier: Apache-2.0
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { roles } from '../../web/principal.ts'
import type { AccessDeps } from '../access-deps.ts'
import { codePatterns, tenantScope } from '../scope-schema.ts'
import { createGrant, listGrants, revokeGrant } from './grants.ts'

const order = z.strictObject({
  to: z.union([
    z.strictObject({ user: z.string().min(1).max(128) }),
    z.strictObject({ group: z.string().min(1).max(256) }),
  ]),
  role: z.enum(roles),
  tenants: tenantScope,
  codes: codePatterns.optional(),
  expires_at: z.iso.datetime().optional(),
})

/** `/api/v1/grants`: who may do what. An administrator of some tenants reads, makes and revokes those that lie within them. */
export function grantRoutes(server: FastifyInstance, deps: AccessDeps): void {
  const app = server.withTypeProvider<ZodTypeProvider>()

  app.get('/api/v1/grants', { config: { permission: 'access:read' } }, async ({ principal }) => ({
    grants: await listGrants(deps, principal),
  }))
  app.post(
    '/api/v1/grants',
    { config: { permission: 'access:manage' }, schema: { body: order } },
    async ({ principal, body }, reply) => {
      const { to, role, tenants, codes, expires_at } = body
      const expiresAt = expires_at === undefined ? undefined : new Date(expires_at)
      return reply.code(201).send(await createGrant(deps, principal, { to, role, tenants, codes, expiresAt }))
    },
  )
  app.delete(
    '/api/v1/grants/:grant_id',
    {
      config: { permission: 'access:manage' },
      schema: { params: z.object({ grant_id: z.string().max(64) }) },
    },
    async ({ principal, params }) => revokeGrant(deps, principal, params.grant_id),
  )
}
