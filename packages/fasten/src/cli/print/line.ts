// SPDX-License-Identifier: Apache-2.0
import type { Look, Style } from './paint.ts'
import { cut, foldHard, pad, width } from './width.ts'

/** One stretch of a line. Texts are `visible` already. */
export interface Part {
  readonly text: string
  readonly style?: Style
  /** Padded to this many columns. */
  readonly columns?: number
  readonly align?: 'left' | 'right'
  /** Stands one space from its predecessor instead of two. */
  readonly isTight?: boolean
  /** When the line is too long, parts give way in this order, 1 first. Absent: this part is never cut. */
  readonly yields?: number
  /** What a yielding part keeps while others can still give, and half of it when none can. 0 lets it vanish. */
  readonly keeps?: number
  /** Vanishes, instead of keeping half, when no other part can give. */
  readonly isExtra?: boolean
  readonly cut?: 'end' | 'middle'
  /** On a narrow terminal this part stands on the second line of its row, beside the request id. */
  readonly isBelow?: boolean
}

/**
 * The parts as one line, painted, and cut to the look's columns as far as the yielding parts allow. What must never be lost
 * (code, request id, verdict) stands in parts that do not yield; such a line may then be too long, and wraps.
 */
export function line(parts: readonly Part[], look: Look): string {
  const shown = parts.filter(isShown)
  const texts = shown.map(padded)
  if (look.columns !== null) {
    shrink(shown, texts, look.columns, (part) => part.keeps ?? 0)
    shrink(shown, texts, look.columns, (part) =>
      part.isExtra === true ? 0 : Math.floor((part.keeps ?? 0) / 2),
    )
  }
  return joined(shown, texts, look).trimEnd()
}

/**
 * The parts over as many lines as they need, nothing cut: a part that does not fit goes to the next line, which begins with
 * `hang`, and one that is longer than a line is folded.
 */
export function flow(parts: readonly Part[], hang: string, look: Look): readonly string[] {
  const shown = parts.filter(isShown)
  if (look.columns === null) return [line(shown, look)]
  const lines: string[] = []
  let text = ''
  let used = 0
  for (const part of shown) {
    const whole = padded(part)
    const gap = gapBefore(part)
    if (used > 0 && used + gap.length + width(whole.trimEnd()) > look.columns) {
      const hung = hanging(part, hang, look)
      lines.push(text.trimEnd(), ...hung.slice(0, -1).map((each) => each.text))
      const last = hung.at(-1)
      text = last?.text ?? ''
      used = last?.columns ?? 0
    } else {
      text += (used === 0 ? '' : gap) + paintPart(part, whole, look)
      used += (used === 0 ? 0 : gap.length) + width(whole)
    }
  }
  return [...lines, text.trimEnd()]
}

/** A part on lines of its own, each beginning with `hang` and as wide as it says. */
export function hanging(
  part: Part,
  hang: string,
  look: Look,
): readonly { readonly text: string; readonly columns: number }[] {
  const room = look.columns === null ? Infinity : Math.max(16, look.columns - width(hang))
  return foldHard(padded(part), room).map((piece) => ({
    text: hang + paintPart(part, piece, look),
    columns: width(hang) + width(piece),
  }))
}

function isShown(part: Part): boolean {
  return part.text !== '' || (part.columns ?? 0) > 0
}

function padded(part: Part): string {
  return pad(part.text, part.columns ?? 0, part.align === 'right' ? 'left' : 'right')
}

function gapBefore(part: Part): string {
  return part.isTight === true ? ' ' : '  '
}

function shrink(
  parts: readonly Part[],
  texts: string[],
  columns: number,
  keepsOf: (part: Part) => number,
): void {
  const order = parts
    .map((part, index) => ({ part, index }))
    .filter(({ part }) => part.yields !== undefined)
    .sort((a, b) => (a.part.yields ?? 0) - (b.part.yields ?? 0))
  for (const { part, index } of order) {
    const over = lineWidth(parts, texts) - columns
    if (over <= 0) return
    const keeps = keepsOf(part)
    const room = Math.max(keeps, width(texts[index] ?? '') - over)
    // A stump such as `reason…` says nothing; better the room it frees.
    texts[index] = keeps === 0 && room < 10 ? '' : cut((texts[index] ?? '').trim(), room, part.cut)
  }
}

function lineWidth(parts: readonly Part[], texts: readonly string[]): number {
  let sum = 0
  for (const [index, part] of parts.entries()) {
    const text = texts[index] ?? ''
    if (text !== '') sum += width(text) + (sum === 0 ? 0 : gapBefore(part).length)
  }
  return sum
}

function joined(parts: readonly Part[], texts: readonly string[], look: Look): string {
  let result = ''
  for (const [index, part] of parts.entries()) {
    const text = texts[index] ?? ''
    if (text !== '') result += (result === '' ? '' : gapBefore(part)) + paintPart(part, text, look)
  }
  return result
}

/** Padding stays unpainted, so an underline or a background never runs on. */
function paintPart(part: Part, text: string, look: Look): string {
  const bare = text.trim()
  if (bare === '') return text
  const start = text.indexOf(bare)
  return text.slice(0, start) + look.paint(part.style ?? 'plain', bare) + text.slice(start + bare.length)
}
