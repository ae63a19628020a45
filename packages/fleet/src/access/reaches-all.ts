// SPDX-License-Identifier: Apache-2.0
import type { Permission, Principal } from '../web/principal.ts'
import { reachOf } from '../web/rights.ts'

/** Whether somebody has a permission for the whole fleet, which users and what concerns all of them ask for. */
export function reachesAll({ rights = [] }: Principal, permission: Permission): boolean {
  const reach = reachOf(rights, permission)
  return reach?.tenants === 'all' && reach.codes === undefined
}
