// SPDX-License-Identifier: Apache-2.0
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { Problem } from '../../web/problem.ts'
import type { Permission, Principal } from '../../web/principal.ts'
import type { AccessDeps } from '../access-deps.ts'
import { reachesAll } from '../reaches-all.ts'
import { changeUser, createUser, listUsers } from './users.ts'

/** One word that can stand in rows behind `user:`. */
export const userName = z
  .string()
  .regex(/^[\p{L}\p{N}][\p{L}\p{N}._@+-]{0,127}$/u, 'is letters, digits and . _ @ + -, at most 128')

/** `/api/v1/users`: who can log in. Users belong to no tenant, so this is for those who see the whole fleet. */
export function userRoutes(server: FastifyInstance, deps: AccessDeps): void {
  const app = server.withTypeProvider<ZodTypeProvider>()

  app.get('/api/v1/users', { config: { permission: 'access:read' } }, async ({ principal }) => {
    requireWhole(principal, 'access:read')
    return { users: await listUsers(deps) }
  })
  app.post(
    '/api/v1/users',
    { config: { permission: 'access:manage' }, schema: { body: z.strictObject({ name: userName }) } },
    async ({ principal, body }, reply) => {
      requireWhole(principal, 'access:manage')
      return reply
        .code(201)
        .header('cache-control', 'no-store')
        .send(await createUser(deps, principal, body.name))
    },
  )
  app.patch(
    '/api/v1/users/:user_id',
    {
      config: { permission: 'access:manage' },
      schema: {
        params: z.object({ user_id: z.string().max(64) }),
        body: z
          .strictObject({ locked: z.boolean().optional(), reset_password: z.literal(true).optional() })
          .refine((body) => Object.keys(body).length > 0, 'says what to change'),
      },
    },
    async ({ principal, params, body }, reply) => {
      requireWhole(principal, 'access:manage')
      return reply
        .header('cache-control', 'no-store')
        .send(await changeUser(deps, principal, params.user_id, body))
    },
  )
}

function requireWhole(principal: Principal, permission: Permission): void {
  if (!reachesAll(principal, permission))
    throw new Problem(403, 'FORBIDDEN', `this needs the permission ${permission} for all tenants`)
}
