// SPDX-License-Identifier: Apache-2.0
import type { PoolClient } from 'pg'
import { Problem } from '../../web/problem.ts'

/**
 * Throws Problem 409 `LAST_ADMIN` when, as this transaction leaves it, nobody holds the role admin over the whole fleet without an end: neither a
 * user who is not locked, nor a group. Two that take away the last two wait for each other.
 */
export async function requireAdminLeft(sql: PoolClient, at: Date): Promise<void> {
  await sql.query('LOCK TABLE fleet_grants, fleet_users IN SHARE ROW EXCLUSIVE MODE')
  const { rowCount } = await sql.query(
    `SELECT 1 FROM fleet_grants g LEFT JOIN fleet_users u USING (user_id)
    WHERE g.role = 'admin' AND g.tenants IS NULL AND g.codes IS NULL AND g.revoked_at IS NULL
      AND (g.expires_at IS NULL OR g.expires_at > $1) AND u.locked_at IS NULL LIMIT 1`,
    [at],
  )
  if (rowCount === 0)
    throw new Problem(409, 'LAST_ADMIN', 'nobody would be left who manages this fleet', {
      hint: 'make another administrator first',
    })
}
