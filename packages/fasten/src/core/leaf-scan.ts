// SPDX-License-Identifier: Apache-2.0
import { isCanonical, nestingMax } from './canonical.ts'
import type { ColumnValue } from './columns.ts'

/**
 * Judges leaves by their bytes: one pass says whether they are canonical text and where the watched members of the row
 * lie, without building an object. A verifier looks at every row there is; parsing alone would cost it more than
 * hashing, comparing and everything else together.
 */
export interface LeafScanner {
  /** True when `leaf` is the canonical text of one object. `equals` and `show` then speak of this leaf. */
  scan(leaf: Uint8Array): boolean
  /** True when the watched member is what a column would hold of it: null for absent, 1 for true. */
  equals(index: number, value: ColumnValue | undefined): boolean
  /** The text of the watched member, for a message. */
  show(index: number): string
}

/** `names` are the top-level members to watch: ascending, of `a-z` and `_` only, as all names of rows are. */
export function createLeafScanner(names: readonly string[]): LeafScanner {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  const kinds = new Uint8Array(names.length)
  const starts = new Int32Array(names.length)
  const ends = new Int32Array(names.length)
  let bytes: Uint8Array = new Uint8Array()
  let isAscii = true
  let hasUnusualName = false
  // Second results of `scanValue` and `scanString`, which answer with an index.
  let kind: number = absent
  let isPlain = true

  return { scan, equals, show }

  function scan(leaf: Uint8Array): boolean {
    bytes = leaf
    isAscii = true
    hasUnusualName = false
    kinds.fill(absent)
    if (leaf[0] !== openBrace || scanObject(0, 0) !== leaf.length) return false
    if (isAscii && !hasUnusualName) return true
    const text = decode(0, leaf.length)
    return text !== undefined && (!hasUnusualName || isCanonical(text))
  }

  /** The index after the value that starts at `at`, or -1 when it is not canonical; sets `kind`. */
  function scanValue(at: number, depth: number): number {
    const first = bytes[at] ?? 0
    if (first === quote) {
      const end = scanString(at)
      kind = isPlain ? plainText : escapedText
      return end
    }
    if (first === minus || isDigit(first)) {
      kind = number
      return scanNumber(at)
    }
    if (first === openBrace || first === openBracket) {
      if (depth > nestingMax) return -1
      const end = first === openBrace ? scanObject(at, depth) : scanArray(at, depth)
      kind = nested
      return end
    }
    if (isWord(at, 'true')) {
      kind = isTrue
      return at + 4
    }
    if (isWord(at, 'false')) {
      kind = isFalse
      return at + 5
    }
    kind = isNull
    return isWord(at, 'null') ? at + 4 : -1
  }

  /** At depth 0, notes where the watched members lie: they and the names of a canonical row ascend alike. */
  function scanObject(open: number, depth: number): number {
    if (bytes[open + 1] === closeBrace) return open + 2
    let watched = depth === 0 ? 0 : names.length
    let previousStart = 0
    let previousEnd = 0
    for (let at = open + 1; ; at++) {
      if (bytes[at] !== quote) return -1
      const start = at + 1
      const colonAt = scanString(at)
      if (colonAt < 0 || bytes[colonAt] !== colon) return -1
      if (!isPlain) hasUnusualName = true
      else if (previousEnd > 0 && compareNames(previousStart, previousEnd, start, colonAt - 1) >= 0) return -1
      previousStart = start
      // After a name that bytes cannot order, the next one is left to `isCanonical` as well.
      previousEnd = isPlain ? colonAt - 1 : 0

      const end = scanValue(colonAt + 1, depth + 1)
      if (end < 0) return -1
      while (watched < names.length) {
        const order = compareWatched(watched, start, colonAt - 1)
        if (order > 0) break
        if (order === 0) {
          kinds[watched] = kind
          starts[watched] = colonAt + 1
          ends[watched] = end
        }
        watched++
      }
      if (bytes[end] === closeBrace) return end + 1
      if (bytes[end] !== comma) return -1
      at = end
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
    isPlain = true
    for (let at = open + 1; at < bytes.length; at++) {
      const byte = bytes[at] ?? 0
      if (byte === quote) return at + 1
      if (byte < 0x20) return -1
      if (byte >= 0x80) isAscii = isPlain = false
      else if (byte === backslash) {
        isPlain = false
        const size = escapeSize(at)
        if (size === 0) return -1
        at += size - 1
      }
    }
    return -1
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

  function scanNumber(start: number): number {
    const first = bytes[start] === minus ? start + 1 : start
    let at = first
    while (isDigit(bytes[at] ?? 0)) at++
    const digits = at - first
    if (digits <= 15 && !isNumberByte(bytes[at] ?? 0)) {
      if (bytes[first] === zero) return digits === 1 && first === start ? at : -1
      return digits > 0 ? at : -1
    }
    while (isNumberByte(bytes[at] ?? 0)) at++
    const token = decode(start, at) ?? ''
    return Number.isFinite(Number(token)) && String(Number(token)) === token ? at : -1
  }

  function isWord(at: number, word: string): boolean {
    for (let place = 0; place < word.length; place++) if (bytes[at + place] !== word.charCodeAt(place)) return false
    return true
  }

  function compareNames(aStart: number, aEnd: number, bStart: number, bEnd: number): number {
    const shared = Math.min(aEnd - aStart, bEnd - bStart)
    for (let place = 0; place < shared; place++) {
      const difference = (bytes[aStart + place] ?? 0) - (bytes[bStart + place] ?? 0)
      if (difference !== 0) return difference
    }
    return aEnd - aStart - (bEnd - bStart)
  }

  function compareWatched(index: number, start: number, end: number): number {
    const name = names[index] ?? ''
    const shared = Math.min(name.length, end - start)
    for (let place = 0; place < shared; place++) {
      const difference = name.charCodeAt(place) - (bytes[start + place] ?? 0)
      if (difference !== 0) return difference
    }
    return name.length - (end - start)
  }

  function equals(index: number, value: ColumnValue | undefined): boolean {
    const is = kinds[index]
    if (typeof value === 'string') return is === plainText ? isText(index, value) : is === escapedText && JSON.parse(show(index)) === value
    if (value === null) return is === absent || is === isNull || is === nested
    if (is === number) return numberAt(index) === value
    return (is === isTrue && value === 1) || (is === isFalse && value === 0)
  }

  function isText(index: number, value: string): boolean {
    const start = (starts[index] ?? 0) + 1
    if ((ends[index] ?? 0) - 1 - start !== value.length) return false
    for (let place = 0; place < value.length; place++) if (bytes[start + place] !== value.charCodeAt(place)) return false
    return true
  }

  function numberAt(index: number): number {
    const end = ends[index] ?? 0
    let value = 0
    for (let at = starts[index] ?? 0; at < end; at++) {
      const digit = (bytes[at] ?? 0) - zero
      if (digit < 0 || digit > 9 || value > 1e14) return Number(show(index))
      value = value * 10 + digit
    }
    return value
  }

  function show(index: number): string {
    return kinds[index] === absent ? 'absent' : (decode(starts[index] ?? 0, ends[index] ?? 0) ?? 'unreadable')
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

const [absent, plainText, escapedText, number, isTrue, isFalse, isNull, nested] = [0, 1, 2, 3, 4, 5, 6, 7] as const
const [quote, backslash, comma, minus, zero, colon] = [0x22, 0x5c, 0x2c, 0x2d, 0x30, 0x3a] as const
const [openBracket, closeBracket, openBrace, closeBrace] = [0x5b, 0x5d, 0x7b, 0x7d] as const

const isDigit = (byte: number): boolean => byte >= 0x30 && byte <= 0x39
/** A digit or one of `+ - . E e`. */
const isNumberByte = (byte: number): boolean => isDigit(byte) || byte === 0x2b || byte === 0x2d || byte === 0x2e || byte === 0x45 || byte === 0x65
