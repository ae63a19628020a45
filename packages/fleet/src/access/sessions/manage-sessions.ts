// SPDX-License-Identifier: Apache-2.0
import type { PoolClient } from 'pg'
import { Problem } from '../../web/problem.ts'
import type { Principal } from '../../web/principal.ts'
import { now, type AccessDeps, type ChangeDeps } from '../access-deps.ts'
import { ownUser, reachesAll } from '../reaches-all.ts'

/** A session as it is shown. */
export interface Session {
  readonly session_id: string
  readonly user: string
  readonly auth_method: string
  readonly created_at: string
  /** To the minute. */
  readonly last_seen_at: string
  readonly expires_at: string
  readonly address: string | null
  readonly user_agent: string | null
  /** Whether it is the one that asks. */
  readonly is_own: boolean
}

interface SessionRow {
  readonly session_id: string
  readonly user: string
  readonly auth_method: string
  readonly created_at: Date
  readonly last_seen_at: Date
  readonly expires_at: Date
  readonly address: string | null
  readonly user_agent: string | null
}

/** The sessions that still open something, newest first: one's own, or everybody's for who may read the access of the whole fleet. */
export async function listSessions(deps: AccessDeps, principal: Principal): Promise<readonly Session[]> {
  const at = now(deps)
  const { rows } = await deps.database.pool.query<SessionRow>(
    `SELECT s.session_id, u.name AS user, s.auth_method, s.created_at, s.last_seen_at, s.expires_at, s.address, s.user_agent
    FROM fleet_sessions s JOIN fleet_users u USING (user_id)
    WHERE s.ended_at IS NULL AND s.expires_at > $1 AND s.last_seen_at > $2 AND ($3 OR s.user_id = $4)
    ORDER BY s.created_at DESC, s.session_id LIMIT 1000`,
    [
      at,
      new Date(at.getTime() - deps.config.sessionIdleMs),
      reachesAll(principal, 'access:read'),
      ownUser(principal),
    ],
  )
  return rows.map((row) => ({
    ...row,
    created_at: row.created_at.toISOString(),
    last_seen_at: row.last_seen_at.toISOString(),
    expires_at: row.expires_at.toISOString(),
    is_own: row.session_id === principal.session_id,
  }))
}

/** Ends one session at once, on every server. Its user may, and who manages the access of the whole fleet; to others Problem 404. */
export async function endSession(deps: AccessDeps, principal: Principal, sessionId: string): Promise<void> {
  await deps.database.transact(async (sql) => {
    const ended = await endSessions(deps, sql, principal, {
      where: 'session_id = $3 AND ($4 OR user_id = $5)',
      values: [sessionId, reachesAll(principal, 'access:manage'), ownUser(principal)],
    })
    if (ended === 0)
      throw new Problem(404, 'NO_SUCH_SESSION', `there is no session ${sessionId} that you may end`)
  })
}

/** Ends all sessions of a user but one, and answers how many. */
export function endSessionsOf(
  deps: ChangeDeps,
  sql: PoolClient,
  principal: Pick<Principal, 'actor'>,
  {
    userId,
    but,
    reason,
  }: { readonly userId: string; readonly but?: string | undefined; readonly reason: string },
): Promise<number> {
  return endSessions(deps, sql, principal, {
    where: 'user_id = $3 AND session_id IS DISTINCT FROM $4',
    values: [userId, but ?? null],
    reason,
  })
}

async function endSessions(
  deps: ChangeDeps,
  sql: PoolClient,
  { actor }: Pick<Principal, 'actor'>,
  {
    where,
    values,
    reason,
  }: { readonly where: string; readonly values: readonly unknown[]; readonly reason?: string },
): Promise<number> {
  const { rows } = await sql.query<{ session_id: string; name: string }>(
    `UPDATE fleet_sessions s SET ended_at = $1, ended_by = $2
    WHERE ended_at IS NULL AND ${where}
    RETURNING session_id, (SELECT name FROM fleet_users u WHERE u.user_id = s.user_id)`,
    [now(deps), actor, ...values],
  )
  await deps.database.seals.seal(sql, 'session', ...rows.map(({ session_id }) => session_id))
  for (const { session_id, name } of rows)
    await deps.fasten.emit(sql, {
      code: 'SESSION_ENDED',
      target: session_id,
      target_kind: 'session',
      detail: { user: name },
      ...(reason === undefined ? {} : { reason }),
    })
  return rows.length
}
