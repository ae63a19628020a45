// SPDX-License-Identifier: Apache-2.0
import type { TenantScope } from '../database/tenant-scope.ts'
import type { Rights } from './rights.ts'

/** What may be allowed. A route names the one it needs; a role, an API key and a node's credential hold some of them. */
export const permissions = [
  'audit:read',
  'audit:export',
  'audit:verify',
  'metrics:read',
  'sql:run',
  'nodes:read',
  'nodes:manage',
  'access:read',
  'access:manage',
  'config:read',
  'config:manage',
  'ingest:push',
  'ingest:arrive',
] as const
export type Permission = (typeof permissions)[number]

export const roles = ['viewer', 'auditor', 'operator', 'admin'] as const
export type Role = (typeof roles)[number]

/** What each role may do. None of them hands in rows: only nodes and sources do. */
export const permissionsOf: Readonly<Record<Role, readonly Permission[]>> = {
  viewer: ['audit:read', 'metrics:read', 'nodes:read'],
  auditor: [
    'audit:read',
    'audit:export',
    'audit:verify',
    'metrics:read',
    'sql:run',
    'nodes:read',
    'access:read',
    'config:read',
  ],
  operator: ['audit:read', 'audit:verify', 'metrics:read', 'nodes:read', 'nodes:manage', 'config:read'],
  admin: permissions.filter((permission) => !permission.startsWith('ingest:')),
}

/**
 * Who asks, as the credential says it, and nothing that the request says of itself. Where somebody may do different things for different
 * tenants, `tenants`, `permissions` and `codes` are those that go with the permission that the route needs.
 */
export interface Principal {
  readonly kind: 'user' | 'api_key' | 'node' | 'source' | 'system'
  /** As `actor` of rows spells it: `user:ada`, `api_key:k_12ab`, `node:n_3c`, `source:5d`. */
  readonly actor: string
  readonly name: string
  readonly tenants: TenantScope
  readonly permissions: ReadonlySet<Permission>
  /** Codes whose rows it may see, each exact or a prefix that ends in `*`; undefined for all. Bound to audit rows; the other streams are then closed. */
  readonly codes?: readonly string[]
  /** How it proved who it is: `oidc`, `password`, `api_key`, `node_credential`, `source_credential`, `mtls`. */
  readonly auth_method: string
  readonly session_id?: string
  /** For nodes: their row in `fleet_nodes`. */
  readonly node_id?: string
  /** For sources: their row in `fleet_sources`. */
  readonly source_id?: string
  /** For users, and for keys that a user made: their row in `fleet_users`. */
  readonly user_id?: string
  /** The user whose key this is, as rows spell it. */
  readonly on_behalf_of?: string
  /** Everything it may do anywhere, for routes that hand rights on. */
  readonly rights?: Rights
}
