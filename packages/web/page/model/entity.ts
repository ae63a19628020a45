// SPDX-License-Identifier: Apache-2.0
import type { AuditRow } from 'fasten/core'
import { withFilter } from './question-parts.ts'

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

/** The kinds under which rows name `id`, each with how many rows do, the most frequent first: for who looked for it under another one. */
export function kindsOf(
  rows: readonly AuditRow[],
  id: string,
): readonly { readonly kind: string; readonly rows: number }[] {
  const counts = new Map<string, number>()
  for (const row of rows) {
    const kinds = new Set<string>()
    if (row.actor === id) kinds.add(row.actor_kind)
    if (row.target === id) kinds.add(row.target_kind ?? 'target')
    for (const kind of kinds) counts.set(kind, (counts.get(kind) ?? 0) + 1)
  }
  return [...counts]
    .map(([kind, count]) => ({ kind, rows: count }))
    .sort((a, b) => b.rows - a.rows || (a.kind < b.kind ? -1 : 1))
}

/** What to ask for the rows in which it acted and those in which it was acted upon, spelled as these rows spell it. */
export function questionsAbout(rows: readonly EntityRow[]): readonly { name: string; text: string }[] {
  return (
    [
      ['actor', 'Investigate what it did'],
      ['target', 'Investigate what was done to it'],
    ] as const
  ).flatMap(([part, name]) => {
    const spelled = rows.find(({ as }) => as.includes(part))?.row[part]
    const text = typeof spelled === 'string' ? withFilter('', part, spelled) : undefined
    return text === undefined ? [] : [{ name, text }]
  })
}
