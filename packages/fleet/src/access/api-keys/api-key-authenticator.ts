// SPDX-License-Identifier: Apache-2.0
import { sealedSql, type SealedRow } from '../../database/seals/sealed-row.ts'
import type { Authenticator } from '../../web/authenticator.ts'
import { withinLimits, type Right, type Rights } from '../../web/rights.ts'
import { now, type AccessDeps } from '../access-deps.ts'
import { holdings, rightsOf, type Holdings } from '../grants-of-user.ts'
import { principalOf } from '../principal-of.ts'
import { isDigestOf } from '../secret.ts'
import { apiKeyColumns, type ApiKeyRow } from './api-key.ts'

interface FoundRow extends ApiKeyRow {
  readonly secret_sha256: Buffer
  readonly user_name: string | null
  readonly is_locked: boolean
  /** null for a key without a user. */
  readonly held: Holdings | null
  readonly sealed: SealedRow
  readonly user_sealed: SealedRow | null
}

/**
 * `Authorization: Bearer flk_<prefix>_<secret>`. A key that is there but ended, or whose secret is wrong, leaves a row ACCESS_DENIED; what was
 * never a key of this fleet leaves only the row of its access.
 */
export function apiKeyAuthenticator(deps: AccessDeps): Authenticator {
  return async (request, needed) => {
    const key = /^bearer +(flk_.*)$/i.exec(request.headers.authorization ?? '')?.[1]
    if (key === undefined) return undefined
    const [, prefix, secret] = /^flk_([a-z2-7]{12})_([A-Za-z0-9_-]{43})$/.exec(key) ?? []
    if (prefix === undefined || secret === undefined) return 'refused'
    const at = now(deps)
    const row = await find(deps, prefix, at)
    if (row === undefined) return 'refused'
    const fault = faultOf(deps, row, secret, at)
    if (fault !== undefined) {
      deps.fasten.emit({
        code: 'ACCESS_DENIED',
        actor: `api_key:k_${row.prefix}`,
        actor_kind: 'service',
        target: `k_${row.prefix}`,
        target_kind: 'api_key',
        outcome: 'denied',
        reason: fault,
      })
      return 'refused'
    }
    await noteUse(deps, row, at)
    return principalOf(
      {
        kind: 'api_key',
        actor: `api_key:k_${row.prefix}`,
        name: row.name,
        auth_method: 'api_key',
        ...(row.user_id === null ? {} : { user_id: row.user_id }),
        ...(row.user_name === null ? {} : { on_behalf_of: `user:${row.user_name}` }),
      },
      rightsOfKey(row, deps, at),
      needed,
    )
  }
}

async function find({ database }: AccessDeps, prefix: string, at: Date): Promise<FoundRow | undefined> {
  const { rows } = await database.pool.query<FoundRow>(
    `SELECT ${apiKeyColumns
      .split(', ')
      .map((column) => `k.${column}`)
      .join(', ')},
      k.secret_sha256, u.name AS user_name, u.locked_at IS NOT NULL AS is_locked, ${sealedSql('api_key', 'k')} AS sealed,
      CASE WHEN u.user_id IS NOT NULL THEN ${sealedSql('user', 'u')} END AS user_sealed,
      CASE WHEN u.user_id IS NOT NULL THEN ${holdings('u', '$2')} END AS held
    FROM fleet_api_keys k LEFT JOIN fleet_users u USING (user_id) WHERE k.prefix = $1`,
    [prefix, at],
  )
  return rows[0]
}

function faultOf(
  { database: { seals } }: AccessDeps,
  row: FoundRow,
  secret: string,
  at: Date,
): string | undefined {
  if (!isDigestOf(secret, row.secret_sha256)) return 'the secret of the key is wrong'
  if (!seals.holds('api_key', row.sealed)) return 'the key was altered in the database'
  // A user who is gone from under his key left nobody's rights behind.
  if (row.user_id !== null && (row.user_sealed === null || !seals.holds('user', row.user_sealed)))
    return 'the user of the key was altered in the database'
  if (row.revoked_at !== null) return 'the key was revoked'
  if (row.expires_at <= at) return 'the key has expired'
  return row.is_locked ? 'the user of the key is locked' : undefined
}

function rightsOfKey({ held, permissions, tenants, codes }: FoundRow, deps: AccessDeps, at: Date): Rights {
  const right: Right = {
    permissions: new Set(permissions),
    tenants: tenants ?? 'all',
    ...(codes === null ? {} : { codes }),
  }
  return held === null ? [right] : withinLimits(right, rightsOf(deps, held, at))
}

/** At most one write a minute and key, whatever is asked with it. */
async function noteUse({ database }: AccessDeps, row: FoundRow, at: Date): Promise<void> {
  const minute = 60_000
  if (row.last_used_at !== null && at.getTime() - row.last_used_at.getTime() < minute) return
  await database.pool.query(
    `UPDATE fleet_api_keys SET last_used_at = $2
    WHERE prefix = $1 AND (last_used_at IS NULL OR last_used_at < $3)`,
    [row.prefix, at, new Date(at.getTime() - minute)],
  )
}
