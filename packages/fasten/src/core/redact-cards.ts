// SPDX-License-Identifier: Apache-2.0
import type { DigitRule } from './redact-keys.ts'

export interface Span {
  readonly start: number
  /** Exclusive. */
  readonly end: number
}

/**
 * The first payment card number at or after `from`, or undefined. Linear: every digit is looked at a bounded number of times.
 *
 * A candidate is a run of 13 to 19 digits, or digits in the groups in which cards are printed (4-4-4-4 with a shorter or no
 * tail, 4-6-5, 4-6-4, 8-8) parted by up to three spaces, dots or dashes. It must not touch a letter or another digit, must not be
 * the fraction of a decimal number, and its last digit must be the Luhn digit. What its leading digits must be
 * depends on the name it was found under. Every candidate is tried, not only the first. Source: spec/redaction.md#cards.
 */
export function findCard(text: string, rule: DigitRule, from = 0): Span | undefined {
  if (rule === 'never') return undefined
  const length = text.length
  let at = from
  while (at < length) {
    if (!isDigit(text.charCodeAt(at))) {
      at++
      continue
    }
    const groups: Span[] = []
    at = readCluster(text, at, groups)
    const found = cardAmong(text, groups, rule)
    if (found !== undefined) return found
  }
  return undefined
}

/** True when the decimal text of an integer is a card number by the same rules. */
export const isCardNumber = (digits: string, rule: DigitRule): boolean =>
  rule !== 'never' && isCardLength(digits.length) && hasLuhnDigit(digits) && isIssued(digits, rule)

const isCardLength = (length: number): boolean => length >= 13 && length <= 19
const isDigit = (code: number): boolean => code >= 48 && code <= 57
/** Letters, digits, and everything beyond ASCII that may be a letter. */
const isWordCode = (code: number): boolean =>
  isDigit(code) ||
  (code >= 65 && code <= 90) ||
  (code >= 97 && code <= 122) ||
  (code > 127 && !isSeparator(code))
const isSeparator = (code: number): boolean =>
  code === 32 ||
  code === 45 ||
  code === 46 ||
  code === 160 ||
  code === 9 ||
  (code >= 0x2010 && code <= 0x2015) ||
  code === 0x202f

/**
 * Reads digit groups parted by short separators from `start` on, and returns where to go on. A group that touches a letter
 * is not part of any number; it ends the cluster.
 */
function readCluster(text: string, start: number, groups: Span[]): number {
  const length = text.length
  let at = start
  for (;;) {
    let end = at + 1
    while (end < length && isDigit(text.charCodeAt(end))) end++
    const touches =
      (at > 0 && isWordCode(text.charCodeAt(at - 1))) || (end < length && isWordCode(text.charCodeAt(end)))
    if (touches) return end
    groups.push({ start: at, end })
    let next = end
    while (next < length && next - end < 3 && isSeparator(text.charCodeAt(next))) next++
    if (next === end || next >= length || !isDigit(text.charCodeAt(next))) return end
    at = next
  }
}

function cardAmong(text: string, groups: readonly Span[], rule: DigitRule): Span | undefined {
  for (let first = 0; first < groups.length; first++) {
    let digits = ''
    let best: Span | undefined
    for (let last = first; last < groups.length; last++) {
      const group = groups[last]
      if (group === undefined || digits.length + group.end - group.start > 19) break
      digits += text.slice(group.start, group.end)
      if (!isCardLength(digits.length) || !isPrintedLike(text, groups, first, last)) continue
      if (hasLuhnDigit(digits) && isIssued(digits, rule))
        best = { start: groups[first]?.start ?? 0, end: group.end }
    }
    if (best !== undefined) return best
  }
  return undefined
}

function isPrintedLike(text: string, groups: readonly Span[], first: number, last: number): boolean {
  const size = (index: number): number => {
    const group = groups[index]
    return group === undefined ? 0 : group.end - group.start
  }
  const count = last - first + 1
  if (count === 1) return !isFraction(text, groups[first])
  if (count === 2) return size(first) === 8 && size(last) === 8
  if (count === 3 && size(first) === 4 && size(first + 1) === 6) return size(last) === 5 || size(last) === 4
  for (let index = first; index < last; index++) if (size(index) !== 4) return false
  return size(last) <= 4
}

/** `0.4539578763621486` is a measurement, not a card. */
function isFraction(text: string, group: Span | undefined): boolean {
  if (group === undefined) return false
  const isPoint = (at: number, beyond: number): boolean =>
    text[at] === '.' && isDigit(text.charCodeAt(beyond))
  return isPoint(group.start - 1, group.start - 2) || isPoint(group.end, group.end + 1)
}

function hasLuhnDigit(digits: string): boolean {
  let sum = 0
  let isDoubled = false
  for (let at = digits.length - 1; at >= 0; at--) {
    let digit = digits.charCodeAt(at) - 48
    if (isDoubled) {
      digit *= 2
      if (digit > 9) digit -= 9
    }
    sum += digit
    isDoubled = !isDoubled
  }
  return sum % 10 === 0
}

/** Brands with their exact prefixes (as ranges of the first four digits) and lengths. */
const brands: readonly { readonly from: number; readonly to: number; readonly lengths: readonly number[] }[] =
  [
    { from: 4000, to: 4999, lengths: [16, 19] }, // Visa
    { from: 5100, to: 5599, lengths: [16] }, // Mastercard
    { from: 2221, to: 2720, lengths: [16] }, // Mastercard
    { from: 3400, to: 3499, lengths: [15] }, // American Express
    { from: 3700, to: 3799, lengths: [15] }, // American Express
    { from: 6011, to: 6011, lengths: [16, 19] }, // Discover
    { from: 6440, to: 6599, lengths: [16, 19] }, // Discover, RuPay
    { from: 6200, to: 6299, lengths: [16, 17, 18, 19] }, // UnionPay
    { from: 3528, to: 3589, lengths: [16, 19] }, // JCB
    { from: 3000, to: 3059, lengths: [14, 16] }, // Diners Club
    { from: 3600, to: 3699, lengths: [14, 16] }, // Diners Club
    { from: 3800, to: 3999, lengths: [14, 16] }, // Diners Club
    { from: 2200, to: 2204, lengths: [16, 17, 18, 19] }, // Mir
  ]

function isIssued(digits: string, rule: DigitRule): boolean {
  if (rule === 'card') return true
  const prefix = Number(digits.slice(0, 4))
  const length = digits.length
  if (brands.some(({ from, to, lengths }) => prefix >= from && prefix <= to && lengths.includes(length)))
    return true
  return rule === 'text' && isPlausible(prefix, length)
}

/** Issuers beyond the brands above: Maestro and national schemes. Numbers that begin with 0, 1 or 7 are nobody's, and times begin with 1. */
function isPlausible(prefix: number, length: number): boolean {
  const two = Math.floor(prefix / 100)
  if (two >= 40 && two <= 49) return length === 13 || length >= 16
  if (two === 50 || (two >= 56 && two <= 69)) return length >= 13
  return (two === 81 || two === 82 || prefix === 9792) && length >= 16
}
