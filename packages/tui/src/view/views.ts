// SPDX-License-Identifier: Apache-2.0
import type { ReaderRow } from 'fasten/reader/remote'
import type { Deed } from '../model/keys.ts'
import type { Line } from '../model/line.ts'
import { framingRows } from '../model/layout.ts'
import { isError } from '../model/face.ts'
import { detailLines } from './detail-lines.ts'
import { helpLines } from './help-lines.ts'
import { openStory } from './open.ts'
import { isStory, step, type State, type Step, type StoryView, type TextView, type View } from './state.ts'
import { verifyLines } from './verify-lines.ts'

/** Lines for what a view shows, below its title and above the line for keys. */
export const viewRows = ({ size }: State): number => Math.max(1, size.rows - framingRows)

/** All the lines of a view, however many. */
export function textOf(view: TextView, columns: number): readonly Line[] {
  switch (view.kind) {
    case 'help':
      return helpLines(columns)
    case 'detail':
      return detailLines(view.row, columns)
    case 'verify':
      return verifyLines(view, columns)
  }
}

/** What a key does to the view on top. */
export function viewPressed(state: State, view: View, deed: Deed): Step {
  if (isStory(view)) return onStory(state, view, deed)
  const row = view.kind === 'detail' ? view.row : undefined
  if ((deed.kind === 'thread' || deed.kind === 'waterfall') && row !== undefined)
    return openStory(state, deed.kind, row.request_id)
  const by = scrolled(deed, viewRows(state))
  if (by === undefined) return step(state)
  const lines = textOf(view, state.size.columns)
  const top = Math.max(0, Math.min(view.top + by, lines.length - viewRows(state)))
  return step(replaced(state, { ...view, top }))
}

function onStory(state: State, view: StoryView, deed: Deed): Step {
  const entries = view.story?.entries ?? []
  const here = entries[view.cursor]?.row
  const to = (cursor: number): Step =>
    step(replaced(state, { ...view, cursor: Math.max(0, Math.min(cursor, entries.length - 1)) }))
  if (deed.kind === 'open')
    return here === undefined
      ? step(state)
      : step({ ...state, views: [...state.views, { kind: 'detail', row: here, top: 0 }] })
  // The same rows, drawn in the other way.
  if (deed.kind === 'thread' || deed.kind === 'waterfall')
    return step(replaced(state, { ...view, kind: deed.kind }))
  if (deed.kind === 'error') {
    const place = errorFrom(
      entries.map(({ row }) => row),
      view.cursor,
      deed.by,
    )
    return place === undefined
      ? step({ ...state, notice: { text: 'no further error in this request', style: 'quiet' } })
      : to(place)
  }
  const by = scrolled(deed, viewRows(state))
  return by === undefined ? step(state) : to(view.cursor + by)
}

function errorFrom(rows: readonly ReaderRow[], from: number, by: 1 | -1): number | undefined {
  for (let place = from + by; place >= 0 && place < rows.length; place += by) {
    const row = rows[place]
    if (row !== undefined && isError(row)) return place
  }
  return undefined
}

function scrolled(deed: Deed, height: number): number | undefined {
  if (deed.kind === 'move') return deed.by
  if (deed.kind === 'page') return deed.by * Math.max(1, height - 1)
  if (deed.kind === 'pause') return Math.max(1, height - 1)
  if (deed.kind === 'ends') return deed.to === 'newest' ? Infinity : -Infinity
  return undefined
}

const replaced = (state: State, view: View): State => ({
  ...state,
  views: [...state.views.slice(0, -1), view],
})
