// SPDX-License-Identifier: Apache-2.0
import type { StreamName } from 'fasten/core'
import { rowLine } from '../model/face.ts'
import { layoutOf, type PaneBox } from '../model/layout.ts'
import { blank, fitLine, spread, type Line, type Span } from '../model/line.ts'
import { cursorPlace, rowAtCursor, topOf } from './cursor.ts'
import type { State } from './state.ts'
import { grouped } from './verify-lines.ts'
import { placeOfTime } from '../model/pane.ts'

/** The three panes, in exactly the lines that the layout gives them. */
export function panesLines(state: State): readonly Line[] {
  const layout = layoutOf(state.size, state.primary)
  const blocks = layout.panes.map((box) => paneLines(state, box))
  if (layout.kind === 'narrow') return blocks.flat()
  const height = Math.max(...blocks.map((lines) => lines.length))
  return Array.from({ length: height }, (_, index) => ({
    spans: blocks.flatMap((lines, place): readonly Span[] => {
      const each = lines[index] ?? blank
      const spans =
        each.isMarked === true ? each.spans.map((span) => ({ ...span, isMarked: true })) : each.spans
      return place === 0 ? spans : [{ text: '│', style: 'quiet' }, ...spans]
    }),
  }))
}

/** The title of a pane and its rows, each line as wide as the pane. */
function paneLines(state: State, box: PaneBox): readonly Line[] {
  const { stream, columns, rows: height } = box
  const { rows } = state.panes[stream]
  const isPrimary = stream === state.primary
  const top = topOf(state, stream, height)
  const related = state.isFollowing ? undefined : rowAtCursor(state)?.request_id
  const marked = state.isFollowing ? -1 : markedPlace(state, stream)
  const shown = rows.slice(top, top + height).map((row, index): Line => {
    const isMarked = top + index === marked
    const spans: readonly Span[] = [
      { text: isMarked ? (isPrimary ? '▸' : '·') : ' ', style: isPrimary ? 'strong' : 'quiet' },
      ...rowLine(row, columns - 1, related).spans,
    ]
    return fitLine({ spans, ...(isMarked && isPrimary ? { isMarked } : {}) }, columns)
  })
  const lines =
    shown.length === 0
      ? [fitLine({ spans: [{ text: ` ${emptyText(state, stream)}`, style: 'quiet' }] }, columns)]
      : shown
  return [
    titleLine(state, box),
    ...lines,
    ...Array.from({ length: Math.max(0, height - lines.length) }, () => fitLine(blank, columns)),
  ]
}

/** The row at the cursor, and in the other panes the one at its time. */
function markedPlace(state: State, stream: StreamName): number {
  if (stream === state.primary) return cursorPlace(state)
  const { rows } = state.panes[stream]
  if (state.cursor === null) return -1
  const place = placeOfTime(rows, state.cursor.timestamp)
  return (rows[place]?.timestamp ?? '9') <= state.cursor.timestamp ? place : -1
}

function emptyText(state: State, stream: StreamName): string {
  if (state.connection.kind === 'asking') return 'asking …'
  if (!state.question.streams.includes(stream)) return 'no row of this stream has what the filter asks for'
  return state.question.text === '' ? 'no rows yet' : 'no row matches'
}

function titleLine(state: State, { stream, columns }: PaneBox): Line {
  const isPrimary = stream === state.primary
  const { rows, news, hasOlder } = state.panes[stream]
  const count = rows.length === 0 ? '' : `${grouped(rows.length)}${hasOlder ? '+' : ''} `
  const left: readonly Span[] = [
    { text: isPrimary ? '▌' : ' ', style: stream },
    { text: stream, style: isPrimary ? 'marked' : stream },
    { text: ' ' },
  ]
  const right: readonly Span[] = [
    ...(news > 0 ? [{ text: `${grouped(news)} new `, style: 'warn' } as const] : []),
    { text: count, style: 'quiet' },
  ]
  return spread(left, right, columns)
}
