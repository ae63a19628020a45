// SPDX-License-Identifier: Apache-2.0
import { Problem } from '../../web/problem.ts'
import type { Principal } from '../../web/principal.ts'
import { now, type AccessDeps } from '../access-deps.ts'
import { ownUser, reachesAll } from '../reaches-all.ts'
import { apiKeyColumns, shownKey, type ApiKey, type ApiKeyRow } from './api-key.ts'

/** The keys of whoever asks, newest first; those of everybody for who may read the access of the whole fleet. */
export async function listApiKeys(
  { database }: AccessDeps,
  principal: Principal,
): Promise<readonly ApiKey[]> {
  const isForAll = reachesAll(principal, 'access:read')
  const { rows } = await database.pool.query<ApiKeyRow>(
    `SELECT ${apiKeyColumns} FROM fleet_api_keys WHERE $1 OR user_id = $2 ORDER BY created_at DESC, prefix LIMIT 1000`,
    [isForAll, ownUser(principal)],
  )
  return rows.map(shownKey)
}

/**
 * The key is worth nothing from now on, on every server. Its maker may do that, and who manages the access of the whole fleet; to others, and
 * for keys that are not there or ended already, Problem 404.
 */
export async function revokeApiKey(deps: AccessDeps, principal: Principal, keyId: string): Promise<ApiKey> {
  return deps.database.transact(async (sql) => {
    const { rows } = await sql.query<ApiKeyRow>(
      `UPDATE fleet_api_keys SET revoked_at = $2, revoked_by = $3
      WHERE prefix = $1 AND revoked_at IS NULL AND ($4 OR user_id = $5) RETURNING ${apiKeyColumns}`,
      [
        keyId.replace(/^k_/, ''),
        now(deps),
        principal.actor,
        reachesAll(principal, 'access:manage'),
        ownUser(principal),
      ],
    )
    const [row] = rows
    if (row === undefined)
      throw new Problem(404, 'NO_SUCH_KEY', `there is no key ${keyId} that you may revoke`)
    await deps.database.seals.seal(sql, 'api_key', row.prefix)
    await deps.fasten.emit(sql, {
      code: 'API_KEY_REVOKED',
      target: keyId,
      target_kind: 'api_key',
      detail: { name: row.name },
    })
    return shownKey(row)
  })
}
