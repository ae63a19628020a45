// SPDX-License-Identifier: Apache-2.0
import { streams, type StreamName } from 'fasten/core'
import type { ReaderRow } from 'fasten/reader/remote'
import { isError } from '../model/face.ts'
import { primaryRows } from '../model/layout.ts'
import { placeOfTime } from '../model/pane.ts'
import type { Cursor, State } from './state.ts'

/** Where the cursor stands in the rows of the primary pane; −1 where there are none. While following it is the newest row. */
export function cursorPlace({ panes, primary, isFollowing, cursor }: State): number {
  const { rows } = panes[primary]
  if (isFollowing || cursor === null) return rows.length - 1
  const place = rows.findIndex(({ id }) => id === cursor.id)
  return place >= 0 ? place : placeOfTime(rows, cursor.timestamp)
}

export const rowAtCursor = (state: State): ReaderRow | undefined =>
  state.panes[state.primary].rows[cursorPlace(state)]

/** The first row that a pane shows: so that the primary one keeps its cursor's line, and the others stand at its time. */
export function topOf(state: State, stream: StreamName, height: number): number {
  const { rows } = state.panes[stream]
  const last = Math.max(0, rows.length - height)
  if (state.isFollowing || state.cursor === null) return last
  if (stream === state.primary)
    return Math.max(
      0,
      Math.min(cursorPlace(state) - Math.min(state.cursor.offset, height - 1), rows.length - 1),
    )
  const place = placeOfTime(rows, state.cursor.timestamp)
  return Math.max(0, Math.min(place - Math.floor((height - 1) / 2), last))
}

/** The state with nothing followed any more and the cursor where it was. */
export function paused(state: State): State {
  if (!state.isFollowing) return state
  const { rows } = state.panes[state.primary]
  const row = rows.at(-1)
  const height = primaryRows(state.size, state.primary)
  return {
    ...state,
    isFollowing: false,
    cursor: row === undefined ? null : cursorAt(row, Math.min(rows.length, height) - 1),
  }
}

/** The cursor on another row of the primary pane; the view moves only as far as it must. */
export function movedTo(state: State, place: number): State {
  const still = paused(state)
  const { rows } = still.panes[still.primary]
  const row = rows[Math.max(0, Math.min(place, rows.length - 1))]
  if (row === undefined) return still
  const height = primaryRows(still.size, still.primary)
  const before = cursorPlace(still)
  const offset = (still.cursor?.offset ?? 0) + (Math.max(0, Math.min(place, rows.length - 1)) - before)
  return { ...still, cursor: cursorAt(row, Math.max(0, Math.min(offset, height - 1))) }
}

/** Another pane becomes the primary one; a cursor that stands stays at its time. */
export function rotatedTo(state: State, primary: StreamName): State {
  if (primary === state.primary) return state
  if (state.isFollowing || state.cursor === null) return { ...state, primary }
  const height = primaryRows(state.size, primary)
  const { rows } = state.panes[primary]
  const place = placeOfTime(rows, state.cursor.timestamp)
  const row = rows[place]
  // In a pane without rows the time is all there is to keep.
  // In the middle, but for the first and the last rows: a pane is not half empty.
  const middle = Math.max(Math.floor((height - 1) / 2), height - (rows.length - place))
  const cursor = row === undefined ? state.cursor : cursorAt(row, Math.min(place, middle))
  return { ...state, primary, cursor }
}

/** After the panes were given other rows: the cursor at the same row, or at its time. */
export function settled(state: State): State {
  if (state.isFollowing) return state
  const row = rowAtCursor(state)
  if (row === undefined || state.cursor === null) return { ...state, cursor: state.cursor }
  return row.id === state.cursor.id ? state : { ...state, cursor: cursorAt(row, state.cursor.offset) }
}

/** The next row that tells of an error after (1) or before (−1) the cursor, over all streams; undefined where there is none. */
export function nextError(
  state: State,
  by: 1 | -1,
): { readonly stream: StreamName; readonly place: number } | undefined {
  const here = rowAtCursor(state)
  const at = here?.timestamp ?? state.cursor?.timestamp ?? ''
  const order = (stream: StreamName): number => streams.indexOf(stream)
  let best: { stream: StreamName; place: number; row: ReaderRow } | undefined
  for (const stream of streams) {
    const { rows } = state.panes[stream]
    for (let step = 0; step < rows.length; step++) {
      const place = by === 1 ? step : rows.length - 1 - step
      const row = rows[place]
      if (row === undefined || !isError(row) || !isBeyond(row, stream, place)) continue
      if (best === undefined || compare(row, stream, best.row, best.stream) * by < 0)
        best = { stream, place, row }
      break
    }
  }
  return best

  function isBeyond(row: ReaderRow, stream: StreamName, place: number): boolean {
    // Somebody who follows looks at the newest rows, and the newest error may be the last of them.
    if (state.isFollowing && by === -1) return true
    if (stream === state.primary) return by === 1 ? place > cursorPlace(state) : place < cursorPlace(state)
    const difference =
      row.timestamp === at ? order(stream) - order(state.primary) : row.timestamp < at ? -1 : 1
    return difference * by > 0
  }

  function compare(a: ReaderRow, aStream: StreamName, b: ReaderRow, bStream: StreamName): number {
    if (a.timestamp !== b.timestamp) return a.timestamp < b.timestamp ? -1 : 1
    return order(aStream) - order(bStream)
  }
}

const cursorAt = ({ id, timestamp }: ReaderRow, offset: number): Cursor => ({ id, timestamp, offset })
