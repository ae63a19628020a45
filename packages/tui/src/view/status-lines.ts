// SPDX-License-Identifier: Apache-2.0
import { streams } from 'fasten/core'
import { barOf, bucketOf, histogramOf, startText, widthText } from '../model/histogram.ts'
import { charactersOf } from '../model/edit.ts'
import { keyTable } from '../model/keys.ts'
import { fitLine, spread, type Line, type Span } from '../model/line.ts'
import { plain, widthOf } from '../model/text.ts'
import type { State, View } from './state.ts'
import { grouped, signs } from './verify-lines.ts'

/** What is followed, from where, whether it moves, and what verifying found last. */
export function headLine(state: State): Line {
  const { question } = state
  const left: readonly Span[] = [
    { text: ' fasten ', style: 'marked' },
    { text: ` ${placeText(state)}` },
    ...(question.text === '' ? [] : [{ text: `  ${plain(question.text)}`, style: 'strong' } as const]),
  ]
  return spread(
    left,
    [...verdictSpans(state), { text: '  ' }, motion(state), { text: ' ' }],
    state.size.columns,
  )
}

/** The end of a path or an address tells it from others; beside a filter it has less room. */
function placeText({ place, question, size }: State): string {
  const text = plain(place)
  const room = Math.max(12, Math.floor(size.columns * (question.text === '' ? 0.5 : 0.2)))
  return widthOf(text) <= room
    ? text
    : `…${charactersOf(text)
        .slice(1 - room)
        .join('')}`
}

function motion(state: State): Span {
  const { connection } = state
  if (connection.kind === 'asking') return { text: '… asking', style: 'quiet' }
  if (!state.isFollowing) {
    const news = streams.reduce((sum, stream) => sum + state.panes[stream].news, 0)
    return { text: `‖ PAUSED${news > 0 ? ` ${grouped(news)} new` : ''}`, style: 'warn' }
  }
  if (connection.kind === 'lost') return { text: '✗ not connected', style: 'bad' }
  return connection.kind === 'ended' ? { text: '■ past', style: 'quiet' } : { text: '● LIVE', style: 'good' }
}

/** A verdict is about the rows that were there; how many came since stands beside it. */
function verdictSpans({ verdict, panes }: State): readonly Span[] {
  const isBroken = streams.some((stream) =>
    panes[stream].rows.some(({ verification }) => verification === 'broken'),
  )
  if (isBroken) return [{ text: ' ✗ BROKEN ROW ', style: 'bad' }]
  if (verdict === null) return [{ text: ' not verified', style: 'quiet' }]
  const [sign, style] = signs[verdict.verdict.verdict]
  const since = verdict.rowsSince === 0 ? '' : ` +${grouped(verdict.rowsSince)}`
  return [
    { text: ` ${sign} ${verdict.verdict.verdict}`, style },
    { text: ` ${grouped(verdict.verdict.rows_checked)}${since}`, style: 'quiet' },
  ]
}

/** The rows that are here, over time; errors in red, and where the cursor stands. */
export function histogramLine(state: State): Line {
  const { columns } = state.size
  const rows = streams.flatMap((stream) => state.panes[stream].rows)
  // The longest label there is: when it begins, and how wide a bar is.
  const histogram = histogramOf(rows, Math.max(1, columns - 26))
  if (histogram === null) return fitLine({ spans: [] }, columns)
  const most = histogram.buckets.reduce((high, each) => Math.max(high, each.rows), 1)
  const here =
    state.isFollowing || state.cursor === null ? undefined : bucketOf(histogram, state.cursor.timestamp)
  const bars = histogram.buckets.map((bucket, index): Span => ({
    text: index === here && bucket.rows === 0 ? '▁' : barOf(bucket, most),
    style: index === here ? 'marked' : bucket.errors > 0 ? 'bad' : 'quiet',
  }))
  return spread(
    [{ text: ` ${startText(histogram)} `, style: 'quiet' }, ...joined(bars)],
    [{ text: ` ${widthText(histogram.widthMicros)} `, style: 'quiet' }],
    columns,
  )
}

/** Neighbours that look the same are one piece: fewer bytes on the way to the terminal. */
function joined(spans: readonly Span[]): readonly Span[] {
  const pieces: Span[] = []
  for (const span of spans) {
    const before = pieces.at(-1)
    if (before !== undefined && before.style === span.style)
      pieces[pieces.length - 1] = { ...before, text: before.text + span.text }
    else pieces.push(span)
  }
  return pieces
}

/** What is typed, else what has to be said, else which keys there are. */
export function footLine(state: State): Line {
  const { columns } = state.size
  const { edit, notice, connection } = state
  if (edit !== null) return editLine(state)
  if (notice !== null)
    return fitLine({ spans: [{ text: ` ${plain(notice.text)}`, style: notice.style }] }, columns)
  if (connection.kind === 'lost')
    return fitLine({ spans: [{ text: ` ${plain(connection.problem)}`, style: 'bad' }] }, columns)
  return fitLine({ spans: hints(state) }, columns)
}

function editLine({ edit, size }: State): Line {
  if (edit === null) return fitLine({ spans: [] }, size.columns)
  const sign = edit.kind === 'filter' ? '/' : ':'
  const before = plain(edit.text.slice(0, edit.at))
  const [under = ' '] = charactersOf(edit.text.slice(edit.at))
  const after = plain(edit.text.slice(edit.at + under.length))
  // The end of a long line is what is typed at.
  const room = size.columns - 3
  const shown = widthOf(before) > room ? `…${[...before].slice(-(room - 1)).join('')}` : before
  const offers = edit.offers.length === 0 ? '' : `   ${edit.offers.join(' ')}`
  return fitLine(
    {
      spans: [
        { text: sign, style: 'strong' },
        { text: shown },
        { text: plain(under), style: 'marked' },
        { text: after },
        { text: offers, style: 'quiet' },
      ],
    },
    size.columns,
  )
}

type Hint = readonly [label: string, hint: string]

/** What can be done with what lies on top. */
function viewHints(view: View): readonly Hint[] {
  const thread: Hint = ['t', 'thread']
  const waterfall: Hint = ['w', 'waterfall']
  const story: readonly Hint[] = [
    ['Enter', 'detail'],
    ['e', 'error'],
  ]
  const own: Readonly<Record<View['kind'], readonly Hint[]>> = {
    help: [],
    verify: [],
    detail: [thread, waterfall],
    thread: [...story, waterfall],
    waterfall: [...story, thread],
  }
  const isStopped = view.kind === 'verify' && view.state === 'asking'
  return [
    ['Esc', isStopped ? 'stop' : 'back'],
    ['j k', 'move'],
    ...own[view.kind],
    ['?', 'help'],
    ['q', 'quit'],
  ]
}

function hints({ views, isFollowing, size }: State): readonly Span[] {
  const view = views.at(-1)
  const own: readonly Hint[] =
    view !== undefined
      ? viewHints(view)
      : keyTable.flatMap(({ label, hint }) =>
          hint === undefined
            ? []
            : [[label.split(' ')[0] ?? label, hint === 'pause' && !isFollowing ? 'follow' : hint] as const],
        )
  const spans: Span[] = []
  let room = size.columns
  for (const [label, hint] of own) {
    room -= widthOf(label) + widthOf(hint) + 3
    if (room < 0) break
    spans.push({ text: ` ${label}`, style: 'strong' }, { text: ` ${hint} `, style: 'quiet' })
  }
  return spans
}
