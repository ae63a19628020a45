// SPDX-License-Identifier: Apache-2.0
import { now } from '../../access/access-deps.ts'
import type { TenantScope } from '../../database/tenant-scope.ts'
import { Problem } from '../../web/problem.ts'
import type { Principal } from '../../web/principal.ts'
import type { NodesDeps } from '../nodes-deps.ts'
import {
  enrolmentTokenColumns,
  shownToken,
  type EnrolmentToken,
  type EnrolmentTokenRow,
} from './enrolment-token.ts'

/** Those that enrol for tenants of this scope only, newest first, at most 1,000. */
export async function listEnrolmentTokens(
  { database }: Pick<NodesDeps, 'database'>,
  scope: TenantScope,
): Promise<readonly EnrolmentToken[]> {
  const { rows } = await database.pool.query<EnrolmentTokenRow>(
    `SELECT ${enrolmentTokenColumns} FROM fleet_enrolment_tokens WHERE ${isWithinScope('$1')}
    ORDER BY created_at DESC, prefix LIMIT 1000`,
    [scope === 'all' ? null : scope],
  )
  return rows.map(shownToken)
}

/** Nobody enrols with it from now on. Throws Problem 404 for one that is not there, has ended already, or is for others' tenants. */
export async function revokeEnrolmentToken(
  deps: NodesDeps,
  principal: Pick<Principal, 'actor' | 'tenants'>,
  tokenId: string,
): Promise<EnrolmentToken> {
  return deps.database.transact(async (sql) => {
    const { rows } = await sql.query<EnrolmentTokenRow>(
      `UPDATE fleet_enrolment_tokens SET revoked_at = $2, revoked_by = $3
      WHERE prefix = $1 AND revoked_at IS NULL AND ${isWithinScope('$4')} RETURNING ${enrolmentTokenColumns}`,
      [
        tokenId.replace(/^e_/, ''),
        now(deps),
        principal.actor,
        principal.tenants === 'all' ? null : principal.tenants,
      ],
    )
    const [row] = rows
    if (row === undefined)
      throw new Problem(404, 'NO_SUCH_TOKEN', `there is no token ${tokenId} that you may revoke`)
    await deps.database.seals.seal(sql, 'enrolment_token', row.prefix)
    await deps.fasten.emit(sql, {
      code: 'ENROLMENT_TOKEN_REVOKED',
      target: `e_${row.prefix}`,
      target_kind: 'enrolment_token',
      detail: { uses: row.uses },
    })
    return shownToken(row)
  })
}

/** SQL: the column `tenants` is within the scope that is the parameter, NULL being all on both sides. */
const isWithinScope = (parameter: string): string =>
  `(${parameter}::text[] IS NULL OR tenants <@ ${parameter}::text[])`
