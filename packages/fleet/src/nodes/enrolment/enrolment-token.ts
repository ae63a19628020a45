// SPDX-License-Identifier: Apache-2.0
import type { TenantScope } from '../../database/tenant-scope.ts'
import { scopeOf } from '../node.ts'

/** A token as it is shown: everything but what opens. */
export interface EnrolmentToken {
  /** `e_` and the part of the token that is no secret. */
  readonly token_id: string
  /** The only node, and the only service, that it is for; null for any. */
  readonly source_node_id: string | null
  readonly service_id: string | null
  /** What its nodes may write. */
  readonly tenants: TenantScope
  readonly uses: number
  readonly uses_max: number
  readonly created_at: string
  readonly created_by: string
  readonly expires_at: string
  readonly revoked_at: string | null
}

/** The row of a token. */
export interface EnrolmentTokenRow {
  readonly prefix: string
  readonly source_node_id: string | null
  readonly service_id: string | null
  readonly tenants: readonly string[] | null
  readonly uses: number
  readonly uses_max: number
  readonly created_at: Date
  readonly created_by: string
  readonly expires_at: Date
  readonly revoked_at: Date | null
}

export const enrolmentTokenColumns =
  'prefix, source_node_id, service_id, tenants, uses, uses_max, created_at, created_by, expires_at, revoked_at'

export function shownToken(row: EnrolmentTokenRow): EnrolmentToken {
  return {
    token_id: `e_${row.prefix}`,
    source_node_id: row.source_node_id,
    service_id: row.service_id,
    tenants: scopeOf(row.tenants),
    uses: row.uses,
    uses_max: row.uses_max,
    created_at: row.created_at.toISOString(),
    created_by: row.created_by,
    expires_at: row.expires_at.toISOString(),
    revoked_at: row.revoked_at?.toISOString() ?? null,
  }
}
