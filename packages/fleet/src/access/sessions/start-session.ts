// SPDX-License-Identifier: Apache-2.0
import type { FastifyRequest } from 'fastify'
import type { PoolClient } from 'pg'
import { now, type AccessDeps } from '../access-deps.ts'
import { digestOf, newName, newSecret } from '../secret.ts'

/** A session that has begun: `token` goes into the cookie and is kept nowhere. */
export interface StartedSession {
  readonly token: string
  readonly sessionId: string
  readonly expiresAt: Date
}

/**
 * Begins a session in this transaction, always under a new token. The session that the same browser had is ended, if `before` names its
 * token. Throws FastenError `ACCESS_ROW_ALTERED` for a user whose seal does not hold.
 */
export async function startSession(
  deps: AccessDeps,
  sql: PoolClient,
  user: { readonly user_id: string; readonly name: string },
  {
    authMethod,
    request,
    before,
  }: { readonly authMethod: string; readonly request: FastifyRequest; readonly before: string | undefined },
): Promise<StartedSession> {
  const at = now(deps)
  const token = newSecret()
  const sessionId = `s_${newName()}`
  const expiresAt = new Date(at.getTime() + deps.config.sessionMs)
  const { seals } = deps.database
  await seals.lock(sql, 'user', user.user_id)
  if (before !== undefined) await endReplaced(deps, sql, before, at)
  await sql.query(
    `INSERT INTO fleet_sessions
      (session_id, token_sha256, user_id, auth_method, created_at, last_seen_at, expires_at, address, user_agent)
    VALUES ($1, $2, $3, $4, $5, $5, $6, $7, $8)`,
    [
      sessionId,
      digestOf(token),
      user.user_id,
      authMethod,
      at,
      expiresAt,
      request.ip,
      request.headers['user-agent']?.slice(0, 256) ?? null,
    ],
  )
  await seals.seal(sql, 'session', sessionId)
  await sql.query('UPDATE fleet_users SET last_login_at = $2 WHERE user_id = $1', [user.user_id, at])
  await seals.seal(sql, 'user', user.user_id)
  await deps.fasten.emit(sql, {
    code: 'LOGIN_SUCCEEDED',
    actor: `user:${user.name}`,
    actor_kind: 'user',
    auth_method: authMethod,
    session_id: sessionId,
    target: `user:${user.name}`,
    target_kind: 'user',
    detail: { until: expiresAt.toISOString() },
  })
  return { token, sessionId, expiresAt }
}

async function endReplaced(deps: AccessDeps, sql: PoolClient, token: string, at: Date): Promise<void> {
  const { rows } = await sql.query<{ session_id: string; name: string }>(
    `UPDATE fleet_sessions s SET ended_at = $2, ended_by = 'user:' || u.name FROM fleet_users u
    WHERE s.token_sha256 = $1 AND s.ended_at IS NULL AND u.user_id = s.user_id RETURNING s.session_id, u.name`,
    [digestOf(token), at],
  )
  await deps.database.seals.seal(sql, 'session', ...rows.map(({ session_id }) => session_id))
  for (const { session_id, name } of rows)
    await deps.fasten.emit(sql, {
      code: 'SESSION_ENDED',
      actor: `user:${name}`,
      actor_kind: 'user',
      target: session_id,
      target_kind: 'session',
      reason: 'a new login replaced it',
    })
}
