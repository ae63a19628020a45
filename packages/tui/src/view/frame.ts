// SPDX-License-Identifier: Apache-2.0
import { sizeMin } from '../model/layout.ts'
import { blank, fitLine, spread, type Line } from '../model/line.ts'
import { panesLines } from './panes-lines.ts'
import { isStory, type State, type View } from './state.ts'
import { footLine, headLine, histogramLine } from './status-lines.ts'
import { storyLines, storyTitle } from './story-lines.ts'
import { grouped } from './verify-lines.ts'
import { textOf, viewRows } from './views.ts'

/** The whole screen: as many lines as it has rows, each as wide as it is. */
export function frame(state: State): readonly Line[] {
  const { columns, rows } = state.size
  if (columns < sizeMin.columns || rows < sizeMin.rows) return tooSmall(state)
  const view = state.views.at(-1)
  const middle =
    view === undefined
      ? [histogramLine(state), ...panesLines(state)]
      : [titleLine(state, view), ...bodyOf(state, view)]
  const lines = [headLine(state), ...middle.slice(0, rows - 2)]
  return [...lines, ...Array.from({ length: rows - 1 - lines.length }, () => blank), footLine(state)].map(
    (each) => fitLine(each, columns),
  )
}

function bodyOf(state: State, view: View): readonly Line[] {
  const { columns } = state.size
  if (isStory(view)) return storyLines(view, columns, viewRows(state))
  return textOf(view, columns).slice(view.top, view.top + viewRows(state))
}

function titleLine(state: State, view: View): Line {
  const titles: Readonly<Record<View['kind'], () => string>> = {
    help: () => 'help',
    detail: () => (view.kind === 'detail' ? `${view.row.stream} row` : ''),
    thread: () => (view.kind === 'thread' ? storyTitle(view) : ''),
    waterfall: () => (view.kind === 'waterfall' ? storyTitle(view) : ''),
    verify: () => 'verify',
  }
  return spread(
    [{ text: ` ${titles[view.kind]()}`, style: 'strong' }],
    [{ text: ` ${placeText(state, view)} `, style: 'quiet' }],
    state.size.columns,
  )
}

/** Which part of a view is seen; nothing where all of it is. */
function placeText(state: State, view: View): string {
  const room = viewRows(state)
  if (isStory(view)) {
    const rows = view.story?.entries.length ?? 0
    return rows > 0 ? `${grouped(view.cursor + 1)} of ${grouped(rows)}` : ''
  }
  const lines = textOf(view, state.size.columns).length
  const last = Math.min(lines, view.top + room)
  return lines > room ? `lines ${grouped(view.top + 1)} to ${grouped(last)} of ${grouped(lines)}` : ''
}

function tooSmall({ size }: State): readonly Line[] {
  const text = `at least ${sizeMin.columns}x${sizeMin.rows}, please; q quits`
  return Array.from({ length: size.rows }, (_, index) =>
    fitLine({ spans: index === 0 ? [{ text }] : [] }, size.columns),
  )
}
