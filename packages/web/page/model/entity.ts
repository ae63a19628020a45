// SPDX-License-Identifier: Apache-2.0
import type { AuditRow } from 'fasten/core'

/** A row in which an entity appears, and as what. */
export interface EntityRow {
  readonly as: readonly ('actor' | 'on_behalf_of' | 'target')[]
  readonly row: AuditRow & { readonly hash: string | null }
}

export interface EntityDay {
  /** `YYYY-MM-DD`, in UTC. */
  readonly day: string
  readonly rows: readonly EntityRow[]
}

/** The rows by the day of their timestamp, in the order in which they came. */
export function daysOf(rows: readonly EntityRow[]): readonly EntityDay[] {
  return [...Map.groupBy(rows, ({ row }) => row.timestamp.slice(0, 10))].map(([day, own]) => ({
    day,
    rows: own,
  }))
}

/** What somebody had to do with a row, in words. */
export const partWords = {
  actor: 'did',
  on_behalf_of: 'had done',
  target: 'was the target of',
} as const satisfies Record<EntityRow['as'][number], string>

/** Where an entity has its page. Rows spell it `kind:id`; one without a kind is looked for by its kind beside it. */
export function entityPath(name: string, kind: string): string {
  const colon = name.indexOf(':')
  const [ofKind, id] = colon > 0 ? [name.slice(0, colon), name.slice(colon + 1)] : [kind, name]
  return `/entities/${encodeURIComponent(ofKind)}/${encodeURIComponent(id)}`
}
