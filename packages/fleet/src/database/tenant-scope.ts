// SPDX-License-Identifier: Apache-2.0

/**
 * Whose rows somebody may see: some tenants by name, or all of them and those rows that belong to none. It comes from a credential and from
 * nowhere else; row-level security in the database holds to it whatever a query says.
 */
export type TenantScope = readonly string[] | 'all'

/** The tenant of rows that have none, as the first part of their logs' names spells it. */
export const noTenant = '_'

/** One text for each scope, whatever order its tenants are in. */
export function scopeText(scope: TenantScope): string {
  return scope === 'all' ? 'all' : JSON.stringify([...new Set(scope)].sort())
}

export function isWithin(scope: TenantScope, tenant: string): boolean {
  return scope === 'all' || scope.includes(tenant)
}

/** What both allow. */
export function narrowed(scope: TenantScope, to: TenantScope): TenantScope {
  if (scope === 'all') return to
  return to === 'all' ? scope : scope.filter((tenant) => to.includes(tenant))
}
