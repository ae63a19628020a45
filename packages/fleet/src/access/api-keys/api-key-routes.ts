// SPDX-License-Identifier: Apache-2.0
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { permissions } from '../../web/principal.ts'
import { Problem } from '../../web/problem.ts'
import type { AccessDeps } from '../access-deps.ts'
import { reachesAll } from '../reaches-all.ts'
import { codePatterns, tenantScope } from '../scope-schema.ts'
import { createApiKey } from './create-api-key.ts'
import { listApiKeys, revokeApiKey } from './manage-api-keys.ts'

const order = z.strictObject({
  name: z.string().trim().min(1).max(128),
  permissions: z.array(z.enum(permissions)).min(1).max(permissions.length),
  tenants: tenantScope.optional(),
  codes: codePatterns.optional(),
  expires_in_days: z.int().min(1).max(366).default(90),
})

/** `/api/v1/api-keys`: users make keys for their programs, list and revoke them. A key makes further keys only where it manages access. */
export function apiKeyRoutes(server: FastifyInstance, deps: AccessDeps): void {
  const app = server.withTypeProvider<ZodTypeProvider>()
  const self = { permission: 'self' } as const

  app.post('/api/v1/api-keys', { config: self, schema: { body: order } }, async (request, reply) => {
    const { principal, body } = request
    if (principal.kind !== 'user' && !reachesAll(principal, 'access:manage'))
      throw new Problem(403, 'FORBIDDEN', 'a key makes no keys, unless it may manage access')
    const made = await createApiKey(deps, principal, {
      name: body.name,
      permissions: [...new Set(body.permissions)],
      tenants: body.tenants,
      codes: body.codes,
      expiresInDays: body.expires_in_days,
    })
    return reply.code(201).header('cache-control', 'no-store').send(made)
  })
  app.get('/api/v1/api-keys', { config: self }, async ({ principal }) => ({
    keys: await listApiKeys(deps, principal),
  }))
  app.delete(
    '/api/v1/api-keys/:key_id',
    { config: self, schema: { params: z.object({ key_id: z.string().max(64) }) } },
    async ({ principal, params }) => revokeApiKey(deps, principal, params.key_id),
  )
}
