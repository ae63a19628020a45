// SPDX-License-Identifier: Apache-2.0
import { sealedSql, type SealedRow } from '../../database/seals/sealed-row.ts'
import type { Authenticator } from '../../web/authenticator.ts'
import { Problem } from '../../web/problem.ts'
import { now, type AccessDeps } from '../access-deps.ts'
import { holdings, rightsOf, type Holdings } from '../grants-of-user.ts'
import { principalOf } from '../principal-of.ts'
import { digestOf } from '../secret.ts'
import { checkSameOrigin, transportOf } from './same-origin.ts'
import { sessionCookieOf } from './session-cookie.ts'

interface FoundSession {
  readonly session_id: string
  readonly user_id: string
  readonly name: string
  readonly auth_method: string
  readonly last_seen_at: Date
  readonly expires_at: Date
  readonly password_must_change: boolean
  readonly held: Holdings
  readonly sealed: SealedRow
  readonly user_sealed: SealedRow
}

/**
 * The cookie of a session that has not ended, by itself, by idleness, or by somebody. A request that carries an Authorization header is never
 * judged by its cookie. Throws Problem 403 `CROSS_SITE` as `checkSameOrigin`, and `PASSWORD_CHANGE_NEEDED` for all but what concerns the
 * user alone while a password has to be changed.
 */
export function sessionAuthenticator(deps: AccessDeps): Authenticator {
  const { publicUrl, sessionIdleMs } = deps.config
  const { seals } = deps.database
  return async (request, needed) => {
    if (request.headers.authorization !== undefined) return undefined
    const token = sessionCookieOf(request, transportOf(request, publicUrl))
    if (token === undefined) return undefined
    checkSameOrigin(request, publicUrl, true)
    const at = now(deps)
    const { rows } = await deps.database.pool.query<FoundSession>(
      `SELECT s.session_id, s.user_id, u.name, s.auth_method, s.last_seen_at, s.expires_at, u.password_must_change,
        ${holdings('u', '$2')} AS held, ${sealedSql('session', 's')} AS sealed, ${sealedSql('user', 'u')} AS user_sealed
      FROM fleet_sessions s JOIN fleet_users u USING (user_id)
      WHERE s.token_sha256 = $1 AND s.ended_at IS NULL AND u.locked_at IS NULL AND s.expires_at > $2 AND s.last_seen_at > $3`,
      [digestOf(token), at, new Date(at.getTime() - sessionIdleMs)],
    )
    const [session] = rows
    if (session === undefined) return 'refused'
    if (!seals.holds('session', session.sealed) || !seals.holds('user', session.user_sealed)) return 'refused'
    await noteSeen(deps, session, at)
    if (session.password_must_change && needed !== 'self')
      throw new Problem(403, 'PASSWORD_CHANGE_NEEDED', 'the password has to be changed first', {
        hint: 'POST /api/v1/password',
      })
    return principalOf(
      {
        kind: 'user',
        actor: `user:${session.name}`,
        name: session.name,
        auth_method: session.auth_method,
        session_id: session.session_id,
        user_id: session.user_id,
      },
      session.password_must_change ? [] : rightsOf(deps, session.held, at),
      needed,
    )
  }
}

/** At most one write a minute and session. */
async function noteSeen(
  { database }: AccessDeps,
  { session_id, last_seen_at }: FoundSession,
  at: Date,
): Promise<void> {
  if (at.getTime() - last_seen_at.getTime() < 60_000) return
  await database.pool.query(
    'UPDATE fleet_sessions SET last_seen_at = greatest(last_seen_at, $2) WHERE session_id = $1',
    [session_id, at],
  )
}
