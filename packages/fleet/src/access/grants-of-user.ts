// SPDX-License-Identifier: Apache-2.0
import { sealedSql, type SealedRow } from '../database/seals/sealed-row.ts'
import { permissionsOf, type Role } from '../web/principal.ts'
import type { Rights } from '../web/rights.ts'
import type { AccessDeps } from './access-deps.ts'

/** What a user holds, as the fragment below answers it. */
export interface Holdings {
  readonly grants: readonly {
    readonly role: Role
    /** null is all. */
    readonly tenants: readonly string[] | null
    readonly codes: readonly string[] | null
    readonly sealed: SealedRow
  }[]
  /** As its identity provider said; none once it has not said so for 30 days. */
  readonly groups: readonly string[]
}

/**
 * SQL for what a user holds now, by itself and by its groups, as one JSON object; `user` is the name of a row of `fleet_users` in the query
 * around it and `now` the parameter with the time. It is asked anew with every request, which costs one look into an index, so that what is
 * revoked has ended on every server at once. What the identity provider said of groups holds for 30 days: sessions end long before, but a key
 * of somebody who never comes back must not live on what he once was.
 */
export function holdings(user: string, now: string): string {
  const isFresh = `${user}.last_login_at > ${now}::timestamptz - interval '30 days'`
  return `(SELECT json_build_object(
      'groups', CASE WHEN ${isFresh} THEN to_json(${user}.groups) ELSE '[]'::json END,
      'grants', coalesce(json_agg(json_build_object('role', g.role, 'tenants', g.tenants, 'codes', g.codes,
        'sealed', ${sealedSql('grant', 'g')}) ORDER BY g.created_at, g.grant_id), '[]'))
    FROM fleet_grants g
    WHERE g.revoked_at IS NULL AND (g.expires_at IS NULL OR g.expires_at > ${now})
      AND (g.user_id = ${user}.user_id OR (${isFresh} AND g.group_name = ANY (${user}.groups))))`
}

/** Rights by grants of the fleet that its seal is on, then those that the configuration gives to groups. */
export function rightsOf(
  { database: { seals }, config }: Pick<AccessDeps, 'database' | 'config'>,
  held: Holdings,
  at: Date,
): Rights {
  const grants = held.grants.filter(({ sealed }) => seals.holds('grant', sealed))
  const configured = held.groups
    .flatMap((group) => config.oidc?.groups.get(group) ?? [])
    .filter(({ until }) => until === undefined || until > at)
  return [
    ...grants.map(({ role, tenants, codes }) => right(role, tenants ?? 'all', codes ?? undefined)),
    ...configured.map(({ role, tenants, codes }) => right(role, tenants, codes)),
  ]
}

function right(
  role: Role,
  tenants: readonly string[] | 'all',
  codes: readonly string[] | undefined,
): Rights[number] {
  return { permissions: new Set(permissionsOf[role]), tenants, ...(codes === undefined ? {} : { codes }) }
}
