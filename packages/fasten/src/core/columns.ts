// SPDX-License-Identifier: Apache-2.0
import type { Row, StreamName } from './row.ts'

/**
 * The members of each stream that stores keep a second time, as columns, to filter and sort by. A column bears its
 * member's name; the leaf stays the truth, and verification compares the two. `log` and `monotonic_seq` are not listed:
 * they are the row's place, which every store keeps in its own way. Nested members are never projected.
 *
 * The audit columns are those that the filters of a scan ask for and those of the `audit_log` table of the published SDKs.
 */
export const auditColumns = [
  'id',
  'timestamp',
  'code',
  'action',
  'severity',
  'domain',
  'category',
  'outcome',
  'actor',
  'actor_kind',
  'on_behalf_of',
  'target',
  'method',
  'request_id',
  'trace_id',
  'service_id',
  'source_node_id',
  'tenant_id',
  'pii_in_detail',
  'prev_hash',
  'canonical_form_id',
  'wire_version',
] as const

export const sysColumns = [
  'id',
  'timestamp',
  'level',
  'event',
  'logger',
  'request_id',
  'trace_id',
  'service_id',
  'source_node_id',
  'tenant_id',
] as const

export const apiColumns = [
  'id',
  'timestamp',
  'method',
  'path',
  'route',
  'status',
  'duration_us',
  'actor',
  'request_id',
  'trace_id',
  'service_id',
  'source_node_id',
  'tenant_id',
] as const

export type ColumnValue = string | number | null

/** The names by stream. */
export const columnNames: Readonly<Record<StreamName, readonly string[]>> = {
  audit: auditColumns,
  sys: sysColumns,
  api: apiColumns,
}

/** The columns that hold numbers (`pii_in_detail` as 1); all others hold text. */
export const numericColumns: ReadonlySet<string> = new Set(['status', 'duration_us', 'pii_in_detail'])

/** What a store keeps in the columns of `row`: every name of its stream, null where the member is absent, `true` as 1. */
export function columnsOf(row: Row): Record<string, ColumnValue> {
  const members = row as unknown as Readonly<Record<string, unknown>>
  const columns: Record<string, ColumnValue> = {}
  for (const name of columnNames[row.stream]) columns[name] = columnValue(members[name])
  return columns
}

/** One member as a column value; what no column can hold (an object where a scalar belongs) is null. */
function columnValue(member: unknown): ColumnValue {
  if (typeof member === 'string' || typeof member === 'number') return member
  return typeof member === 'boolean' ? Number(member) : null
}
