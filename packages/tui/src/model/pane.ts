// SPDX-License-Identifier: Apache-2.0
import type { StreamName } from 'fasten/core'
import type { ReaderRow } from 'fasten/reader/remote'

/** Rows of one stream, the oldest first, each once, and those that came while nobody was to be disturbed. */
export interface Pane {
  readonly rows: readonly ReaderRow[]
  /** Arrived since the pause, in order. Never more than `rowsMax`. */
  readonly waiting: readonly ReaderRow[]
  /** How many arrived since the pause, also of those that there was no room for. */
  readonly news: number
  /** False once the oldest row of the store, or of the window that is looked at, is here. */
  readonly hasOlder: boolean
  /** True where there are newer rows that neither are here nor wait: following means asking again. */
  readonly hasNewer: boolean
}

export const emptyPane: Pane = { rows: [], waiting: [], news: 0, hasOlder: false, hasNewer: false }

/** Of each stream, in memory, at most; as many again may wait. */
export const rowsMax = 2000

/** Rows that were asked for together, and whether there are more at either end. */
export interface Piece {
  readonly rows: readonly ReaderRow[]
  readonly hasOlder: boolean
  readonly hasNewer: boolean
}

/** Beyond the oldest or newest row that is here, or on both sides of a time that is not. */
export type Direction = 'older' | 'newer' | 'around'

/** Where more rows are wanted. */
export interface More {
  readonly stream: StreamName
  readonly direction: Direction
  readonly at: string
  /** Ids of rows that are here. */
  readonly known: ReadonlySet<string>
}

/** Replaces what was there. */
export function withPiece({ rows, hasOlder, hasNewer }: Piece): Pane {
  return { ...emptyPane, rows: inOrder(unknown(rows, [])), hasOlder, hasNewer }
}

/** New rows at the end; the oldest make room. */
export function follow(pane: Pane, fresh: readonly ReaderRow[]): Pane {
  const added = unknown(fresh, pane.rows)
  if (added.length === 0) return pane
  const rows = merged(pane.rows, added)
  return rows.length <= rowsMax ? { ...pane, rows } : { ...pane, rows: rows.slice(-rowsMax), hasOlder: true }
}

/** New rows while the pane is looked at: nothing that is shown moves, and nothing that is shown is let go. */
export function wait(pane: Pane, fresh: readonly ReaderRow[]): Pane {
  const added = unknown(unknown(fresh, pane.rows), pane.waiting)
  if (added.length === 0) return pane
  const room = Math.max(0, rowsMax - pane.waiting.length)
  return {
    ...pane,
    waiting: [...pane.waiting, ...added.slice(0, room)],
    news: pane.news + added.length,
    hasNewer: pane.hasNewer || added.length > room,
  }
}

/** What waited joins the rest. */
export function release(pane: Pane): Pane {
  return follow({ ...pane, waiting: [], news: 0 }, pane.waiting)
}

/** Older rows before the others; where that is too many, the newest go. */
export function withOlder(pane: Pane, { rows, hasOlder }: Piece): Pane {
  const all = merged(inOrder(unknown(rows, pane.rows)), pane.rows)
  return all.length <= rowsMax
    ? { ...pane, rows: all, hasOlder }
    : { ...pane, rows: all.slice(0, rowsMax), hasOlder, hasNewer: true }
}

/** Newer rows after the others, without disturbing who looks; where that is too many, the oldest go. Those that waited for this wait no longer. */
export function withNewer(pane: Pane, { rows, hasNewer }: Piece): Pane {
  const all = merged(pane.rows, unknown(rows, pane.rows))
  const waiting = unknown(pane.waiting, all)
  const next: Pane = {
    ...pane,
    rows: all.slice(-rowsMax),
    hasOlder: pane.hasOlder || all.length > rowsMax,
    hasNewer,
    waiting,
    news: Math.max(waiting.length, pane.news - (pane.waiting.length - waiting.length)),
  }
  // Everything is here or waits, so that is how many are new.
  return hasNewer ? next : { ...next, news: waiting.length }
}

/** Other rows instead, somewhere else in time; what waits goes on waiting. */
export function withAround(pane: Pane, piece: Piece): Pane {
  const there = withPiece(piece)
  const waiting = unknown(pane.waiting, there.rows)
  return { ...there, waiting, news: piece.hasNewer ? pane.news : waiting.length }
}

/** The place of the last row at or before a time; 0 where all are later, −1 where there are none. */
export function placeOfTime(rows: readonly ReaderRow[], timestamp: string): number {
  let from = 0
  let to = rows.length
  while (from < to) {
    const middle = (from + to) >> 1
    if ((rows[middle]?.timestamp ?? '') <= timestamp) from = middle + 1
    else to = middle
  }
  return rows.length === 0 ? -1 : Math.max(0, from - 1)
}

function unknown(fresh: readonly ReaderRow[], known: readonly ReaderRow[]): readonly ReaderRow[] {
  const seen = new Set(known.map(({ id }) => id))
  return fresh.filter(({ id }) => !seen.has(id) && seen.add(id) !== undefined)
}

/** Nodes ship late, so a row may belong before some that are here. Rows of one microsecond keep the order in which they came. */
function merged(before: readonly ReaderRow[], after: readonly ReaderRow[]): readonly ReaderRow[] {
  const sorted = inOrder(after)
  const [last] = before.slice(-1)
  const all = [...before, ...sorted]
  return last === undefined || last.timestamp <= (sorted[0]?.timestamp ?? '') ? all : inOrder(all)
}

const inOrder = (rows: readonly ReaderRow[]): readonly ReaderRow[] =>
  rows.toSorted((a, b) => (a.timestamp < b.timestamp ? -1 : a.timestamp > b.timestamp ? 1 : 0))
