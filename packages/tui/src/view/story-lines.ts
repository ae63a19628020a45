// SPDX-License-Identifier: Apache-2.0
import { toneOf, type Tone } from 'fasten/reader/remote'
import { markText, moreOf, shortDuration, titleText } from '../model/face.ts'
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
      view.kind === 'waterfall' ? barSpans(entry, story, columns - 1) : threadSpans(entry, story, columns - 1)
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
      `${plain(node)} ${offset_us > 0 ? 'later' : 'earlier'} by ${shortDuration(Math.abs(offset_us))}`,
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
          shortDuration(story.lastedMicros),
          ...(story.nodes > 1 ? [`${story.nodes} nodes`] : []),
          ...(story.followed > 0 ? [`${story.followed} requests that it set off`] : []),
          ...(story.unfollowed > 0 ? [`${story.unfollowed} not followed`] : []),
          ...(story.isCut ? ['more rows than were read'] : []),
        ].join(' · ')
  return `${kind} of ${plain(requestId)}  ${facts}`
}

function threadSpans(entry: StoryEntry, story: StoryRows, columns: number): readonly Span[] {
  const { row, startMicros, lastedMicros } = entry
  const tone = toneOf(row)
  // An access says how long it took by itself.
  const lasted = lastedMicros > 0 && row.stream !== 'api' ? ` ${shortDuration(lastedMicros)}` : ''
  return [
    { text: fit(startMicros === 0 ? '0' : `+${shortDuration(startMicros)}`, 9), style: 'quiet' },
    { text: `${fit(row.stream, 5)} `, style: row.stream },
    { text: placeText(entry, story, columns), style: 'quiet' },
    { text: `${markText(row)} `, style: tone },
    { text: indent(entry) },
    { text: titleText(row), style: tone },
    { text: `${lasted} ${moreOf(row)}`, style: 'quiet' },
  ]
}

/** Where it happened, where that is not the same for all rows. */
function placeText({ row }: StoryEntry, { places }: StoryRows, columns: number): string {
  if (places < 2) return ''
  const isWide = columns >= columnsForNodes
  const text = isWide ? `${row.service_id}@${row.source_node_id}` : row.service_id
  return `${fit(plain(text), isWide ? 24 : 9)} `
}

const columnsForNodes = 120

/** Deeper than this a tree would push its words off the screen. */
const depthMax = 12

const indent = ({ depth }: StoryEntry): string => '  '.repeat(Math.min(depth, depthMax))

/** What failed has a sign of its own, also where there are no colours. */
const toneSigns: Readonly<Record<Tone, string>> = { bad: '✗ ', warn: '! ', plain: '  ', quiet: '  ' }

const nameColumns = (columns: number): number => Math.max(16, Math.min(60, Math.floor(columns * 0.36)))
const durationColumns = 8

function barSpans(entry: StoryEntry, story: StoryRows, columns: number): readonly Span[] {
  const { row, startMicros, lastedMicros } = entry
  const names = nameColumns(columns)
  const place = placeText(entry, story, columns)
  const room = barColumns(story, columns)
  const scale = story.lastedMicros === 0 ? 0 : room / story.lastedMicros
  const from = Math.min(room - 1, Math.floor(startMicros * scale))
  const length = Math.max(1, Math.min(room - from, Math.round(lastedMicros * scale)))
  const tone = toneOf(row)
  const bar = lastedMicros === 0 ? '◆' : '█'.repeat(length)
  return [
    { text: toneSigns[tone], style: tone },
    { text: place, style: 'quiet' },
    { text: fit(`${indent(entry)}${cut(titleText(row), names)}`, names), style: tone },
    { text: ' ' },
    { text: ' '.repeat(from) },
    { text: bar, style: tone === 'bad' || tone === 'warn' ? tone : row.stream },
    { text: ' '.repeat(Math.max(0, room - from - (lastedMicros === 0 ? 1 : length))) },
    {
      text: fit(lastedMicros === 0 ? '' : ` ${shortDuration(lastedMicros)}`, durationColumns),
      style: 'quiet',
    },
  ]
}

/** What stands before the bars. */
const leadColumns = ({ places }: StoryRows, columns: number): number =>
  2 + (places < 2 ? 0 : columns >= columnsForNodes ? 25 : 10) + nameColumns(columns) + 1

const barColumns = (story: StoryRows, columns: number): number =>
  Math.max(1, columns - leadColumns(story, columns) - durationColumns)

function scaleLine(story: StoryRows, columns: number): Line {
  const { lastedMicros } = story
  // The cursor has a column of its own.
  const room = barColumns(story, columns - 1)
  const half = Math.floor(room / 2)
  return fitLine(
    {
      spans: [
        { text: ' '.repeat(leadColumns(story, columns - 1) + 1) },
        { text: fit('0', half), style: 'quiet' },
        { text: fit(shortDuration(lastedMicros / 2), room - half), style: 'quiet' },
        { text: ` ${shortDuration(lastedMicros)}`, style: 'quiet' },
      ],
    },
    columns,
  )
}
