// SPDX-License-Identifier: Apache-2.0
import { pageRoots } from 'fasten-ui/serve'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { AccessDeps } from '../access-deps.ts'
import { endSession, listSessions } from './manage-sessions.ts'
import { transportOf } from './same-origin.ts'
import { clearSessionCookie } from './session-cookie.ts'

/** `/api/v1/me`, `/sessions` and `/logout`: who one is, where one is logged in, and the end of that. */
export function sessionRoutes(server: FastifyInstance, deps: AccessDeps): void {
  const app = server.withTypeProvider<ZodTypeProvider>()
  const self = { permission: 'self' } as const

  app.get('/api/v1/me', { config: self }, async ({ principal }) => {
    const { kind, actor, name, auth_method, session_id, on_behalf_of, rights = [] } = principal
    return {
      kind,
      actor,
      name,
      auth_method,
      ...(session_id === undefined ? {} : { session_id }),
      ...(on_behalf_of === undefined ? {} : { on_behalf_of }),
      rights: rights.map(({ permissions, tenants, codes }) => ({
        permissions: [...permissions],
        tenants,
        ...(codes === undefined ? {} : { codes }),
      })),
      places: pageRoots,
    }
  })
  app.get('/api/v1/sessions', { config: self }, async ({ principal }) => ({
    sessions: await listSessions(deps, principal),
  }))
  app.delete(
    '/api/v1/sessions/:session_id',
    { config: self, schema: { params: z.object({ session_id: z.string().max(64) }) } },
    async ({ principal, params }, reply) => {
      await endSession(deps, principal, params.session_id)
      return reply.code(204).send()
    },
  )
  app.post('/api/v1/logout', { config: self }, async (request, reply) => {
    const { session_id } = request.principal
    if (session_id !== undefined) await endSession(deps, request.principal, session_id)
    clearSessionCookie(reply, transportOf(request, deps.config.publicUrl))
    return reply.code(204).send()
  })
}
