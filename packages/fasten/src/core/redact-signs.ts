// SPDX-License-Identifier: Apache-2.0
// Signs: what one look at the characters tells. A shape is searched only when all of its signs are there, so each of them must be
// in every text that has the shape.
export const DIGITS = 1
export const SURROGATE = 1 << 1
export const COLON = 1 << 2
export const AT = 1 << 3
export const UNDERSCORE = 1 << 4
export const DASH = 1 << 5
export const CAPITAL_I = 1 << 6
export const CAPITAL_J = 1 << 7
export const DOT = 1 << 8
export const SPACE = 1 << 9
export const LETTER_B = 1 << 10
export const EQUALS = 1 << 11
export const QUOTE = 1 << 12
export const SLASH = 1 << 13
export const LETTER_Z = 1 << 14
export const LETTER_F = 1 << 15
export const LETTER_H = 1 << 16
export const LETTER_K = 1 << 17
export const LETTER_L = 1 << 18
export const LETTER_M = 1 << 19
export const LETTER_W = 1 << 20
export const LETTER_X = 1 << 21
export const USERINFO = COLON | AT | SLASH
export const JWT = CAPITAL_J | DOT
export const BARE_SCHEME = SPACE | LETTER_B
export const QUOTED = COLON | QUOTE
/** Tokens with a dash, an underscore or a fixed prefix have at least 20 characters. */
export const TOKEN = DASH | UNDERSCORE | CAPITAL_I
export const TOKEN_LETTER =
  LETTER_H | LETTER_K | LETTER_L | LETTER_M | LETTER_W | LETTER_X | CAPITAL_I | SPACE
const tokenCharsMin = 20

const signTable: Uint32Array = tableOf([
  [':', COLON],
  ['@', AT],
  ['_', UNDERSCORE],
  ['-', DASH],
  ['I', CAPITAL_I],
  ['J', CAPITAL_J],
  ['.', DOT],
  [' \t\r\n', SPACE],
  ['Bb', LETTER_B],
  ['=', EQUALS],
  ['"\'', QUOTE],
  ['/', SLASH],
  ['Zz', LETTER_Z],
  ['f', LETTER_F],
  ['h', LETTER_H],
  ['k', LETTER_K],
  ['l', LETTER_L],
  ['m', LETTER_M],
  ['w', LETTER_W],
  ['x', LETTER_X],
])

function tableOf(entries: readonly (readonly [string, number])[]): Uint32Array {
  const table = new Uint32Array(128)
  for (const [characters, sign] of entries)
    for (const character of characters) table[character.charCodeAt(0)] = sign
  return table
}

/** The signs of a text, or 0 when they cannot add up to a secret. */
export function signsOf(text: string): number {
  const length = text.length
  let signs = 0
  let digits = 0
  for (let at = 0; at < length; at++) {
    const code = text.charCodeAt(at)
    if (code < 128) {
      if (code > 57 || code < 48) signs |= signTable[code] as number
      else digits++
    } else if (code >= 0xd800 && code <= 0xdfff) signs |= SURROGATE
  }
  // Below 13 digits there is no card.
  if (digits >= 13) return signs | DIGITS
  const isWorthIt =
    (signs & (SURROGATE | EQUALS)) !== 0 ||
    (length >= tokenCharsMin && (signs & TOKEN) !== 0 && (signs & TOKEN_LETTER) !== 0) ||
    ((signs & COLON) !== 0 && ((signs & (QUOTE | LETTER_Z)) !== 0 || (signs & USERINFO) === USERINFO)) ||
    (signs & JWT) === JWT ||
    (signs & BARE_SCHEME) === BARE_SCHEME
  return isWorthIt ? signs : 0
}
