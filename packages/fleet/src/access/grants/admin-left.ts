// SPDX-License-Identifier: Apache-2.0
import type { PoolClient } from 'pg'
import { Problem } from '../../web/problem.ts'

/** Held until the end of the transaction by whoever takes an administrator away. */
const adminLock = 7_117_002

/**
 * Throws Problem 409 `LAST_ADMIN` when, as this transaction leaves it, nobody holds the role admin over the whole fleet without an end: neither a
 * user who is not locked, nor a group. Two that take away the last two wait for each other.
 */
export async function requireAdminLeft(sql: PoolClient, at: Date): Promise<void> {
  await sql.query('SELECT pg_advisory_xact_lock($1)', [adminLock])
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
