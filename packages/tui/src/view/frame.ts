// SPDX-License-Identifier: Apache-2.0
import { sizeMin } from '../model/layout.ts'
import { blank, fitLine, type Line } from '../model/line.ts'
import { panesLines } from './panes-lines.ts'
import { isStory, type State, type View } from './state.ts'
import { footLine, headLine, histogramLine } from './status-lines.ts'
import { storyLines, storyTitle } from './story-lines.ts'
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
  return fitLine({ spans: [{ text: ` ${titles[view.kind]()}`, style: 'strong' }] }, state.size.columns)
}

function tooSmall({ size }: State): readonly Line[] {
  const text = `at least ${sizeMin.columns}x${sizeMin.rows}, please; q quits`
  return Array.from({ length: size.rows }, (_, index) =>
    fitLine({ spans: index === 0 ? [{ text }] : [] }, size.columns),
  )
}
