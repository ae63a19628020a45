// SPDX-License-Identifier: Apache-2.0
import { streams } from '../../core/row.ts'
import type { ReaderRow } from '../../reader/reader.ts'
import type { Story } from '../../reader/story.ts'
import { flow, hanging, line, type Part } from './line.ts'
import type { Look } from './paint.ts'
import { citation, markPart, rowParts, streamPart } from './row-line.ts'
import { withoutRepeated } from '../../reader/thread-runs.ts'
import { threadTree, type ThreadNode } from '../../reader/thread-tree.ts'
import { counted, duration, grouped, isErrorShape } from './values.ts'
import { visible } from '../../core/visible.ts'
import { pad } from './width.ts'

/**
 * The whole story of one request: a head with span and counts, the rows as a time-ordered tree with offsets in
 * milliseconds from its beginning, each with its citation, and a foot that says what is not shown.
 */
export function threadView(thread: Story, look: Look): readonly string[] {
  const roots = threadTree(thread.rows)
  const nodes = roots.flatMap(withBelow)
  const first = nodes.reduce((least, node) => Math.min(least, node.startMicros), Infinity)
  const last = nodes.reduce((most, node) => Math.max(most, node.endMicros), first)
  const isMany = new Set(thread.rows.map(placeOf)).size > 1
  const body = roots.flatMap((node) =>
    branch(
      node,
      undefined,
      { indent: '', twig: '', below: '' },
      {
        requestId: thread.request_id,
        first,
        isMany,
      },
    ),
  )
  const offsetColumns = body.reduce((most, { offset }) => Math.max(most, offset.length), 0)
  return [
    ...head(thread, first, last, look),
    '',
    ...body.flatMap(({ offset, parts, hang, stack }) => [
      ...flow(
        [{ text: offset, style: 'quiet', columns: offsetColumns, align: 'right' }, ...parts],
        ' '.repeat(offsetColumns + columnsBeforeTree) + hang,
        look,
      ),
      ...stack.flatMap((text) =>
        hanging({ text, style: 'quiet' }, ' '.repeat(offsetColumns + columnsBeforeTree) + hang, look).map(
          (each) => each.text,
        ),
      ),
    ]),
    ...foot(thread, look),
  ]
}

function head(thread: Story, first: number, last: number, look: Look): readonly string[] {
  const counts = streams.map((stream) => counted(thread.counts[stream], `${stream} row`)).join(', ')
  const places = [...new Set(thread.rows.map(placeOf))]
  const where = [
    ...new Set(streams.filter((stream) => thread.counts[stream] > 0).map((s) => thread.completeness[s])),
  ]
  return [
    line(
      [
        { text: `request ${visible(thread.request_id)}`, style: 'strong' },
        { text: isoMillis(first), style: 'quiet' },
        { text: last > first ? `took ${duration(last - first)}` : '' },
      ],
      look,
    ),
    line([{ text: counts }, { text: `from ${where.join(', ')}`, style: 'quiet' }], look),
    ...flow([{ text: visible(places.join(', ')), style: 'quiet' }], '', look),
    ...(thread.followed.length === 0
      ? []
      : flow([{ text: followedText(thread.followed), style: 'quiet' }], '', look)),
  ]
}

/** Ids beyond these are read beside their rows. */
const followedShown = 6

function followedText(followed: readonly string[]): string {
  const more = followed.length - followedShown
  return `and what it caused: ${visible(followed.slice(0, followedShown).join(', '))}${more > 0 ? ` and ${more} more` : ''}`
}

function foot(thread: Story, look: Look): readonly string[] {
  const cutStreams = streams.filter((stream) => thread.truncated[stream])
  const rings = streams.filter((stream) =>
    thread.rows.some((row) => row.stream === stream && row.verification === 'ring'),
  )
  const notes = [
    ...(thread.unfollowed > 0
      ? [
          `${counted(thread.unfollowed, 'further request')} caused by it not shown; see fasten thread for each`,
        ]
      : []),
    ...(thread.follows ? [] : ['this server cannot say what these rows caused under other ids']),
    ...(cutStreams.length > 0 ? [`cut: there are more ${cutStreams.join(' and ')} rows; raise --limit`] : []),
    ...(rings.length > 0
      ? [`~ ${rings.join(' and ')} rows live in memory only: not chained, not provable`]
      : []),
    ...streams
      .filter((stream) => thread.completeness[stream] === 'store-degraded')
      .map((stream) => `${stream}: the writer holds rows it could not store; see fasten doctor`),
    ...(thread.rows.some((row) => row.verification === 'broken')
      ? ['✗ broken rows above: run fasten verify']
      : []),
  ]
  return notes.length === 0 ? [] : ['', ...notes.map((note) => look.paint('caution', note))]
}

interface Drawing {
  readonly first: number
  /** Of the thread; a line says where the story moves to another. */
  readonly requestId: string
  /** More than one process took part, so each line says which. */
  readonly isMany: boolean
}

interface Branch {
  readonly offset: string
  readonly parts: readonly Part[]
  /** What further lines of this row begin with: the lines of the tree that run past it, then room below its level. */
  readonly hang: string
  /** Where an error in the row came from, frame by frame. */
  readonly stack: readonly string[]
}

/** Gap, mark, gap, stream, gap: what stands between the offset and the tree. */
const columnsBeforeTree = 2 + 1 + 2 + 5 + 2

/** What stands left of a row, of itself and of what hangs below it. */
interface Limb {
  readonly indent: string
  readonly twig: string
  readonly below: string
}

function branch(
  node: ThreadNode,
  parent: ThreadNode | undefined,
  limb: Limb,
  drawing: Drawing,
): readonly Branch[] {
  const { row, children } = node
  // A row below the beginning of its run has the same cause as that.
  const hasCause =
    row.caused_by !== undefined && ![parent?.row.id, parent?.row.caused_by].includes(row.caused_by)
  const [level, ...rest] = rowParts(withoutRepeated(row, parent?.row), { isAligned: false, hasCause })
  // Said once where the story moves to another process, not on every line below.
  const request =
    row.request_id === (parent?.row.request_id ?? drawing.requestId) ? '' : `req=${visible(row.request_id)}`
  const place = drawing.isMany && placeOf(row) !== placeOf(parent?.row) ? visible(placeOf(row)) : ''
  const below = limb.indent + limb.below
  const isLate = isAnswer(parent?.row) && parent !== undefined && node.startMicros > parent.endMicros
  const parts: readonly Part[] = [
    markPart(row.verification),
    streamPart(row.stream),
    {
      text: limb.indent + limb.twig + pad(level?.text ?? '', level?.columns ?? 0),
      style: level?.style ?? 'plain',
    },
    ...rest,
    { text: isLate ? '(after the answer)' : '', style: 'quiet' },
    { text: place, style: 'quiet' },
    { text: request, style: 'quiet' },
    { text: visible(citation(row)), style: 'quiet' },
  ]
  const hang = `${below}${children.length > 0 ? '│ ' : '  '}${' '.repeat(5)}`
  return [
    { offset: offsetText(node.startMicros - drawing.first), parts, hang, stack: stackOf(row) },
    ...children.flatMap((child, index) => {
      const isLast = index === children.length - 1
      const next = { indent: below, twig: isLast ? '└ ' : '├ ', below: isLast ? '  ' : '│ ' }
      return branch(child, node, next, drawing)
    }),
  ]
}

/** Whether somebody was answered; a message that is published waits for none. */
function isAnswer(row: ReaderRow | undefined): boolean {
  return row?.stream === 'api' && row.method !== 'PUBLISH'
}

/** More frames than this are seldom the application's own. */
const framesMax = 8

function stackOf(row: ReaderRow): readonly string[] {
  const members: unknown = row.stream === 'sys' ? row.fields : row.stream === 'audit' ? row.detail : undefined
  if (typeof members !== 'object' || members === null) return []
  return Object.values(members).flatMap((value) => {
    if (!isErrorShape(value) || value.stack === undefined) return []
    const frames = value.stack
      .split('\n')
      .map((frame) => frame.trim())
      .filter((frame) => frame.startsWith('at '))
    const more = frames.length - framesMax
    return [
      ...frames.slice(0, framesMax).map(visible),
      ...(more > 0 ? [`… ${counted(more, 'further frame')} in --json`] : []),
    ]
  })
}

function placeOf(row: ReaderRow | undefined): string {
  return row === undefined ? '' : `${row.service_id}@${row.source_node_id}`
}

/** `+12.3 ms`; one decimal place, so that a column of them can be compared at a glance. */
function offsetText(micros: number): string {
  const [whole = '', tenth = ''] = (micros / 1000).toFixed(1).split('.')
  return `+${grouped(Number(whole))}.${tenth} ms`
}

function isoMillis(micros: number): string {
  return new Date(Math.floor(micros / 1000)).toISOString()
}

function withBelow(node: ThreadNode): readonly ThreadNode[] {
  return [node, ...node.children.flatMap(withBelow)]
}
