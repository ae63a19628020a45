// SPDX-License-Identifier: Apache-2.0
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Transport } from './same-origin.ts'

/**
 * The name of the session's cookie. `__Host-` has browsers take it over TLS only, for this very host only; without TLS, on the machine itself,
 * they would not take it at all.
 */
const nameOf = ({ isSecure }: Transport): string => (isSecure ? '__Host-fleet_session' : 'fleet_session')

export function sessionCookieOf(request: FastifyRequest, transport: Transport): string | undefined {
  return request.cookies[nameOf(transport)]
}

/** Gone with the browser; the server ends it earlier. Not read by scripts, not sent along by other sites. */
export function setSessionCookie(reply: FastifyReply, transport: Transport, token: string): void {
  reply.setCookie(nameOf(transport), token, {
    path: '/',
    httpOnly: true,
    secure: transport.isSecure,
    sameSite: 'lax',
  })
}

export function clearSessionCookie(reply: FastifyReply, transport: Transport): void {
  reply.clearCookie(nameOf(transport), {
    path: '/',
    httpOnly: true,
    secure: transport.isSecure,
    sameSite: 'lax',
  })
}
