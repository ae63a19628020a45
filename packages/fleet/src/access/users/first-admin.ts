// SPDX-License-Identifier: Apache-2.0
import { rmSync, writeFileSync } from 'node:fs'
import { now, type AccessDeps } from '../access-deps.ts'
import { hashPassword } from '../login/password.ts'
import { newName, newSecret } from '../secret.ts'

export interface FirstAdminOptions {
  /** Where a password that was drawn is written, readable by this user alone, when nobody can be told. */
  readonly file: string
  /** Shows a line to the person at the terminal, and to no log; undefined where there is nobody. */
  readonly tellPerson: ((line: string) => void) | undefined
}

/**
 * A fleet without any user has one, `admin`, who must change the password at the first login; of servers that start at once, one makes it. The
 * password is that of the configuration, or drawn and shown once. With an identity provider and no password in the configuration nobody is made:
 * administrators then come by its groups. Answers where the password was put: nowhere when nobody was made.
 */
export async function ensureFirstAdmin(
  deps: AccessDeps,
  { file, tellPerson }: FirstAdminOptions,
): Promise<'configured' | 'told' | 'written' | 'nobody'> {
  const { adminPassword, oidc } = deps.config
  if (adminPassword === undefined && oidc !== undefined) return 'nobody'
  const { rows } = await deps.database.pool.query('SELECT 1 FROM fleet_users LIMIT 1')
  if (rows.length > 0) return 'nobody'
  const password = adminPassword?.() ?? newSecret().slice(0, 24)
  const stored = await hashPassword(password)
  const isMade = await deps.database.transact(async (sql) => {
    await sql.query('LOCK TABLE fleet_users IN SHARE ROW EXCLUSIVE MODE')
    const { rowCount } = await sql.query('SELECT 1 FROM fleet_users LIMIT 1')
    if (rowCount !== 0) return false
    const at = now(deps)
    const userId = `u_${newName()}`
    const grantId = `g_${newName()}`
    await sql.query(
      `INSERT INTO fleet_users (user_id, name, password, password_must_change, created_at, created_by)
      VALUES ($1, 'admin', $2, true, $3, 'fleet')`,
      [userId, stored, at],
    )
    await sql.query(
      `INSERT INTO fleet_grants (grant_id, user_id, role, created_at, created_by) VALUES ($1, $2, 'admin', $3, 'fleet')`,
      [grantId, userId, at],
    )
    await deps.database.seals.seal(sql, 'user', userId)
    await deps.database.seals.seal(sql, 'grant', grantId)
    const fleet = { actor: 'fleet', actor_kind: 'system' } as const
    const reason = 'the fleet had no user'
    await deps.fasten.emit(sql, {
      ...fleet,
      code: 'USER_CREATED',
      target: 'user:admin',
      target_kind: 'user',
      reason,
    })
    await deps.fasten.emit(sql, {
      ...fleet,
      code: 'ROLE_GRANTED',
      target: 'user:admin',
      target_kind: 'user',
      reason,
      detail: { grant: grantId, role: 'admin', tenants: 'all' },
    })
    // Written before the commit: an administrator whose password nobody knows must not come to be.
    if (adminPassword === undefined && tellPerson === undefined) {
      // One that lies there is of a database that is gone.
      rmSync(file, { force: true })
      writeFileSync(file, `${password}\n`, { mode: 0o600, flag: 'wx' })
    }
    return true
  })
  if (!isMade) return 'nobody'
  if (adminPassword !== undefined) return 'configured'
  if (tellPerson === undefined) return 'written'
  tellPerson(`the first login is admin with the password ${password} (shown this once; it has to be changed)`)
  return 'told'
}
