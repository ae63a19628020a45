// SPDX-License-Identifier: Apache-2.0
import type { TenantScope } from '../../database/tenant-scope.ts'
import { Problem } from '../../web/problem.ts'
import { permissionsOf, type Principal, type Role } from '../../web/principal.ts'
import { covers, reachOf, type Reach } from '../../web/rights.ts'
import { now, type AccessDeps } from '../access-deps.ts'
import { newName } from '../secret.ts'
import { requireAdminLeft } from './admin-left.ts'

/** Who may do what, over whose rows, until when. */
export interface Grant {
  readonly grant_id: string
  /** `user:<name>` or `group:<name>`. */
  readonly to: string
  readonly role: Role
  readonly tenants: TenantScope
  readonly codes?: readonly string[]
  readonly created_at: string
  readonly created_by: string
  readonly expires_at: string | null
}

interface GrantRow {
  readonly grant_id: string
  readonly user_name: string | null
  readonly group_name: string | null
  readonly role: Role
  readonly tenants: readonly string[] | null
  readonly codes: readonly string[] | null
  readonly created_at: Date
  readonly created_by: string
  readonly expires_at: Date | null
}

const grantColumns = `grant_id, (SELECT name FROM fleet_users u WHERE u.user_id = g.user_id) AS user_name, group_name, role,
  tenants, codes, created_at, created_by, expires_at`

/** The grants that hold now, as far as they lie in what the principal may read of access. */
export async function listGrants(deps: AccessDeps, principal: Principal): Promise<readonly Grant[]> {
  const { rows } = await deps.database.pool.query<GrantRow>(
    `SELECT ${grantColumns} FROM fleet_grants g
    WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $1) ORDER BY created_at, grant_id LIMIT 10000`,
    [now(deps)],
  )
  return rows.filter((row) => covers(principal, reachOfRow(row))).map(shown)
}

export interface GrantOrder {
  readonly to: { readonly user: string } | { readonly group: string }
  readonly role: Role
  readonly tenants: TenantScope
  readonly codes?: readonly string[] | undefined
  readonly expiresAt?: Date | undefined
}

/**
 * A user or a group holds a role. Throws Problem 403 `EXCEEDS_RIGHTS` where whoever grants does not hold all of it over all of that, 404
 * `NO_SUCH_USER`, and 400 `NO_EXPIRY` for an auditor without an end.
 */
export async function createGrant(deps: AccessDeps, principal: Principal, order: GrantOrder): Promise<Grant> {
  const { to, role, tenants, codes, expiresAt } = order
  const reach: Reach = { tenants, ...(codes === undefined ? {} : { codes }) }
  checkHolds(principal, role, reach)
  const at = now(deps)
  if (role === 'auditor' && expiresAt === undefined)
    throw new Problem(400, 'NO_EXPIRY', 'a grant of the role auditor needs expires_at: an audit ends')
  if (expiresAt !== undefined && expiresAt <= at)
    throw new Problem(400, 'EXPIRES_BEFORE', 'expires_at is not in the future')
  return deps.database.transact(async (sql) => {
    const userId = 'user' in to ? await userIdOf(sql, to.user) : null
    const { rows } = await sql.query<GrantRow>(
      `INSERT INTO fleet_grants AS g
        (grant_id, user_id, group_name, role, tenants, codes, created_at, created_by, expires_at)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING ${grantColumns}`,
      [
        `g_${newName()}`,
        userId,
        'group' in to ? to.group : null,
        role,
        tenants === 'all' ? null : tenants,
        codes ?? null,
        at,
        principal.actor,
        expiresAt ?? null,
      ],
    )
    const grant = shown(one(rows))
    await deps.database.seals.seal(sql, 'grant', grant.grant_id)
    await deps.fasten.emit(sql, {
      code: 'ROLE_GRANTED',
      target: grant.to,
      target_kind: 'user' in to ? 'user' : 'group',
      detail: { grant: grant.grant_id, role, ...reach, expires_at: grant.expires_at },
    })
    return grant
  })
}

/** A grant holds no longer, on every server at once. Throws Problem 404, 403 as granting does, and 409 `LAST_ADMIN`. */
export async function revokeGrant(deps: AccessDeps, principal: Principal, grantId: string): Promise<Grant> {
  const at = now(deps)
  return deps.database.transact(async (sql) => {
    const { rows } = await sql.query<GrantRow>(
      `UPDATE fleet_grants g SET revoked_at = $2, revoked_by = $3 WHERE grant_id = $1 AND revoked_at IS NULL
      RETURNING ${grantColumns}`,
      [grantId, at, principal.actor],
    )
    const [row] = rows
    // What lies beyond one's own tenants is not there.
    if (row === undefined || !covers(principal, reachOfRow(row)))
      throw new Problem(404, 'NO_SUCH_GRANT', `there is no grant ${grantId}`)
    checkHolds(principal, row.role, reachOfRow(row))
    const grant = shown(row)
    await deps.database.seals.seal(sql, 'grant', grantId)
    await deps.fasten.emit(sql, {
      code: 'ROLE_REVOKED',
      target: grant.to,
      target_kind: row.group_name === null ? 'user' : 'group',
      detail: { grant: grantId, role: row.role, ...reachOfRow(row) },
    })
    if (row.role === 'admin') await requireAdminLeft(sql, at)
    return grant
  })
}

function checkHolds({ rights = [] }: Principal, role: Role, reach: Reach): void {
  const missing = permissionsOf[role].filter((permission) => {
    const own = reachOf(rights, permission)
    return own === undefined || !covers(own, reach)
  })
  if (missing.length > 0)
    throw new Problem(403, 'EXCEEDS_RIGHTS', `you may not do this there yourself: ${missing.join(', ')}`)
}

async function userIdOf(
  sql: { query(text: string, values: readonly unknown[]): Promise<{ rows: readonly { user_id: string }[] }> },
  name: string,
): Promise<string> {
  const { rows } = await sql.query('SELECT user_id FROM fleet_users WHERE lower(name) = lower($1)', [name])
  if (rows[0] === undefined) throw new Problem(404, 'NO_SUCH_USER', `there is no user ${name}`)
  return rows[0].user_id
}

function one<T>(rows: readonly T[]): T {
  const [row] = rows
  if (row === undefined) throw new TypeError('an insert answered no row')
  return row
}

const reachOfRow = ({ tenants, codes }: GrantRow): Reach => ({
  tenants: tenants ?? 'all',
  ...(codes === null ? {} : { codes }),
})

function shown(row: GrantRow): Grant {
  return {
    grant_id: row.grant_id,
    to: row.group_name === null ? `user:${row.user_name}` : `group:${row.group_name}`,
    role: row.role,
    ...reachOfRow(row),
    created_at: row.created_at.toISOString(),
    created_by: row.created_by,
    expires_at: row.expires_at?.toISOString() ?? null,
  }
}
