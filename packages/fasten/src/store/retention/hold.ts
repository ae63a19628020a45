// SPDX-License-Identifier: Apache-2.0
import { readJson } from '../../core/read-json.ts'
import type { JsonObject } from '../../core/row.ts'

/** Which rows a hold keeps: those that fit every member given. At least one is. */
export interface HeldRows {
  /** Exact, or a beginning with a `*` behind it. */
  readonly code?: string
  /** Who did it, or on whose behalf. */
  readonly actor?: string
  readonly target?: string
  readonly request_id?: string
  readonly tenant_id?: string
  /** Canonical 27-character text, both inclusive. */
  readonly since?: string
  readonly until?: string
}

/** An order to keep rows, whatever their class. */
export interface Hold {
  /** `hold-` and 12 hex. */
  readonly hold_id: string
  readonly rows: HeldRows
  readonly reason: string
  readonly placed_by: string
  readonly placed_at: string
  /** Null while it is in force. */
  readonly released_at: string | null
  readonly released_by: string | null
}

/** A hold as it rests in `fasten_holds`, in every engine. */
export function holdFrom(record: Readonly<Record<string, unknown>>): Hold {
  const textOrNull = (name: string): string | null => (typeof record[name] === 'string' ? record[name] : null)
  return {
    hold_id: String(record['hold_id']),
    rows: readJson(String(record['held_rows'])) as HeldRows,
    reason: String(record['reason']),
    placed_by: String(record['placed_by']),
    placed_at: String(record['placed_at']),
    released_at: textOrNull('released_at'),
    released_by: textOrNull('released_by'),
  }
}

/** What a hold is compared with; members that a row does not have are absent. */
export interface HoldFacts {
  readonly code?: unknown
  readonly actor?: unknown
  readonly on_behalf_of?: unknown
  readonly target?: unknown
  readonly request_id?: unknown
  readonly tenant_id?: unknown
  readonly timestamp?: unknown
}

/**
 * The first hold in force that keeps a row, or undefined. Sweeping and erasing both ask, in the transaction that would
 * destroy something. What cannot be compared (a row whose timestamp is no time) counts as held by a hold on times.
 */
export function isHeld(row: HoldFacts, holds: readonly Hold[]): Hold | undefined {
  return holds.find(({ released_at, rows }) => released_at === null && keeps(rows, row))
}

function keeps(rows: HeldRows, row: HoldFacts): boolean {
  const { code, actor, target, request_id, tenant_id, since, until } = rows
  const time = typeof row.timestamp === 'string' ? row.timestamp : undefined
  return (
    (code === undefined || fits(code, row.code)) &&
    (actor === undefined || row.actor === actor || row.on_behalf_of === actor) &&
    (target === undefined || row.target === target) &&
    (request_id === undefined || row.request_id === request_id) &&
    (tenant_id === undefined || row.tenant_id === tenant_id) &&
    (since === undefined || time === undefined || time >= since) &&
    (until === undefined || time === undefined || time <= until)
  )
}

function fits(wanted: string, code: unknown): boolean {
  if (typeof code !== 'string') return false
  return wanted.endsWith('*') ? code.startsWith(wanted.slice(0, -1)) : code === wanted
}

/** The members given, in canonical order, for a column and for the row that tells of the hold. */
export function heldRowsFacts(rows: HeldRows): JsonObject {
  return Object.fromEntries(
    Object.entries(rows)
      .filter((entry): entry is [string, string] => typeof entry[1] === 'string')
      .sort(([one], [other]) => (one < other ? -1 : 1)),
  )
}
