// SPDX-License-Identifier: Apache-2.0
import type { TenantScope } from '../../database/tenant-scope.ts'
import type { Permission } from '../../web/principal.ts'

/** A key as it is shown: everything but what opens. */
export interface ApiKey {
  /** `k_` and the part of the key that is no secret. */
  readonly key_id: string
  readonly name: string
  readonly permissions: readonly Permission[]
  readonly tenants: TenantScope
  /** Codes whose rows it reads; absent for all. */
  readonly codes?: readonly string[]
  /** As rows spell it: the user, or whoever worked on the machine itself. */
  readonly created_by: string
  readonly created_at: string
  readonly expires_at: string
  /** To the minute; null for one that was never used. */
  readonly last_used_at: string | null
  readonly revoked_at: string | null
}

/** The row of a key. */
export interface ApiKeyRow {
  readonly prefix: string
  readonly name: string
  readonly user_id: string | null
  readonly permissions: readonly Permission[]
  readonly tenants: readonly string[] | null
  readonly codes: readonly string[] | null
  readonly created_at: Date
  readonly created_by: string
  readonly expires_at: Date
  readonly last_used_at: Date | null
  readonly revoked_at: Date | null
}

export const apiKeyColumns =
  'prefix, name, user_id, permissions, tenants, codes, created_at, created_by, expires_at, last_used_at, revoked_at'

export function shownKey(row: ApiKeyRow): ApiKey {
  return {
    key_id: `k_${row.prefix}`,
    name: row.name,
    permissions: row.permissions,
    tenants: row.tenants ?? 'all',
    ...(row.codes === null ? {} : { codes: row.codes }),
    created_by: row.created_by,
    created_at: row.created_at.toISOString(),
    expires_at: row.expires_at.toISOString(),
    last_used_at: row.last_used_at?.toISOString() ?? null,
    revoked_at: row.revoked_at?.toISOString() ?? null,
  }
}
