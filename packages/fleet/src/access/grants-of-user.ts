// SPDX-License-Identifier: Apache-2.0
import { permissionsOf, type Role } from '../web/principal.ts'
import type { Rights } from '../web/rights.ts'

/** A grant as the fragment below answers it. */
export interface HeldGrant {
  readonly role: Role
  /** null is all. */
  readonly tenants: readonly string[] | null
  readonly codes: readonly string[] | null
}

/**
 * SQL for what a user holds now, by itself and by its groups, as a JSON list; `user` is the name of a row of `fleet_users` in the query around
 * it and `now` the parameter with the time. It is asked anew at every request, which costs one look into an index, so that what is revoked
 * has ended on every server at once.
 */
export function heldGrants(user: string, now: string): string {
  return `(SELECT coalesce(json_agg(json_build_object('role', g.role, 'tenants', g.tenants, 'codes', g.codes)
      ORDER BY g.created_at, g.grant_id), '[]')
    FROM fleet_grants g
    WHERE g.revoked_at IS NULL AND (g.expires_at IS NULL OR g.expires_at > ${now})
      AND (g.user_id = ${user}.user_id OR g.group_name = ANY (${user}.groups)))`
}

export function rightsOf(grants: readonly HeldGrant[]): Rights {
  return grants.map(({ role, tenants, codes }) => ({
    permissions: new Set(permissionsOf[role]),
    tenants: tenants ?? 'all',
    ...(codes === null ? {} : { codes }),
  }))
}
