// SPDX-License-Identifier: Apache-2.0
import { nestingMax } from './canonical.ts'
import type { ColumnValue } from './columns.ts'

/** What a member should be, as a column would hold it: null for absent, 1 for true. `undefined` expects nothing. */
export type Expected = ColumnValue | undefined

export type LeafJudgement =
  /** Canonical, and every member is what was expected. */
  | 'as_expected'
  /** Canonical, but some member is something else. */
  | 'differs'
  /** Not the canonical text of one object. */
  | 'not_canonical'

/**
 * Judges leaves by their bytes: one pass says whether they are canonical text and whether their members are those
 * expected, without building an object. A verifier looks at every row there is; parsing alone would cost it more than
 * hashing, comparing and everything else together.
 */
export interface LeafScanner {
  /** `expected[i]` belongs to the i-th name. */
  scan(leaf: Uint8Array, expected: readonly Expected[]): LeafJudgement
  /**
   * The `index`-th member of the leaf that was scanned last and found canonical, as a column would hold it. `likely` is
   * answered itself where it is what lies there, which costs no decoding.
   */
  member(index: number, likely?: string): ColumnValue
  /** The JSON text of that member, or undefined when the leaf does not have it. */
  text(index: number): string | undefined
}

/** `names` are the members that a row can have: ascending, of `a-z` and `_` only. Other members are allowed, only slow. */
export function createLeafScanner(names: readonly string[]): LeafScanner {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  const openings = names.map((name) => Uint8Array.from(`"${name}":`, (character) => character.charCodeAt(0)))
  let bytes: Uint8Array = new Uint8Array()
  let differs = false
  let isAscii = true
  // The latest member that is none of `names`, or empty.
  let unknownName = ''
  // Where the value of each of `names` begins and ends in the text; 0 for an absent one.
  const starts = new Int32Array(names.length)
  const ends = new Int32Array(names.length)
  // Second result of `scanString`, which answers with an index.
  let isPlain = true

  return {
    scan,
    member,
    text: (index) => (starts[index] === 0 ? undefined : decode(starts[index] ?? 0, ends[index] ?? 0)),
  }

  function scan(leaf: Uint8Array, expected: readonly Expected[]): LeafJudgement {
    bytes = leaf
    differs = false
    isAscii = true
    starts.fill(0)
    if (leaf[0] !== openBrace || scanRow(leaf, expected) !== leaf.length) return 'not_canonical'
    if (!isAscii && decode(0, leaf.length) === undefined) return 'not_canonical'
    return differs ? 'differs' : 'as_expected'
  }

  function member(index: number, likely?: string): ColumnValue {
    const [start, end] = [starts[index] ?? 0, ends[index] ?? 0]
    if (start === 0) return null
    if (likely !== undefined && end - start === likely.length + 2 && bytes[start] === quote) {
      let place = 0
      while (place < likely.length && bytes[start + 1 + place] === likely.charCodeAt(place)) place++
      if (place === likely.length) return likely
    }
    return columnValue(start, end)
  }

  /** The index after the row, or -1. Walks the known names and the text side by side: both ascend. */
  function scanRow(input: Uint8Array, expected: readonly Expected[]): number {
    let next = 0
    let at = 1
    unknownName = ''
    if (input[1] === closeBrace) at = 2
    else {
      for (let byte: number | undefined = comma; byte === comma;) {
        let index = next
        while (index < openings.length && !isNamed(input, at, openings[index] as Uint8Array)) index++
        if (index === openings.length)
          at = scanUnknownMember(input, at, next === 0 ? '' : (names[next - 1] as string))
        else if (unknownName !== '' && unknownName >= (names[index] as string)) return -1
        else {
          skipAbsent(expected, next, index)
          next = index + 1
          const start = at + (openings[index] as Uint8Array).length
          at = scanMember(input, start, expected[index])
          starts[index] = start
          ends[index] = at
        }
        if (at < 0) return -1
        byte = input[at++]
        if (byte !== comma && byte !== closeBrace) return -1
      }
    }
    skipAbsent(expected, next, openings.length)
    return at
  }

  function skipAbsent(expected: readonly Expected[], from: number, to: number): void {
    for (let index = from; index < to; index++) {
      const value = expected[index]
      if (value !== undefined && value !== null) differs = true
    }
  }

  /** A member that rows of this version do not have is allowed in its place, behind `previous` and other unknown ones. */
  function scanUnknownMember(input: Uint8Array, start: number, previous: string): number {
    const colonAt = input[start] === quote ? scanString(start) : -1
    if (colonAt < 0 || input[colonAt] !== colon) return -1
    const name = nameAt(start + 1, colonAt - 1)
    if (name === undefined || (start > 1 && (name <= previous || name <= unknownName))) return -1
    unknownName = name
    return scanValue(colonAt + 1, 1)
  }

  /** The index after the value at `start`, or -1; compares while it reads, since most values are as expected. */
  function scanMember(input: Uint8Array, start: number, value: Expected): number {
    if (typeof value === 'string' && input[start] === quote) {
      const end = start + 1 + value.length
      let at = start + 1
      for (let place = 0; at < end; place++, at++) {
        const byte = input[at] as number
        if (byte !== value.charCodeAt(place) || standsForItself[byte] !== 1) break
      }
      if (at === end && input[at] === quote) return at + 1
    }
    const end = scanValue(start, 1)
    if (end > 0 && value !== undefined && columnValue(start, end) !== value) differs = true
    return end
  }

  /** The value that lies there, as a column would hold it. */
  function columnValue(start: number, end: number): ColumnValue {
    const first = bytes[start] ?? 0
    if (first === openBrace || first === openBracket) return null
    if (isDigit(first) && end - start <= 15) {
      let value = 0
      let at = start
      while (at < end && isDigit(bytes[at] as number)) value = value * 10 + (bytes[at++] as number) - zero
      if (at === end) return value
    }
    const text = decode(start, end)
    if (text === undefined) return null
    const value = JSON.parse(text) as ColumnValue | boolean
    return typeof value === 'boolean' ? Number(value) : value
  }

  function scanValue(at: number, depth: number): number {
    const first = bytes[at] ?? 0
    if (first === quote) return scanString(at)
    if (first === minus || isDigit(first)) return scanNumber(at)
    if (first === openBrace) return depth >= nestingMax ? -1 : scanObject(at, depth)
    if (first === openBracket) return depth >= nestingMax ? -1 : scanArray(at, depth)
    if (isWord(at, 'true')) return at + 4
    if (isWord(at, 'false')) return at + 5
    return isWord(at, 'null') ? at + 4 : -1
  }

  function scanObject(open: number, depth: number): number {
    const input = bytes
    if (input[open + 1] === closeBrace) return open + 2
    let previousStart = 0
    let previousEnd = 0
    let wasPlain = true
    for (let at = open + 1; ; at++) {
      if (input[at] !== quote) return -1
      const start = at + 1
      const colonAt = scanString(at)
      if (colonAt < 0 || input[colonAt] !== colon) return -1
      const isAscending =
        previousEnd === 0 ||
        (wasPlain && isPlain
          ? areBytesAscending(previousStart, previousEnd, start, colonAt - 1)
          : areTextsAscending(previousStart, previousEnd, start, colonAt - 1))
      if (!isAscending) return -1
      wasPlain = isPlain
      previousStart = start
      previousEnd = colonAt - 1
      at = scanValue(colonAt + 1, depth + 1)
      if (at < 0) return -1
      if (input[at] === closeBrace) return at + 1
      if (input[at] !== comma) return -1
    }
  }

  function scanArray(open: number, depth: number): number {
    if (bytes[open + 1] === closeBracket) return open + 2
    for (let at = open + 1; ; at++) {
      at = scanValue(at, depth + 1)
      if (at < 0) return -1
      if (bytes[at] === closeBracket) return at + 1
      if (bytes[at] !== comma) return -1
    }
  }

  /** The index after the closing quote; `isPlain` tells whether every character is ASCII and stands for itself. */
  function scanString(open: number): number {
    const input = bytes
    isPlain = true
    for (let at = open + 1; ; at++) {
      while (standsForItself[input[at] as number] === 1) at++
      const byte = input[at]
      if (byte === quote) return at + 1
      if (byte === undefined || byte < 0x20) return -1
      isPlain = false
      if (byte >= 0x80) isAscii = false
      else {
        const size = escapeSize(at)
        if (size === 0) return -1
        at += size - 1
      }
    }
  }

  /** Length of the escape at `at` when it is the only canonical way to write its character, else 0. */
  function escapeSize(at: number): number {
    const letter = String.fromCharCode(bytes[at + 1] ?? 0)
    if ('"\\bfnrt'.includes(letter)) return 2
    const isUnicode = letter === 'u' && bytes[at + 2] === zero && bytes[at + 3] === zero
    const code = isUnicode ? String.fromCharCode(bytes[at + 4] ?? 0, bytes[at + 5] ?? 0) : ''
    // Backspace, tab, line feed, form feed and carriage return must use their short forms.
    return /^(?:0[0-7be-f]|1[0-9a-f])$/.test(code) ? 6 : 0
  }

  /** Numbers of up to 15 digits are judged by their looks: a double tells all of them apart. Others are read and printed. */
  function scanNumber(start: number): number {
    const input = bytes
    const first = input[start] === minus ? start + 1 : start
    let at = first
    while (isDigit(input[at] as number)) at++
    const point = at
    if (input[at] === dot)
      do at++
      while (isDigit(input[at] as number))
    const isSmall = input[first] === zero && at > point && input[point + 1] === zero
    if (isNumberByte(input[at] as number) || at - first > 15 || isSmall) return scanLongNumber(start, at)
    if (point === first || (input[first] === zero && point > first + 1)) return -1
    if (at === point) return input[first] === zero && first > start ? -1 : at
    // 75.0 and 75. are longer than need be.
    return at === point + 1 || input[at - 1] === zero ? -1 : at
  }

  function scanLongNumber(start: number, from: number): number {
    let at = from
    while (isNumberByte(bytes[at] ?? 0)) at++
    const token = decode(start, at) ?? ''
    return Number.isFinite(Number(token)) && String(Number(token)) === token ? at : -1
  }

  function isWord(at: number, word: string): boolean {
    for (let place = 0; place < word.length; place++)
      if (bytes[at + place] !== word.charCodeAt(place)) return false
    return true
  }

  function areBytesAscending(aStart: number, aEnd: number, bStart: number, bEnd: number): boolean {
    const shared = Math.min(aEnd - aStart, bEnd - bStart)
    for (let place = 0; place < shared; place++) {
      const difference = (bytes[aStart + place] as number) - (bytes[bStart + place] as number)
      if (difference !== 0) return difference < 0
    }
    return aEnd - aStart < bEnd - bStart
  }

  /** Names beyond ASCII or with escapes sort by their UTF-16 code units, which their bytes do not show. */
  function areTextsAscending(aStart: number, aEnd: number, bStart: number, bEnd: number): boolean {
    const [a, b] = [nameAt(aStart, aEnd), nameAt(bStart, bEnd)]
    return a !== undefined && b !== undefined && a < b
  }

  function nameAt(start: number, end: number): string | undefined {
    const text = decode(start, end)
    return text?.includes('\\') ? (JSON.parse(`"${text}"`) as string) : text
  }

  function decode(start: number, end: number): string | undefined {
    try {
      return decoder.decode(bytes.subarray(start, end))
    } catch (error) {
      // How the decoder says that bytes are not UTF-8.
      if (error instanceof TypeError) return undefined
      throw error
    }
  }
}

function isNamed(input: Uint8Array, at: number, opening: Uint8Array): boolean {
  // The letter after the quote decides nearly always; what ends a name tells it from its own beginnings.
  if (input[at + 1] !== opening[1]) return false
  for (let place = opening.length - 1; place >= 0; place--)
    if (input[at + place] !== opening[place]) return false
  return true
}

const [quote, backslash, comma, minus, dot, zero, colon] = [0x22, 0x5c, 0x2c, 0x2d, 0x2e, 0x30, 0x3a] as const
const [openBracket, closeBracket, openBrace, closeBrace] = [0x5b, 0x5d, 0x7b, 0x7d] as const

/** By byte: 1 for ASCII other than control characters, quote and backslash. */
const standsForItself = Uint8Array.from({ length: 256 }, (_, byte) =>
  Number(byte >= 0x20 && byte < 0x80 && byte !== quote && byte !== backslash),
)

const isDigit = (byte: number): boolean => byte >= 0x30 && byte <= 0x39
/** A digit or one of `+ - . E e`. */
const isNumberByte = (byte: number): boolean =>
  isDigit(byte) || byte === 0x2b || byte === 0x2d || byte === 0x2e || byte === 0x45 || byte === 0x65
