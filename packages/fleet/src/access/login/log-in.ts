// SPDX-License-Identifier: Apache-2.0
import type { FastifyRequest } from 'fastify'
import { sealedSql, type SealedRow } from '../../database/seals/sealed-row.ts'
import { tellActor } from '../../web/app.ts'
import { Problem } from '../../web/problem.ts'
import type { AccessDeps } from '../access-deps.ts'
import { startSession } from '../sessions/start-session.ts'
import { countAttempt } from './attempts.ts'
import { isPassword } from './password.ts'

export interface LoggedIn {
  /** For the cookie. */
  readonly token: string
  readonly session_id: string
  readonly user: string
  readonly expires_at: string
  /** Nothing but a change of the password is open then. */
  readonly must_change_password: boolean
}

export interface LocalUser {
  readonly user_id: string
  readonly name: string
  readonly password: string
  readonly password_must_change: boolean
  readonly is_locked: boolean
  readonly sealed: SealedRow
}

/**
 * A local user with this password has a new session. Every other case is one Problem, 401 `LOGIN_FAILED`, after the same work: no such user, a
 * wrong password, a user who is locked, or whose row somebody else wrote. The row of a failure names a user only where there is one, because people type passwords into the
 * wrong field. Throws what `countAttempt` does, too.
 */
export async function logIn(
  deps: AccessDeps,
  request: FastifyRequest,
  {
    name,
    password,
    before,
  }: { readonly name: string; readonly password: string; readonly before: string | undefined },
): Promise<LoggedIn> {
  const user = await localUser(deps, name)
  const tellFailure = (reason: string): void => {
    deps.fasten.emit({
      code: 'LOGIN_FAILED',
      actor: 'anonymous',
      actor_kind: 'user',
      auth_method: 'password',
      target: user === undefined ? 'user:?' : `user:${user.name}`,
      target_kind: 'user',
      outcome: 'denied',
      reason,
    })
  }
  const attempt = await countAttempt(deps, name, request.ip).catch((problem: unknown) => {
    if (problem instanceof Problem) tellFailure('too many tries')
    throw problem
  })
  const matches = await isPassword(password, user?.password)
  const isWhole = user !== undefined && deps.database.seals.holds('user', user.sealed)
  if (user === undefined || !matches || user.is_locked || !isWhole) {
    tellFailure(
      user === undefined
        ? 'no such user'
        : !isWhole
          ? 'the user was altered in the database'
          : matches
            ? 'the user is locked'
            : 'wrong password',
    )
    throw new Problem(401, 'LOGIN_FAILED', 'name or password is wrong')
  }
  const session = await deps.database.transact((sql) =>
    startSession(deps, sql, user, { authMethod: 'password', request, before }),
  )
  await attempt.succeeded()
  tellActor({
    kind: 'user',
    actor: `user:${user.name}`,
    auth_method: 'password',
    session_id: session.sessionId,
  })
  return {
    token: session.token,
    session_id: session.sessionId,
    user: user.name,
    expires_at: session.expiresAt.toISOString(),
    must_change_password: user.password_must_change,
  }
}

export async function localUser({ database }: AccessDeps, name: string): Promise<LocalUser | undefined> {
  const { rows } = await database.pool.query<LocalUser>(
    `SELECT user_id, name, password, password_must_change, locked_at IS NOT NULL AS is_locked, ${sealedSql('user', 'u')} AS sealed
    FROM fleet_users u WHERE lower(name) = lower($1) AND password IS NOT NULL`,
    [name],
  )
  return rows[0]
}
