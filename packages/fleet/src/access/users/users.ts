// SPDX-License-Identifier: Apache-2.0
import { Problem } from '../../web/problem.ts'
import type { Principal } from '../../web/principal.ts'
import { now, type AccessDeps, type ChangeDeps } from '../access-deps.ts'
import { requireAdminLeft } from '../grants/admin-left.ts'
import { hashPassword } from '../login/password.ts'
import { newName, newSecret } from '../secret.ts'
import { endSessionsOf } from '../sessions/manage-sessions.ts'

/** A user as it is shown. */
export interface User {
  readonly user_id: string
  readonly name: string
  /** `local`, or the issuer that vouches for it. */
  readonly from: string
  readonly groups: readonly string[]
  readonly created_at: string
  readonly last_login_at: string | null
  readonly locked_at: string | null
}

interface UserRow extends Omit<User, 'created_at' | 'last_login_at' | 'locked_at'> {
  readonly created_at: Date
  readonly last_login_at: Date | null
  readonly locked_at: Date | null
}

const userColumns =
  "user_id, name, coalesce(issuer, 'local') AS from, groups, created_at, last_login_at, locked_at"

const shown = (row: UserRow): User => ({
  ...row,
  created_at: row.created_at.toISOString(),
  last_login_at: row.last_login_at?.toISOString() ?? null,
  locked_at: row.locked_at?.toISOString() ?? null,
})

export async function listUsers({ database }: AccessDeps): Promise<readonly User[]> {
  const { rows } = await database.pool.query<UserRow>(
    `SELECT ${userColumns} FROM fleet_users ORDER BY lower(name) LIMIT 10000`,
  )
  return rows.map(shown)
}

/** A local user without any role yet. `one_time_password` is shown this once and has to be changed at the first login. */
export async function createUser(
  deps: AccessDeps,
  { actor }: Pick<Principal, 'actor'>,
  name: string,
): Promise<User & { readonly one_time_password: string }> {
  const password = newSecret().slice(0, 24)
  const stored = await hashPassword(password)
  const row = await deps.database.transact(async (sql) => {
    const { rows } = await sql.query<UserRow>(
      `INSERT INTO fleet_users (user_id, name, password, password_must_change, created_at, created_by)
      VALUES ($1, $2, $3, true, $4, $5) ON CONFLICT DO NOTHING RETURNING ${userColumns}`,
      [`u_${newName()}`, name, stored, now(deps), actor],
    )
    if (rows[0] === undefined) throw new Problem(409, 'NAME_TAKEN', `there is a user ${name} already`)
    await deps.database.seals.seal(sql, 'user', rows[0].user_id)
    await deps.fasten.emit(sql, {
      code: 'USER_CREATED',
      target: `user:${name}`,
      target_kind: 'user',
      detail: { from: 'local' },
    })
    return rows[0]
  })
  return { ...shown(row), one_time_password: password }
}

export interface UserChange {
  readonly locked?: boolean | undefined
  /** Gives a local user a new one-time password. */
  readonly reset_password?: true | undefined
}

/**
 * Locks or unlocks a user, or resets a local password; in all but unlocking, every session of the user ends at once, on every server, and
 * while he is locked his keys open nothing. Throws Problem 404, 409 `LAST_ADMIN` rather than leave a fleet that nobody manages, and FastenError
 * `ACCESS_ROW_ALTERED` where the user's seal does not hold and he is not to be locked.
 */
export async function changeUser(
  deps: ChangeDeps,
  principal: Pick<Principal, 'actor'>,
  userId: string,
  { locked, reset_password, asRescue = false }: UserChange & { readonly asRescue?: boolean },
): Promise<User & { readonly one_time_password?: string }> {
  const password = reset_password === true ? newSecret().slice(0, 24) : undefined
  const stored = password === undefined ? null : await hashPassword(password)
  const at = now(deps)
  const { seals } = deps.database
  const row = await deps.database.transact(async (sql) => {
    if (locked !== true && !asRescue) await seals.lock(sql, 'user', userId)
    const { rows } = await sql.query<UserRow>(
      `UPDATE fleet_users SET
        locked_at = CASE WHEN $2::boolean IS NULL THEN locked_at WHEN $2 THEN coalesce(locked_at, $3) END,
        password = coalesce($4, password),
        password_must_change = password_must_change OR $4 IS NOT NULL,
        groups = CASE WHEN $5 THEN '{}' ELSE groups END
      WHERE user_id = $1 AND ($4::text IS NULL OR password IS NOT NULL) RETURNING ${userColumns}`,
      [userId, locked ?? null, at, stored, asRescue],
    )
    const [user] = rows
    if (user === undefined)
      throw new Problem(404, 'NO_SUCH_USER', `there is no user ${userId} with whom that can be done`)
    await seals.seal(sql, 'user', user.user_id)
    const changes = [
      ...(locked === undefined ? [] : [locked ? 'locked' : 'unlocked']),
      ...(password === undefined ? [] : ['password reset']),
    ]
    await deps.fasten.emit(sql, {
      code: 'USER_CHANGED',
      target: `user:${user.name}`,
      target_kind: 'user',
      detail: { changes },
    })
    if (locked === true) await requireAdminLeft(sql, at)
    if (locked === true || password !== undefined)
      await endSessionsOf(deps, sql, principal, {
        userId,
        reason: `the user was changed: ${changes.join(', ')}`,
      })
    return user
  })
  return { ...shown(row), ...(password === undefined ? {} : { one_time_password: password }) }
}

/**
 * For who works on the machine itself: a local user is unlocked and has a new one-time password, which is answered. What somebody may have written
 * into the user's row is overwritten, and it is sealed. Throws Problem 404 for a name that no local user has.
 */
export async function rescueUser(
  deps: ChangeDeps,
  principal: Pick<Principal, 'actor'>,
  name: string,
): Promise<string> {
  const { rows } = await deps.database.pool.query<{ user_id: string }>(
    'SELECT user_id FROM fleet_users WHERE lower(name) = lower($1) AND password IS NOT NULL',
    [name],
  )
  const [user] = rows
  if (user === undefined) throw new Problem(404, 'NO_SUCH_USER', `there is no local user ${name}`)
  const changed = await changeUser(deps, principal, user.user_id, {
    locked: false,
    reset_password: true,
    asRescue: true,
  })
  return changed.one_time_password ?? ''
}
