// SPDX-License-Identifier: Apache-2.0
import { durationText, markOf, titleOf, toneOf } from '../model/face.ts'
import { blank, fitLine, line, type Line, type Span } from '../model/line.ts'
import type { StoryEntry, StoryRows } from '../model/story.ts'
import { cut, fit, plain, wrap } from '../model/text.ts'
import type { StoryView } from './state.ts'

/** The rows of a request in `height` lines, the cursor among them: as a tree with times, or as bars over time. */
export function storyLines(view: StoryView, columns: number, height: number): readonly Line[] {
  if (view.state === 'failed')
    return wrap(plain(view.problem), columns).map((text) => line({ text, style: 'bad' }))
  const { story } = view
  if (story === null) return [line({ text: 'asking …', style: 'quiet' })]
  if (story.entries.length === 0)
    return [line({ text: `no row has the request id ${plain(view.requestId)}`, style: 'quiet' })]
  const above = [
    ...clockLines(story, columns),
    ...(view.kind === 'waterfall' ? [scaleLine(story, columns)] : []),
  ]
  const room = Math.max(1, height - above.length)
  const top = Math.max(0, Math.min(view.cursor - Math.floor(room / 2), story.entries.length - room))
  const shown = story.entries.slice(top, top + room).map((entry, index) => {
    const isMarked = top + index === view.cursor
    const spans =
      view.kind === 'waterfall' ? barSpans(entry, story, columns - 1) : threadSpans(entry, columns - 1)
    const all: readonly Span[] = [{ text: isMarked ? '▸' : ' ', style: 'strong' }, ...spans]
    return fitLine({ spans: all, ...(isMarked ? { isMarked } : {}) }, columns)
  })
  return [...above, ...shown, ...Array.from({ length: Math.max(0, room - shown.length) }, () => blank)]
}

/** Whose clocks were moved, and by how much: no bar stands where no row says it was without a word about it. */
function clockLines({ moved, isConsistent }: StoryRows, columns: number): readonly Line[] {
  const problem = 'clocks contradict each other: times are as the nodes wrote them'
  if (!isConsistent) return [line({ text: cut(` ${problem}`, columns), style: 'warn' })]
  if (moved.length === 0) return []
  const words = moved.map(
    ({ node, offset_us }) =>
      `${plain(node)} ${offset_us > 0 ? 'later' : 'earlier'} by ${durationText(Math.abs(offset_us))}`,
  )
  return [line({ text: cut(` clocks put right: ${words.join(', ')}`, columns), style: 'quiet' })]
}

/** What a story is and what is not in it. */
export function storyTitle({ kind, requestId, story }: StoryView): string {
  const facts =
    story === null
      ? ''
      : [
          `${story.entries.length} rows`,
          durationText(story.lastedMicros),
          ...(story.nodes > 1 ? [`${story.nodes} nodes`] : []),
          ...(story.followed > 0 ? [`${story.followed} requests that it set off`] : []),
          ...(story.unfollowed > 0 ? [`${story.unfollowed} not followed`] : []),
          ...(story.isCut ? ['more rows than were read'] : []),
        ].join(' · ')
  return `${kind} of ${plain(requestId)}  ${facts}`
}

function threadSpans(entry: StoryEntry, columns: number): readonly Span[] {
  const { row, startMicros, lastedMicros } = entry
  const tone = toneOf(row)
  const lasted = lastedMicros > 0 ? ` ${durationText(lastedMicros)}` : ''
  const where = ` ${plain(`${row.service_id}@${row.source_node_id}`)}`
  return [
    { text: fit(`+${durationText(startMicros)}`, 9), style: 'quiet' },
    { text: `${fit(row.stream, 5)} `, style: row.stream },
    { text: fit(markOf(row), 6), style: tone },
    { text: indent(entry) },
    { text: titleOf(row), style: tone },
    { text: `${lasted}${columns >= 100 ? where : ''}`, style: 'quiet' },
  ]
}

/** Deeper than this a tree would push its words off the screen. */
const depthMax = 12

const indent = ({ depth }: StoryEntry): string => '  '.repeat(Math.min(depth, depthMax))

const nameColumns = (columns: number): number => Math.max(16, Math.floor(columns * 0.4))
const durationColumns = 8

function barSpans(entry: StoryEntry, story: StoryRows, columns: number): readonly Span[] {
  const { row, startMicros, lastedMicros } = entry
  const names = nameColumns(columns)
  const room = Math.max(1, columns - names - durationColumns - 1)
  const scale = story.lastedMicros === 0 ? 0 : room / story.lastedMicros
  const from = Math.min(room - 1, Math.floor(startMicros * scale))
  const length = Math.max(1, Math.min(room - from, Math.round(lastedMicros * scale)))
  const tone = toneOf(row)
  const bar = lastedMicros === 0 ? '◆' : '█'.repeat(length)
  return [
    { text: fit(`${indent(entry)}${cut(titleOf(row), names)}`, names), style: tone },
    { text: ' ' },
    { text: ' '.repeat(from) },
    { text: bar, style: tone === 'bad' || tone === 'warn' ? tone : row.stream },
    { text: ' '.repeat(Math.max(0, room - from - (lastedMicros === 0 ? 1 : length))) },
    {
      text: fit(lastedMicros === 0 ? '' : ` ${durationText(lastedMicros)}`, durationColumns),
      style: 'quiet',
    },
  ]
}

function scaleLine({ lastedMicros }: StoryRows, columns: number): Line {
  const names = nameColumns(columns - 1)
  const room = Math.max(1, columns - 1 - names - durationColumns - 1)
  const middle = durationText(lastedMicros / 2)
  const half = Math.floor(room / 2)
  return fitLine(
    {
      spans: [
        { text: ' '.repeat(names + 2) },
        { text: fit('0', half), style: 'quiet' },
        { text: fit(middle, room - half), style: 'quiet' },
        { text: durationText(lastedMicros), style: 'quiet' },
      ],
    },
    columns,
  )
}
