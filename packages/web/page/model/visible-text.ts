// SPDX-License-Identifier: Apache-2.0
import { unsafeCharacters } from 'fasten/core'

/** A piece of a text that strangers wrote: shown as it is, or a character that would act, hide or reorder, by its name. */
export type TextPiece = { readonly text: string } | { readonly hidden: string }

const named: Readonly<Record<string, string>> = { '\n': '⏎', '\t': '⇥' }

/** The text in pieces, in order; together they hold every character of it. */
export function visiblePieces(text: string): readonly TextPiece[] {
  const pieces: TextPiece[] = []
  let from = 0
  for (const { 0: character, index } of text.matchAll(unsafeCharacters)) {
    if (index > from) pieces.push({ text: text.slice(from, index) })
    pieces.push({ hidden: named[character] ?? codePointName(character) })
    from = index + character.length
  }
  if (from < text.length) pieces.push({ text: text.slice(from) })
  return pieces
}

const codePointName = (character: string): string =>
  `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`
