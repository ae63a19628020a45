// SPDX-License-Identifier: Apache-2.0
import type { TenantScope } from '../../database/tenant-scope.ts'
import type { AlarmKind } from '../../nodes/alarms/alarm.ts'
import { scopeOf, type NodeSql } from '../../nodes/node.ts'
import { sourceNodeId, type SourceKind } from './source.ts'

/** A source as the API shows it. No token and no credential is in it. */
export interface ShownSource {
  readonly source_id: string
  readonly kind: SourceKind
  readonly name: string
  readonly service_id: string
  /** As the rows that were sealed for it say it. */
  readonly source_node_id: string
  readonly tenants: TenantScope
  /** Written on each of its rows; null where they say their tenant themselves. */
  readonly stamp: string | null
  /** Said of everything that is sealed on arrival: it came, and was not changed since. */
  readonly proven: 'arrival'
  /** `waiting`: nothing came yet. */
  readonly state: 'taking' | 'waiting' | 'failing' | 'paused' | 'removed'
  readonly settings: Readonly<Record<string, unknown>>
  readonly has_token: boolean
  readonly silent_after_s: number | null
  readonly created_at: string
  readonly created_by: string
  readonly removed_at: string | null
  readonly last_row_at: string | null
  readonly failing_since: string | null
  readonly last_error: string | null
  readonly last_error_at: string | null
  readonly rows: number
  /** Rows that came again, and were the same. */
  readonly rows_again: number
  /** Rows that lie in evidence: not taken, and come again with other contents. */
  readonly rows_refused: number
  readonly rows_changed: number
  readonly alarms: readonly AlarmKind[]
}

export interface SourceFilter {
  /** Of whoever asks. Sources are shown of which all tenants are theirs. */
  readonly scope: TenantScope
  readonly source_id?: string | undefined
  readonly withRemoved?: boolean
  readonly after?: string | undefined
  readonly limit?: number
}

export async function listSources(
  sql: NodeSql,
  { scope, source_id, withRemoved = false, after, limit = 500 }: SourceFilter,
): Promise<readonly ShownSource[]> {
  const { rows } = await sql.query<ListedRow>(
    `SELECT s.*, s.sealed_token IS NOT NULL AS has_token, ARRAY(
      SELECT a.kind FROM fleet_alarms a WHERE a.subject = 'source:' || s.source_id AND a.cleared_at IS NULL ORDER BY 1) AS alarms
    FROM fleet_sources s
    WHERE ($1::text[] IS NULL OR (s.tenants IS NOT NULL AND s.tenants <@ $1)) AND ($2::text IS NULL OR s.source_id = $2)
      AND ($3 OR s.removed_at IS NULL) AND ($4::text IS NULL OR s.source_id > $4)
    ORDER BY s.source_id LIMIT $5`,
    [
      scope === 'all' ? null : scope,
      source_id ?? null,
      withRemoved || source_id !== undefined,
      after ?? null,
      limit,
    ],
  )
  return rows.map(shown)
}

interface ListedRow {
  readonly source_id: string
  readonly kind: SourceKind
  readonly name: string
  readonly service_id: string
  readonly tenants: string[] | null
  readonly stamp: string | null
  readonly settings: Readonly<Record<string, unknown>>
  readonly has_token: boolean
  readonly silent_after_s: number | null
  readonly created_at: Date
  readonly created_by: string
  readonly paused_at: Date | null
  readonly removed_at: Date | null
  readonly failing_since: Date | null
  readonly last_error: string | null
  readonly last_error_at: Date | null
  readonly last_row_at: Date | null
  readonly rows: string
  readonly rows_again: string
  readonly rows_refused: string
  readonly rows_changed: string
  readonly alarms: readonly AlarmKind[]
}

function shown(row: ListedRow): ShownSource {
  const text = (time: Date | null): string | null => time?.toISOString() ?? null
  const { source_id, kind, name, service_id, stamp, settings, has_token, silent_after_s, created_by } = row
  return {
    source_id,
    kind,
    name,
    service_id,
    source_node_id: sourceNodeId(source_id),
    tenants: scopeOf(row.tenants),
    stamp,
    proven: 'arrival',
    state: stateOf(row),
    settings,
    has_token,
    silent_after_s,
    created_at: row.created_at.toISOString(),
    created_by,
    removed_at: text(row.removed_at),
    last_row_at: text(row.last_row_at),
    failing_since: text(row.failing_since),
    last_error: row.last_error,
    last_error_at: text(row.last_error_at),
    rows: Number(row.rows),
    rows_again: Number(row.rows_again),
    rows_refused: Number(row.rows_refused),
    rows_changed: Number(row.rows_changed),
    alarms: row.alarms,
  }
}

function stateOf({ removed_at, paused_at, failing_since, last_row_at }: ListedRow): ShownSource['state'] {
  if (removed_at !== null) return 'removed'
  if (paused_at !== null) return 'paused'
  if (failing_since !== null) return 'failing'
  return last_row_at === null ? 'waiting' : 'taking'
}
