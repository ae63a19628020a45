// SPDX-License-Identifier: Apache-2.0
import { cut, widthOf } from './text.ts'

/** Meanings, not colours: a screen says `bad`, and the terminal's own palette says what that looks like. */
export type Style =
  | 'plain'
  | 'quiet'
  | 'strong'
  | 'good'
  | 'warn'
  | 'bad'
  | 'audit'
  | 'sys'
  | 'api'
  /** Stands out from its surroundings, also without colours. */
  | 'marked'

/** A piece of a line. Its text is plain already (`model/text.ts`). */
export interface Span {
  readonly text: string
  readonly style?: Style
  /** Where the cursor stands, on a line that is shared with others. */
  readonly isMarked?: boolean
}

/** One line of the screen. */
export interface Line {
  readonly spans: readonly Span[]
  /** Where the cursor stands. */
  readonly isMarked?: boolean
}

export const line = (...spans: readonly Span[]): Line => ({ spans })
export const blank: Line = { spans: [] }

export const lineWidth = ({ spans }: Line): number =>
  spans.reduce((columns, { text }) => columns + widthOf(text), 0)

/** The line in exactly `columns`: what does not fit is cut, what is left is filled. */
export function fitLine({ spans, ...rest }: Line, columns: number): Line {
  const kept: Span[] = []
  let room = columns
  for (const span of spans) {
    if (room === 0) break
    const text = cut(span.text, room)
    if (text === '') continue
    kept.push({ ...span, text })
    room -= widthOf(text)
    if (text !== span.text) break
  }
  return { ...rest, spans: room > 0 ? [...kept, { text: ' '.repeat(room) }] : kept }
}

/** Left and right on one line; the left gives way. */
export function spread(left: readonly Span[], right: readonly Span[], columns: number): Line {
  const rightColumns = lineWidth({ spans: right })
  if (rightColumns >= columns) return fitLine({ spans: right }, columns)
  return { spans: [...fitLine({ spans: left }, columns - rightColumns).spans, ...right] }
}
