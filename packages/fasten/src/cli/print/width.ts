// SPDX-License-Identifier: Apache-2.0

const ascii = /^[\x20-\x7e]*$/
const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' })
const mark = /^[\p{Mn}\p{Me}\p{Cf}]+$/u
const emoji = /\p{Emoji_Presentation}|\ufe0f/u
/** East Asian wide and fullwidth blocks, coarse: the ranges every common terminal agrees on. */
const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{17000}-\u{18cff}\u{1b000}-\u{1b2ff}\u{20000}-\u{3fffd}]/u

/** Columns the text takes on a terminal: 2 for wide characters and emoji, 0 for lone marks. The text is `visible` already. */
export function width(text: string): number {
  if (ascii.test(text)) return text.length
  let columns = 0
  for (const { segment } of graphemes.segment(text)) columns += graphemeWidth(segment)
  return columns
}

function graphemeWidth(segment: string): number {
  if (mark.test(segment)) return 0
  return emoji.test(segment) || wide.test(segment) ? 2 : 1
}

/** The text padded with spaces to `columns`; unchanged when it is as wide already. */
export function pad(text: string, columns: number, side: 'left' | 'right' = 'right'): string {
  const space = ' '.repeat(Math.max(0, columns - width(text)))
  return side === 'right' ? text + space : space + text
}

/**
 * The text cut to at most `columns`, with `…` where something is missing: at the end, or in the middle for what is told
 * apart by its end (paths, targets). Never splits a grapheme.
 */
export function cut(text: string, columns: number, where: 'end' | 'middle' = 'end'): string {
  if (width(text) <= columns) return text
  if (columns <= 1) return columns === 1 ? '…' : ''
  const pieces = [...graphemes.segment(text)].map(({ segment }) => segment)
  const room = columns - 1
  const head = take(pieces, where === 'end' ? room : Math.ceil(room / 2))
  const tail = where === 'end' ? '' : take(pieces.reverse(), room - width(head), true)
  return `${head}…${tail}`
}

function take(pieces: readonly string[], columns: number, isReversed = false): string {
  let used = 0
  let text = ''
  for (const piece of pieces) {
    used += graphemeWidth(piece)
    if (used > columns) break
    text = isReversed ? piece + text : text + piece
  }
  return text
}

/** Words folded into lines of at most `columns`; a longer word stands alone on its line, uncut, so that it can be copied. */
export function fold(text: string, columns: number): readonly string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && width(line) + 1 + width(word) > columns) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line]
}

/** The same, with longer words broken where the line ends: for pictures that a word must not burst. */
export function foldHard(text: string, columns: number): readonly string[] {
  const lines: string[] = []
  let line = ''
  let used = 0
  for (const word of text.split(' ')) {
    const wordWidth = width(word)
    const gap = line === '' ? '' : ' '
    if (used + gap.length + wordWidth <= columns) {
      line += gap + word
      used += gap.length + wordWidth
      continue
    }
    // A word that would fit on a line of its own is not broken for the sake of a full one.
    if (wordWidth <= columns) {
      lines.push(line)
      line = word
      used = wordWidth
      continue
    }
    line += gap
    used += gap.length
    for (const { segment } of graphemes.segment(word)) {
      const segmentWidth = graphemeWidth(segment)
      if (used + segmentWidth > columns) {
        lines.push(line.trimEnd())
        line = ''
        used = 0
      }
      line += segment
      used += segmentWidth
    }
  }
  return [...lines, line]
}
