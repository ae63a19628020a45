// SPDX-License-Identifier: Apache-2.0
import { now } from '../../access/access-deps.ts'
import { digestOf, newName, newSecret } from '../../access/secret.ts'
import type { TenantScope } from '../../database/tenant-scope.ts'
import { Problem } from '../../web/problem.ts'
import type { Principal } from '../../web/principal.ts'
import { covers } from '../../web/rights.ts'
import type { NodesDeps } from '../nodes-deps.ts'
import {
  enrolmentTokenColumns,
  shownToken,
  type EnrolmentToken,
  type EnrolmentTokenRow,
} from './enrolment-token.ts'

export interface EnrolmentTokenOrder {
  /** Default: those of whoever makes it. */
  readonly tenants?: TenantScope | undefined
  readonly source_node_id?: string | undefined
  readonly service_id?: string | undefined
  readonly usesMax: number
  readonly expiresInS: number
}

/** `token` is shown this once; what is kept does not tell it again. */
export interface NewEnrolmentToken extends EnrolmentToken {
  readonly token: string
}

/** A token with which nodes can enrol. Throws Problem 403 `EXCEEDS_RIGHTS` for tenants that are not all its maker's. */
export async function createEnrolmentToken(
  deps: NodesDeps,
  maker: Pick<Principal, 'actor' | 'tenants'>,
  { tenants = maker.tenants, source_node_id, service_id, usesMax, expiresInS }: EnrolmentTokenOrder,
): Promise<NewEnrolmentToken> {
  if (tenants.length === 0 || !covers(maker, { tenants }))
    throw new Problem(403, 'EXCEEDS_RIGHTS', 'you may not enrol nodes for all of these tenants', {
      hint: 'name tenants whose nodes you manage',
    })
  const prefix = newName()
  const secret = newSecret()
  const created = now(deps)
  const expires = new Date(created.getTime() + expiresInS * 1000)
  const row = await deps.database.transact(async (sql) => {
    const { rows } = await sql.query<EnrolmentTokenRow>(
      `INSERT INTO fleet_enrolment_tokens
        (prefix, secret_sha256, source_node_id, service_id, tenants, uses_max, created_at, created_by, expires_at)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING ${enrolmentTokenColumns}`,
      [
        prefix,
        digestOf(secret),
        source_node_id ?? null,
        service_id ?? null,
        tenants === 'all' ? null : tenants,
        usesMax,
        created,
        maker.actor,
        expires,
      ],
    )
    await deps.database.seals.seal(sql, 'enrolment_token', prefix)
    await deps.fasten.emit(sql, {
      code: 'ENROLMENT_TOKEN_CREATED',
      target: `e_${prefix}`,
      target_kind: 'enrolment_token',
      detail: {
        tenants,
        uses_max: usesMax,
        expires_at: expires.toISOString(),
        ...(source_node_id === undefined ? {} : { source_node_id }),
        ...(service_id === undefined ? {} : { service_id }),
      },
    })
    return rows[0]
  })
  if (row === undefined) throw new TypeError('an insert answered no row')
  return { ...shownToken(row), token: `fle_${prefix}_${secret}` }
}
