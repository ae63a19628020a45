// SPDX-License-Identifier: Apache-2.0

/** Tenants by name, `_` for the rows that have none, or all. */
export type Scope = readonly string[] | 'all'

export const roles = ['viewer', 'auditor', 'operator', 'admin'] as const
export type Role = (typeof roles)[number]

/** What each role may do, as the server has it (docs/guides/fleet.md). */
const permissionsOf: Readonly<Record<Role, readonly string[]>> = {
  viewer: ['audit:read', 'metrics:read', 'nodes:read'],
  auditor: [
    'access:read',
    'audit:export',
    'audit:read',
    'audit:verify',
    'config:read',
    'metrics:read',
    'nodes:read',
    'sql:run',
  ],
  operator: ['audit:read', 'audit:verify', 'config:read', 'metrics:read', 'nodes:manage', 'nodes:read'],
  admin: [
    'access:manage',
    'access:read',
    'audit:export',
    'audit:read',
    'audit:verify',
    'config:manage',
    'config:read',
    'metrics:read',
    'nodes:manage',
    'nodes:read',
    'sql:run',
  ],
}

/** Permissions in one or two words: as the role that may exactly this, the one there is, or how many they are. */
export function permissionWords(permissions: readonly string[]): string {
  const all = permissions.toSorted().join()
  const role = roles.find((each) => permissionsOf[each].join() === all)
  return role ?? (permissions.length === 1 ? (permissions[0] ?? '') : `${permissions.length} permissions`)
}

/** Permissions by what they are over, in the order in which they are given: `['audit', ['read', 'export']]`. */
export const areasOf = (
  permissions: readonly string[],
): readonly (readonly [area: string, verbs: readonly string[]])[] =>
  [...Map.groupBy(permissions, (each) => each.split(':')[0] ?? each)].map(([area, own]) => [
    area,
    own.map((each) => each.slice(area.length + 1)),
  ])

export interface UserFacts {
  readonly user_id: string
  readonly name: string
  /** `local`, or the issuer that vouches for it. */
  readonly from: string
  readonly groups: readonly string[]
  readonly created_at: string
  readonly last_login_at: string | null
  readonly locked_at: string | null
}

export interface GrantFacts {
  readonly grant_id: string
  /** `user:<name>` or `group:<name>`. */
  readonly to: string
  readonly role: Role
  readonly tenants: Scope
  readonly codes?: readonly string[]
  readonly created_at: string
  readonly created_by: string
  readonly expires_at: string | null
}

export interface KeyFacts {
  readonly key_id: string
  readonly name: string
  readonly permissions: readonly string[]
  readonly tenants: Scope
  readonly codes?: readonly string[]
  readonly created_by: string
  readonly created_at: string
  readonly expires_at: string
  /** To the minute. */
  readonly last_used_at: string | null
  readonly revoked_at: string | null
}

export interface SessionFacts {
  readonly session_id: string
  readonly user: string
  readonly auth_method: string
  readonly created_at: string
  readonly last_seen_at: string
  readonly expires_at: string
  readonly address: string | null
  readonly user_agent: string | null
  readonly is_own: boolean
}

/** Whether a key opens anything now, and why not. */
export type KeyStanding = 'good' | 'soon' | 'expired' | 'revoked'

const soonMs = 14 * 86_400_000

export function standingOfKey(
  { revoked_at, expires_at }: Pick<KeyFacts, 'revoked_at' | 'expires_at'>,
  nowMicros: number,
): KeyStanding {
  const left = Date.parse(expires_at) - nowMicros / 1000
  if (revoked_at !== null) return 'revoked'
  return left <= 0 ? 'expired' : left < soonMs ? 'soon' : 'good'
}

/** Those that open something first, of these the newest. */
export function keysInOrder(keys: readonly KeyFacts[], nowMicros: number): readonly KeyFacts[] {
  const isOver = (key: KeyFacts): number =>
    ['expired', 'revoked'].includes(standingOfKey(key, nowMicros)) ? 1 : 0
  return keys.toSorted((a, b) => isOver(a) - isOver(b) || (a.created_at < b.created_at ? 1 : -1))
}

/** `all tenants`, or the names; the rows without a tenant by what they are. */
export const scopeWords = (tenants: Scope): string =>
  tenants === 'all'
    ? 'all tenants'
    : tenants.map((tenant) => (tenant === '_' ? 'rows without a tenant' : tenant)).join(', ')

/** What somebody typed as a list: words between commas or spaces; undefined for none. */
export function wordsIn(text: string): readonly string[] | undefined {
  const words = [...new Set(text.split(/[\s,]+/).filter((word) => word !== ''))]
  return words.length === 0 ? undefined : words
}

/** As above, of tenants: `all` alone is all of them. */
export function scopeIn(text: string): Scope | undefined {
  const words = wordsIn(text)
  return words?.length === 1 && words[0] === 'all' ? 'all' : words
}

/** A browser's own words about itself, as short as people say it: `Chrome on Linux`. What is not known stays as it is, cut. */
export function browserWords(agent: string): string {
  // Those that name others as well, for old servers, are looked for before these.
  const browser = ['Edg', 'OPR', 'Firefox', 'Chrome', 'Safari'].find((name) => agent.includes(`${name}/`))
  const system = /\b(Windows|Android|iPhone|iPad|Mac OS X|CrOS|Linux)\b/.exec(agent)?.[1]
  const names: Readonly<Record<string, string>> = {
    Edg: 'Edge',
    OPR: 'Opera',
    'Mac OS X': 'macOS',
    CrOS: 'ChromeOS',
  }
  if (browser === undefined) return agent.slice(0, 60)
  const name = names[browser] ?? browser
  return system === undefined ? name : `${name} on ${names[system] ?? system}`
}
