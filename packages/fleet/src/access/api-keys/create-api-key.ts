// SPDX-License-Identifier: Apache-2.0
import type { TenantScope } from '../../database/tenant-scope.ts'
import { Problem } from '../../web/problem.ts'
import type { Permission, Principal } from '../../web/principal.ts'
import { covers, reachOf, type Reach } from '../../web/rights.ts'
import { now, type ChangeDeps } from '../access-deps.ts'
import { digestOf, newName, newSecret } from '../secret.ts'
import { apiKeyColumns, shownKey, type ApiKey, type ApiKeyRow } from './api-key.ts'

export interface ApiKeyOrder {
  readonly name: string
  readonly permissions: readonly Permission[]
  /** Default: wherever its maker has the first of the permissions. */
  readonly tenants?: TenantScope | undefined
  readonly codes?: readonly string[] | undefined
  readonly expiresInDays: number
}

/** A new key. `key` is shown this once; nothing that is kept tells it again. */
export interface NewApiKey extends ApiKey {
  readonly key: string
}

/**
 * Makes a key that may do no more than its maker: Problem 403 `EXCEEDS_RIGHTS` names what is missing. At every use it is bound again by what
 * its user may do then, so that it ends with the user's own rights; a key whose maker is no user is not.
 */
export async function createApiKey(
  deps: ChangeDeps,
  maker: Pick<Principal, 'actor' | 'rights' | 'user_id'>,
  { name, permissions, tenants, codes, expiresInDays }: ApiKeyOrder,
): Promise<NewApiKey> {
  const reach = reachOfOrder(maker, permissions, tenants, codes)
  const prefix = newName()
  const secret = newSecret()
  const createdAt = now(deps)
  const expiresAt = new Date(createdAt.getTime() + expiresInDays * 86_400_000)
  const row = await deps.database.transact(async (sql) => {
    const { rows } = await sql.query<ApiKeyRow>(
      `INSERT INTO fleet_api_keys (prefix, secret_sha256, name, user_id, permissions, tenants, codes, created_at, created_by, expires_at)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING ${apiKeyColumns}`,
      [
        prefix,
        digestOf(secret),
        name,
        maker.user_id ?? null,
        permissions,
        reach.tenants === 'all' ? null : reach.tenants,
        reach.codes ?? null,
        createdAt,
        maker.actor,
        expiresAt,
      ],
    )
    await deps.database.seals.seal(sql, 'api_key', prefix)
    await deps.fasten.emit(sql, {
      code: 'API_KEY_CREATED',
      target: `k_${prefix}`,
      target_kind: 'api_key',
      detail: { name, permissions, ...reach, expires_at: expiresAt.toISOString() },
    })
    return rows[0]
  })
  if (row === undefined) throw new TypeError('an insert answered no row')
  return { ...shownKey(row), key: `flk_${prefix}_${secret}` }
}

function reachOfOrder(
  { rights = [] }: Pick<Principal, 'rights'>,
  permissions: readonly Permission[],
  tenants: TenantScope | undefined,
  codes: readonly string[] | undefined,
): Reach {
  const [first] = permissions
  const own = first === undefined ? undefined : reachOf(rights, first)
  const wantedCodes = codes ?? own?.codes
  const reach: Reach = {
    tenants: tenants ?? own?.tenants ?? [],
    ...(wantedCodes === undefined ? {} : { codes: wantedCodes }),
  }
  const missing = permissions.filter((permission) => {
    const limit = reachOf(rights, permission)
    return limit === undefined || !covers(limit, reach)
  })
  if (missing.length > 0)
    throw new Problem(403, 'EXCEEDS_RIGHTS', `you may not do this there yourself: ${missing.join(', ')}`, {
      hint: 'a key does at most what its maker may; name the tenants and codes for which that holds',
    })
  return reach
}
