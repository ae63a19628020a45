// SPDX-License-Identifier: Apache-2.0
import { sealedSql, type SealedRow } from '../../database/seals/sealed-row.ts'
import type { Seals } from '../../database/seals/seals.ts'
import type { TenantScope } from '../../database/tenant-scope.ts'
import { scopeOf, type NodeSql } from '../../nodes/node.ts'

/** How rows of a source come: the fleet asks a reader for them, or the source sends them in one of these forms. */
export const sourceKinds = ['pull', 'otlp', 'ndjson'] as const
export type SourceKind = (typeof sourceKinds)[number]

/** A service without our shipper, whose rows this fleet takes. */
export interface Source {
  readonly source_id: string
  readonly kind: SourceKind
  readonly name: string
  /** Of the logs in which its rows lie. */
  readonly service_id: string
  /** What its rows may be of. */
  readonly tenants: TenantScope
  /** Written on each of its rows, whatever that says; `_` for none. It is then all of `tenants`. */
  readonly stamp: string | undefined
  /** What its kind needs; parsed where it is used. */
  readonly settings: Readonly<Record<string, unknown>>
  readonly isPaused: boolean
}

/** How the logs of a source name their node. No node of another kind has such a name (nodes/is-log-of.ts). */
export const sourceNodeId = (source_id: string): string => `source-${source_id}`

/** Undefined for one that is not there, was removed, or whose seal does not hold: somebody else wrote it. With `isLocked`, nobody else changes it or stores rows of it until the transaction ends. */
export async function readSource(
  sql: NodeSql,
  source_id: string,
  { seals, isLocked = false }: { readonly seals: Pick<Seals, 'holds'>; readonly isLocked?: boolean },
): Promise<Source | undefined> {
  const { rows } = await sql.query<SourceRow>({
    name: isLocked ? 'fleet_source_locked' : 'fleet_source',
    text: `SELECT ${sourceColumns}, ${sealedSql('source', 's')} AS sealed FROM fleet_sources s WHERE source_id = $1 AND removed_at IS NULL${isLocked ? ' FOR UPDATE' : ''}`,
    values: [source_id],
  })
  const [row] = rows
  return row === undefined || !seals.holds('source', row.sealed) ? undefined : sourceFrom(row)
}

const sourceColumns = 'source_id, kind, name, service_id, tenants, stamp, settings, paused_at'

interface SourceRow {
  readonly source_id: string
  readonly kind: SourceKind
  readonly name: string
  readonly service_id: string
  readonly tenants: string[] | null
  readonly stamp: string | null
  readonly settings: Readonly<Record<string, unknown>>
  readonly paused_at: Date | null
  readonly sealed: SealedRow
}

function sourceFrom(row: SourceRow): Source {
  const { source_id, kind, name, service_id, tenants, stamp, settings, paused_at } = row
  return {
    source_id,
    kind,
    name,
    service_id,
    tenants: scopeOf(tenants),
    stamp: stamp ?? undefined,
    settings,
    isPaused: paused_at !== null,
  }
}
