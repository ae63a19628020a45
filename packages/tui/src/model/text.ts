// SPDX-License-Identifier: Apache-2.0
import { visible } from 'fasten/core'
import stringWidth from 'string-width'

const ascii = /^[\x20-\x7e]*$/
const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' })

/**
 * Text of strangers as a terminal may be given it: what would act, hide or reorder is written out, and what joins emoji to one is dropped, because
 * terminals disagree about how wide the whole is. Every word that did not come from this program passes here.
 */
export function plain(text: string): string {
  if (ascii.test(text)) return text
  return visible(text.replace(/\ufe0f|(?<=\p{Extended_Pictographic}\p{Emoji_Modifier}?)\u200d/gu, ''))
}

/** Columns that plain text takes. */
export function widthOf(text: string): number {
  return ascii.test(text) ? text.length : stringWidth(text)
}

/** The text cut to at most `columns`, with `…` where something is missing. Never splits a grapheme. */
export function cut(text: string, columns: number): string {
  if (columns <= 0) return ''
  if (ascii.test(text)) return text.length <= columns ? text : `${text.slice(0, columns - 1)}…`
  if (widthOf(text) <= columns) return text
  let kept = ''
  let used = 0
  for (const { segment } of graphemes.segment(text)) {
    used += widthOf(segment)
    if (used > columns - 1) break
    kept += segment
  }
  return `${kept}…`
}

/** The text in exactly `columns`: cut, or filled with spaces. */
export function fit(text: string, columns: number): string {
  const short = cut(text, columns)
  return short + ' '.repeat(Math.max(0, columns - widthOf(short)))
}

/** The text in lines of at most `columns`, broken at blanks where there are some; blanks for which a line has no room are gone. At least one line. */
export function wrap(text: string, columns: number): readonly string[] {
  const lines: string[] = []
  let line = ''
  let used = 0
  for (const word of text.split(/(?<= )/)) {
    const blank = word.endsWith(' ') ? ' ' : ''
    let rest = word.slice(0, word.length - blank.length)
    if (used > 0 && used + widthOf(rest) > columns) {
      lines.push(line)
      line = ''
      used = 0
    }
    while (widthOf(rest) > columns) {
      const piece = headOf(rest, columns)
      lines.push(piece)
      rest = rest.slice(piece.length)
    }
    line += rest
    used += widthOf(rest)
    if (used < columns) {
      line += blank
      used += blank.length
    }
  }
  return [...lines, line]
}

function headOf(text: string, columns: number): string {
  let head = ''
  let used = 0
  for (const { segment } of graphemes.segment(text)) {
    used += widthOf(segment)
    if (used > columns) break
    head += segment
  }
  // A grapheme wider than the line comes in its parts, so that there is an end.
  return head === '' ? String.fromCodePoint(text.codePointAt(0) ?? 0x20) : head
}
