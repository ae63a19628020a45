// SPDX-License-Identifier: Apache-2.0
import type { Needed } from '../web/authenticator.ts'
import type { Principal } from '../web/principal.ts'
import { permissionsIn, reachOf, type Rights } from '../web/rights.ts'

/** Who it is, without what it may. */
export type Identity = Omit<Principal, 'tenants' | 'permissions' | 'codes' | 'rights'>

/** The principal for a route that needs this permission: where it reaches with it, and what else it may do in all of that. */
export function principalOf(identity: Identity, rights: Rights, needed: Needed): Principal {
  const reach = needed === 'self' ? undefined : reachOf(rights, needed)
  if (reach === undefined) return { ...identity, rights, tenants: [], permissions: new Set() }
  return { ...identity, rights, ...reach, permissions: permissionsIn(rights, reach) }
}
