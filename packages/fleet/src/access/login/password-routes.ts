// SPDX-License-Identifier: Apache-2.0
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { Problem } from '../../web/problem.ts'
import type { AccessDeps } from '../access-deps.ts'
import { checkSameOrigin, checkTransport, transportOf } from '../sessions/same-origin.ts'
import { sessionCookieOf, setSessionCookie } from '../sessions/session-cookie.ts'
import { changePassword } from './change-password.ts'
import { logIn } from './log-in.ts'
import { passwordCharacters } from './password.ts'

const password = z.string().min(1).max(passwordCharacters.max)

/** `/api/v1/login` and `/password`: for the users whom this fleet itself vouches for; asked by GET, which ways in there are. */
export function passwordRoutes(server: FastifyInstance, deps: AccessDeps): void {
  const app = server.withTypeProvider<ZodTypeProvider>()
  const { publicUrl } = deps.config

  app.get('/api/v1/login', { config: { permission: 'public' } }, async () => ({
    password: true,
    oidc: deps.config.oidc !== undefined && publicUrl !== undefined,
  }))
  app.post(
    '/api/v1/login',
    {
      config: { permission: 'public', limit: 'login' },
      bodyLimit: 16_384,
      schema: { body: z.strictObject({ name: z.string().min(1).max(128), password }) },
    },
    async (request, reply) => {
      const transport = transportOf(request, publicUrl)
      checkTransport(transport)
      checkSameOrigin(request, publicUrl, false)
      const before = sessionCookieOf(request, transport)
      const { token, ...shown } = await logIn(deps, request, { ...request.body, before })
      setSessionCookie(reply, transport, token)
      return reply.header('cache-control', 'no-store').send(shown)
    },
  )
  app.post(
    '/api/v1/password',
    {
      config: { permission: 'self', limit: 'login' },
      bodyLimit: 16_384,
      schema: { body: z.strictObject({ current_password: password, new_password: password }) },
    },
    async (request, reply) => {
      const { principal, body } = request
      if (principal.kind !== 'user')
        throw new Problem(403, 'FORBIDDEN', 'only a user who is logged in has a password')
      const { token } = await changePassword(deps, request, body)
      setSessionCookie(reply, transportOf(request, publicUrl), token)
      return reply.code(204).send()
    },
  )
}
