// SPDX-License-Identifier: Apache-2.0
import { createHmac } from 'node:crypto'
import { derived } from '../../database/fleet-database.ts'
import { Problem } from '../../web/problem.ts'
import { addressGroup } from '../../web/address-group.ts'
import { now, type AccessDeps } from '../access-deps.ts'

/** A try that was counted as a failure before it was judged. */
export interface Attempt {
  /** It was right after all. */
  succeeded(): Promise<void>
}

/** So many failures are free; then each doubles a wait that begins with one second. A quiet hour forgets them. */
const freeOfAccount = 5
const freeOfAddress = 20
const waitMaxS = 300

/**
 * Counts a guess at the password of `name` from `address`, for all servers of the fleet together, before anybody looks at it, so that a
 * thousand guesses at once do not slip through. Throws Problem 429 `LOGIN_SLOWED` with Retry-After, at most five minutes, when there were too
 * many: the same for names that exist and those that do not. Guessing is so held to 300 a day and account; the price is that a stranger who keeps
 * guessing can keep an account waiting, which his address's own limit makes tedious.
 */
export async function countAttempt(deps: AccessDeps, name: string, address: string): Promise<Attempt> {
  const key = (kind: string, text: string): string =>
    createHmac('sha256', derived(deps.secret, 'login attempts')).update(`${kind} ${text}`).digest('base64url')
  const ofAddress = key('address', addressGroup(address))
  const ofAccount = key('account', name.toLowerCase())
  await count(deps, ofAddress, freeOfAddress)
  await count(deps, ofAccount, freeOfAccount)
  return {
    async succeeded() {
      await deps.database.pool.query('DELETE FROM fleet_login_attempts WHERE key = $1', [ofAccount])
      // Whoever has an account of his own must not wash away his guesses at others.
      await deps.database.pool.query(
        'UPDATE fleet_login_attempts SET failures = greatest(0, failures - 1) WHERE key = $1',
        [ofAddress],
      )
    },
  }
}

/** Forgets guesses that are a day old. */
export async function sweepAttempts(deps: AccessDeps): Promise<void> {
  const yesterday = new Date(now(deps).getTime() - 86_400_000)
  await deps.database.pool.query('DELETE FROM fleet_login_attempts WHERE last_at < $1', [yesterday])
}

async function count({ database, ...deps }: AccessDeps, key: string, free: number): Promise<void> {
  const at = now(deps)
  const freeAt = `a.last_at + least(${waitMaxS},
    CASE WHEN a.failures < $2 THEN 0 ELSE power(2, least(a.failures - $2, 20)) END) * interval '1 second'`
  const { rowCount } = await database.pool.query(
    `INSERT INTO fleet_login_attempts AS a (key, failures, last_at) VALUES ($1, 1, $3)
    ON CONFLICT (key) DO UPDATE
      SET failures = CASE WHEN a.last_at < $3::timestamptz - interval '1 hour' THEN 1 ELSE a.failures + 1 END, last_at = $3
      WHERE ${freeAt} <= $3`,
    [key, free, at],
  )
  if (rowCount === 1) return
  const { rows } = await database.pool.query<{ free_at: Date }>(
    `SELECT ${freeAt} AS free_at FROM fleet_login_attempts a WHERE key = $1`,
    [key, free],
  )
  const leftMs = (rows[0]?.free_at ?? at).getTime() - at.getTime()
  throw new Problem(429, 'LOGIN_SLOWED', 'too many failed logins; wait, then try again', {
    retryAfterS: Math.max(1, Math.ceil(leftMs / 1000)),
  })
}
