// SPDX-License-Identifier: Apache-2.0
import type { FastifyRequest } from 'fastify'
import { Problem } from '../../web/problem.ts'
import type { AccessDeps } from '../access-deps.ts'
import { endSessionsOf } from '../sessions/manage-sessions.ts'
import { startSession, type StartedSession } from '../sessions/start-session.ts'
import { countAttempt } from './attempts.ts'
import { localUser } from './log-in.ts'
import { checkNewPassword, hashPassword, isPassword } from './password.ts'

/**
 * The user who asks has a new password and a new session; every other session of his has ended. Throws Problem 401 `LOGIN_FAILED` for a wrong
 * current password, which counts like a failed login, and what `checkNewPassword` says of the new one.
 */
export async function changePassword(
  deps: AccessDeps,
  request: FastifyRequest,
  passwords: { readonly current_password: string; readonly new_password: string },
): Promise<StartedSession> {
  const { principal } = request
  const user = await localUser(deps, principal.name)
  if (user === undefined || user.user_id !== principal.user_id)
    throw new Problem(409, 'NO_PASSWORD', 'your identity provider keeps your password')
  const attempt = await countAttempt(deps, user.name, request.ip)
  if (!(await isPassword(passwords.current_password, user.password))) {
    deps.fasten.emit({
      code: 'LOGIN_FAILED',
      target: `user:${user.name}`,
      target_kind: 'user',
      outcome: 'denied',
      reason: 'wrong password when changing it',
    })
    throw new Problem(401, 'LOGIN_FAILED', 'the current password is wrong')
  }
  await attempt.succeeded()
  checkNewPassword(passwords.new_password, { name: user.name, old: passwords.current_password })
  const stored = await hashPassword(passwords.new_password)
  return deps.database.transact(async (sql) => {
    await deps.database.seals.lock(sql, 'user', user.user_id)
    const { rowCount } = await sql.query(
      'UPDATE fleet_users SET password = $2, password_must_change = false WHERE user_id = $1 AND password = $3',
      [user.user_id, stored, user.password],
    )
    if (rowCount !== 1)
      throw new Problem(409, 'CHANGED_MEANWHILE', 'the password was changed by somebody else just now')
    await deps.database.seals.seal(sql, 'user', user.user_id)
    await deps.fasten.emit(sql, {
      code: 'PASSWORD_CHANGED',
      target: `user:${user.name}`,
      target_kind: 'user',
    })
    await endSessionsOf(deps, sql, principal, { userId: user.user_id, reason: 'the password was changed' })
    return startSession(deps, sql, user, { authMethod: 'password', request, before: undefined })
  })
}
