// SPDX-License-Identifier: Apache-2.0

/** Rows that say who may do what. */
export const sealKinds = [
  'user',
  'grant',
  'api_key',
  'session',
  'node',
  'node_credential',
  'enrolment_token',
  'source',
  'source_credential',
] as const
export type SealKind = (typeof sealKinds)[number]

/** A row as its seal sees it; `members` is the JSON that Postgres makes of it. */
export interface SealedRow {
  readonly id: string
  readonly members: Readonly<Record<string, unknown>>
  /** Hex; null for one that nobody has sealed. */
  readonly seal: string | null
}

interface SealedTable {
  readonly table: string
  readonly id: string
  /** The columns that a seal covers: all by which access is judged, or that say whose doing it is. */
  readonly columns: readonly string[]
  /** Of those, which are bytes. */
  readonly bytes?: readonly string[]
  /** SQL for what lies in other tables and belongs to it; the row is `alias`. */
  readonly parts?: (alias: string) => Readonly<Record<string, string>>
}

/**
 * What is left out says how somebody fared and not what he may: when a key was last used, when a session or a node was last seen, what a node
 * runs. A node's seal covers its keys and where they end, so that none of those can be added, taken away, or brought back by itself.
 */
export const sealedTables: Readonly<Record<SealKind, SealedTable>> = {
  user: {
    table: 'fleet_users',
    id: 'user_id',
    columns: words(
      'user_id name issuer subject password password_must_change groups created_at created_by last_login_at locked_at',
    ),
  },
  grant: {
    table: 'fleet_grants',
    id: 'grant_id',
    columns: words(
      'grant_id user_id group_name role tenants codes created_at created_by expires_at revoked_at revoked_by',
    ),
  },
  api_key: {
    table: 'fleet_api_keys',
    id: 'prefix',
    columns: words(
      'prefix secret_sha256 name user_id permissions tenants codes created_at created_by expires_at revoked_at revoked_by',
    ),
    bytes: ['secret_sha256'],
  },
  session: {
    table: 'fleet_sessions',
    id: 'session_id',
    columns: words('session_id token_sha256 user_id auth_method created_at expires_at ended_at ended_by'),
    bytes: ['token_sha256'],
  },
  node: {
    table: 'fleet_nodes',
    id: 'node_id',
    columns: words(
      'node_id source_node_id service_id tenants enrolled_at enrolled_with revoked_at revoked_by silent_after_s',
    ),
    parts: (alias) => ({
      keys: `(SELECT coalesce(jsonb_agg(jsonb_build_array(k.public_key, k.added_at, k.revoked_at) ORDER BY k.public_key COLLATE "C"), '[]')
        FROM fleet_node_keys k WHERE k.node_id = ${alias}.node_id)`,
      key_ends: `(SELECT coalesce(jsonb_agg(jsonb_build_array(e.public_key, e.log, e.size, e.ended_at, e.ended_by)
          ORDER BY e.public_key COLLATE "C", e.log), '[]')
        FROM fleet_node_key_ends e WHERE e.node_id = ${alias}.node_id)`,
    }),
  },
  node_credential: {
    table: 'fleet_node_credentials',
    id: 'digest',
    columns: words('digest node_id made_at made_by ends_at used_at wants_certificate client_key_sha256'),
    bytes: ['digest', 'client_key_sha256'],
  },
  enrolment_token: {
    table: 'fleet_enrolment_tokens',
    id: 'prefix',
    columns: words(
      'prefix secret_sha256 source_node_id service_id tenants uses_max uses created_at created_by expires_at revoked_at revoked_by',
    ),
    bytes: ['secret_sha256'],
  },
  // Where a source is asked and with which token are one: whoever could exchange the address would be sent the token.
  source: {
    table: 'fleet_sources',
    id: 'source_id',
    columns: words(
      'source_id kind name service_id tenants stamp settings sealed_token silent_after_s created_at created_by paused_at removed_at removed_by',
    ),
    bytes: ['sealed_token'],
  },
  source_credential: {
    table: 'fleet_source_credentials',
    id: 'digest',
    columns: words('digest source_id made_at made_by used_at ends_at'),
    bytes: ['digest'],
  },
}

/** SQL for a `SealedRow` of the row `alias`. The session's time zone must be UTC, which the owner's pool sees to. */
export function sealedSql(kind: SealKind, alias: string): string {
  const { id, columns, bytes = [], parts } = sealedTables[kind]
  const valueOf = (column: string): string =>
    bytes.includes(column) ? `encode(${alias}.${column}, 'hex')` : `${alias}.${column}`
  const members = [
    ...columns.map((column) => [column, valueOf(column)] as const),
    ...Object.entries(parts?.(alias) ?? {}),
  ]
  return `jsonb_build_object('id', ${valueOf(id)}, 'seal', encode(${alias}.seal, 'hex'),
    'members', jsonb_build_object(${members.map(([name, sql]) => `'${name}', ${sql}`).join(', ')}))`
}

function words(text: string): readonly string[] {
  return text.split(' ')
}
