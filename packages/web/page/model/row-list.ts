// SPDX-License-Identifier: Apache-2.0
import { parseTime } from 'fasten/core'
import type { ReaderRow } from 'fasten/reader/remote'

/**
 * Rows of one stream in the order in which panes show them, the newest first, each once. Immutable: what a screen holds on to stays as it
 * was. It holds so many rows at most, and lets go at the end that is farther from where they are added.
 */
export interface RowList {
  readonly rows: readonly ReaderRow[]
  readonly ids: ReadonlySet<string>
}

export const noRows: RowList = { rows: [], ids: new Set() }

/** Older rows below. Those that are there already, as after a page was asked for twice, are left out. */
export function addOlder(list: RowList, older: readonly ReaderRow[], rowsMax: number): RowList {
  const fresh = distinct(older, list.ids)
  if (fresh.length === 0) return list
  return listOf([...list.rows, ...fresh].slice(-rowsMax))
}

/**
 * Newer rows on top, however they arrive: nodes ship late, so a row may belong below rows that are here already. They are put where their
 * time says, and within the same microsecond where their id says.
 */
export function addNewer(list: RowList, newer: readonly ReaderRow[], rowsMax: number): RowList {
  const fresh = distinct(newer, list.ids).toSorted(newestFirst)
  const [last] = fresh.slice(-1)
  const [first] = list.rows
  if (last === undefined) return list
  const isOnTop = first === undefined || newestFirst(last, first) <= 0
  const rows = isOnTop ? [...fresh, ...list.rows] : [...fresh, ...list.rows].toSorted(newestFirst)
  return listOf(rows.slice(0, rowsMax))
}

/** The place of the row that is nearest to a time, before it or after it; of two that are as near the one that stands first. −1 where there are none. */
export function placeOfTime(list: RowList, timestamp: string, order: 'newest' | 'oldest' = 'newest'): number {
  const below = firstNotBefore(list, timestamp, order)
  const [above, row] = [list.rows[below - 1], list.rows[below]]
  if (row === undefined || above === undefined) return row === undefined ? below - 1 : below
  return distance(above.timestamp, timestamp) <= distance(row.timestamp, timestamp) ? below - 1 : below
}

/** The place of a row of this list, −1 where it is not in it: several rows may be of one microsecond. */
export function placeOfRow(
  list: RowList,
  { id, timestamp }: Pick<ReaderRow, 'id' | 'timestamp'>,
  order: 'newest' | 'oldest' = 'newest',
): number {
  if (!list.ids.has(id)) return -1
  return list.rows.findIndex((row, index) => index >= firstNotBefore(list, timestamp, order) && row.id === id)
}

/** The first place, in the order that is shown, whose row is not before the time. */
function firstNotBefore(list: RowList, timestamp: string, order: 'newest' | 'oldest'): number {
  let from = 0
  let to = list.rows.length
  while (from < to) {
    const middle = (from + to) >> 1
    const at = list.rows[middle]?.timestamp ?? ''
    if (order === 'newest' ? at > timestamp : at < timestamp) from = middle + 1
    else to = middle
  }
  return from
}

/** In microseconds. */
const distance = (a: string, b: string): number => Math.abs((parseTime(a, 0) ?? 0) - (parseTime(b, 0) ?? 0))

export function newestFirst(a: ReaderRow, b: ReaderRow): number {
  if (a.timestamp !== b.timestamp) return a.timestamp > b.timestamp ? -1 : 1
  return a.id === b.id ? 0 : a.id > b.id ? -1 : 1
}

const listOf = (rows: readonly ReaderRow[]): RowList => ({ rows, ids: new Set(rows.map(({ id }) => id)) })

function distinct(rows: readonly ReaderRow[], known: ReadonlySet<string>): readonly ReaderRow[] {
  const seen = new Set<string>()
  return rows.filter(({ id }) => {
    if (known.has(id) || seen.has(id)) return false
    seen.add(id)
    return true
  })
}
