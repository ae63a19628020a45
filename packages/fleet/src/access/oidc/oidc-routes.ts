// SPDX-License-Identifier: Apache-2.0
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { Problem } from '../../web/problem.ts'
import { now, type AccessDeps } from '../access-deps.ts'
import { checkTransport, transportOf, type Transport } from '../sessions/same-origin.ts'
import { sessionCookieOf, setSessionCookie } from '../sessions/session-cookie.ts'
import { identityProvider } from './identity-provider.ts'
import { logInWithProvider } from './log-in-with-provider.ts'
import { openState, sealState, type LoginState } from './sealed-state.ts'

const minutesMax = 10
const callback = '/api/v1/login/oidc/callback'

/** A path of this fleet and of no other host. */
const returnPath = z
  .string()
  .max(512)
  .regex(/^\/(?![/\\])[\x21-\x5b\x5d-\x7e]*$/, 'is a path of this fleet')

/** `/api/v1/login/oidc`: the browser goes to the identity provider and comes back with a session. Not there when none is configured. */
export function oidcRoutes(server: FastifyInstance, deps: AccessDeps): void {
  const { oidc, publicUrl } = deps.config
  if (oidc === undefined || publicUrl === undefined) return
  const app = server.withTypeProvider<ZodTypeProvider>()
  const provider = identityProvider(oidc, `${publicUrl}${callback}`)

  app.get(
    '/api/v1/login/oidc',
    {
      config: { permission: 'public', limit: 'login' },
      schema: { querystring: z.strictObject({ return_to: returnPath.default('/') }) },
    },
    async (request, reply) => {
      const transport = transportOf(request, publicUrl)
      checkTransport(transport)
      const { url, login } = await provider.begin()
      setState(reply, transport, deps, { ...login, returnTo: request.query.return_to })
      return reply.header('cache-control', 'no-store').redirect(url.href, 303)
    },
  )
  app.get(callback, { config: { permission: 'public', limit: 'login' } }, async (request, reply) => {
    const transport = transportOf(request, publicUrl)
    const login = takeState(request, reply, transport, deps)
    try {
      const query = request.url.includes('?') ? request.url.slice(request.url.indexOf('?')) : ''
      const identity = await provider.finish(new URL(`${publicUrl}${callback}${query}`), login)
      const session = await logInWithProvider(deps, request, identity, sessionCookieOf(request, transport))
      setSessionCookie(reply, transport, session.token)
      return await reply.header('cache-control', 'no-store').redirect(login.returnTo, 303)
    } catch (problem) {
      if (problem instanceof Problem) tellFailure(deps, problem)
      throw problem
    }
  })
}

const stateCookie = ({ isSecure }: Transport): string => (isSecure ? '__Host-fleet_login' : 'fleet_login')

const cookieOptions = ({ isSecure }: Transport) =>
  ({ path: '/', httpOnly: true, secure: isSecure, sameSite: 'lax' }) as const

function setState(
  reply: FastifyReply,
  transport: Transport,
  deps: AccessDeps,
  login: Omit<LoginState, 'begunAt'>,
): void {
  const sealed = sealState(deps.secret, { ...login, begunAt: now(deps).getTime() })
  reply.setCookie(stateCookie(transport), sealed, { ...cookieOptions(transport), maxAge: minutesMax * 60 })
}

/** The login that this browser began; it is over with this answer, however it ends. */
function takeState(
  request: FastifyRequest,
  reply: FastifyReply,
  transport: Transport,
  deps: AccessDeps,
): LoginState {
  const sealed = request.cookies[stateCookie(transport)]
  reply.clearCookie(stateCookie(transport), cookieOptions(transport))
  const login = sealed === undefined ? undefined : openState(deps.secret, sealed)
  if (login === undefined || now(deps).getTime() - login.begunAt > minutesMax * 60_000)
    throw new Problem(400, 'NO_SUCH_LOGIN', 'this browser began no login here, or too long ago', {
      hint: 'begin again at /api/v1/login/oidc',
    })
  return login
}

/** The reason is told to the log and not to the browser: codes of the protocol, never what was sent. */
function tellFailure({ fasten }: AccessDeps, problem: Problem): void {
  const { cause } = problem
  const { code, error } = (typeof cause === 'object' && cause !== null ? cause : {}) as Readonly<
    Record<string, unknown>
  >
  const why = [error, code].filter((each) => typeof each === 'string').join(', ')
  fasten.emit({
    code: 'LOGIN_FAILED',
    actor: 'anonymous',
    actor_kind: 'user',
    auth_method: 'oidc',
    target: 'user:?',
    target_kind: 'user',
    outcome: 'denied',
    reason: why === '' ? problem.message : `${problem.message}: ${why}`,
  })
}
