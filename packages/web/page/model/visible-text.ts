// SPDX-License-Identifier: Apache-2.0

/** A piece of a text that strangers wrote: shown as it is, or a character that would act, hide or reorder, by its name. */
export type TextPiece = { readonly text: string } | { readonly hidden: string }

/**
 * What a page must not hand to the browser as it is: controls, soft hyphen, zero-width and bidirectional marks, separators of lines and
 * paragraphs, interlinear and tag characters, lone surrogates. The joiners stay where scripts and emoji need them, and are shown
 * beside ASCII, where they only deceive. The command line has the same law (`cli/print/visible.ts`).
 */
const unsafe =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\u{e0000}-\u{e0fff}]|\u034f|\p{Cs}|(?<![^\u0000-\u007f])[\u200c\u200d]|[\u200c\u200d](?![^\u0000-\u007f])/gu

const named: Readonly<Record<string, string>> = { '\n': '⏎', '\t': '⇥' }

/** The text in pieces, in order; together they hold every character of it. */
export function visiblePieces(text: string): readonly TextPiece[] {
  const pieces: TextPiece[] = []
  let from = 0
  for (const { 0: character, index } of text.matchAll(unsafe)) {
    if (index > from) pieces.push({ text: text.slice(from, index) })
    pieces.push({ hidden: named[character] ?? codePointName(character) })
    from = index + character.length
  }
  if (from < text.length) pieces.push({ text: text.slice(from) })
  return pieces
}

const codePointName = (character: string): string =>
  `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`
