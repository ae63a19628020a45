// SPDX-License-Identifier: Apache-2.0
import type { Permission, Principal } from '../web/principal.ts'
import { reachOf } from '../web/rights.ts'

/** Whether somebody has a permission for the whole fleet, which users and what concerns all of them ask for. */
export function reachesAll({ rights = [] }: Principal, permission: Permission): boolean {
  const reach = reachOf(rights, permission)
  return reach?.tenants === 'all' && reach.codes === undefined
}

/**
 * The user whose own sessions and keys these are to govern, which takes no permission: somebody who is logged in. A key of that user is not: it
 * was made for less than that.
 */
export function ownUser({ kind, user_id }: Pick<Principal, 'kind' | 'user_id'>): string | null {
  return kind === 'user' ? (user_id ?? null) : null
}
