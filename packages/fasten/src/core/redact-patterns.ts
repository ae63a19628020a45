// SPDX-License-Identifier: Apache-2.0
import { findCard, type Span } from './redact-cards.ts'
import { withoutAuthorization, withoutNamedSecrets, withoutUrlPasswords } from './redact-in-text.ts'
import type { DigitRule, KeyVerdict } from './redact-keys.ts'
import {
  DIGITS,
  SURROGATE,
  COLON,
  EQUALS,
  LETTER_Z,
  USERINFO,
  BARE_SCHEME,
  QUOTED,
  signsOf,
} from './redact-signs.ts'
import { tokenShapes } from './redact-tokens.ts'

/** A secret's shape that an application adds. */
export interface ExtraPattern {
  /** Names the pattern in errors. */
  readonly name: string
  /** Judged by `assertLinearPattern`; the flags `g`, `y` and `d` are dropped. */
  readonly pattern: RegExp
  /** Written literally: `$1` means `$1`. */
  readonly replacement: string
}

export interface TextRules {
  readonly replacement: string
  readonly extraPatterns: readonly ExtraPattern[]
  /** What a name found inside text (`name=value`, `"name":"value"`) says about its value. */
  readonly verdictOf: (name: string) => KeyVerdict
}

export interface TextRedactor {
  /** A value of `detail` or `fields`: a secret found anywhere in it replaces all of it, as the published SDKs do. */
  value(text: string, digits: DigitRule): string
  /** A sentence, a path, an id: what is secret is replaced in place and the rest stays readable. */
  prose(text: string, digits: DigitRule): string
}

/**
 * Finds secrets by their shape. Never throws, takes time linear in the text, answers well-formed text (a lone surrogate
 * becomes U+FFFD). A text without any sign of a secret costs one look at each character and is answered as it is.
 * Source: spec/redaction.md#values.
 */
export function createTextRedactor(rules: TextRules): TextRedactor {
  const extras = rules.extraPatterns.map(({ pattern, replacement }) => ({
    pattern: new RegExp(pattern.source, `${pattern.flags.replace(/[gyd]/g, '')}g`),
    replacement,
  }))
  const hasExtras = extras.length > 0

  return {
    value(text, digits) {
      const signs = signsOf(text)
      return signs === 0 && !hasExtras ? text : searched(text, signs, digits)
    },
    prose(text, digits) {
      const signs = signsOf(text)
      if (signs === 0 && !hasExtras) return text
      let result = (signs & SURROGATE) === 0 ? text : text.toWellFormed()
      if ((signs & DIGITS) !== 0)
        result = replaceAll(result, cardToken, (from, within) => findCard(within, digits, from))
      for (const { signs: needed, token, find } of tokenShapes) {
        if ((signs & needed) === needed)
          result = replaceAll(result, token, (from, within) => find(within, from))
      }
      for (const { pattern, replacement } of extras) {
        result = replaceAll(result, replacement, (from, within) => findWindowed(within, pattern, from))
      }
      return inContext(result, signs)
    },
  }

  function searched(text: string, signs: number, digits: DigitRule): string {
    const sound = (signs & SURROGATE) === 0 ? text : text.toWellFormed()
    if ((signs & DIGITS) !== 0 && findCard(sound, digits) !== undefined) return cardToken
    for (const shape of tokenShapes) {
      if ((signs & shape.signs) === shape.signs && shape.find(sound, 0) !== undefined) return shape.token
    }
    for (const { pattern, replacement } of extras)
      if (findWindowed(sound, pattern, 0) !== undefined) return replacement
    return inContext(sound, signs)
  }

  /** Secrets known by what stands before them: they go, their surroundings stay, in values and in prose alike. */
  function inContext(text: string, signs: number): string {
    let result = text
    if ((signs & USERINFO) === USERINFO) result = withoutUrlPasswords(result, rules.replacement)
    if (
      (signs & BARE_SCHEME) === BARE_SCHEME ||
      ((signs & LETTER_Z) !== 0 && (signs & (COLON | EQUALS)) !== 0)
    ) {
      result = withoutAuthorization(result, rules.replacement)
    }
    if ((signs & EQUALS) !== 0 || (signs & QUOTED) === QUOTED)
      result = withoutNamedSecrets(result, rules.replacement, rules.verdictOf)
    return result
  }
}

const cardToken = '***CC***'

/**
 * An added pattern may take quadratic time on a long text, so it is run over windows of 4,096 characters that overlap by
 * 1,024: linear in the text as a whole. What it finds is at most 1,024 characters where a window ends.
 */
function findWindowed(text: string, pattern: RegExp, from: number): Span | undefined {
  for (let base = from; ; base += windowChars - overlapChars) {
    const isLast = base + windowChars >= text.length
    // One character before a later window keeps `^` from matching there and `\b` and look-behind right.
    const lead = Math.min(base, 1)
    pattern.lastIndex = lead
    const window = text.slice(base - lead, base + windowChars)
    for (let match = pattern.exec(window); match !== null; match = pattern.exec(window)) {
      const start = base - lead + match.index
      if (match[0] !== '') return { start, end: start + match[0].length }
      pattern.lastIndex++
    }
    if (isLast) return undefined
  }
}

const windowChars = 4_096
const overlapChars = 1_024

function replaceAll(
  text: string,
  token: string,
  find: (from: number, text: string) => Span | undefined,
): string {
  let span = find(0, text)
  if (span === undefined) return text
  let result = ''
  let done = 0
  while (span !== undefined) {
    result += text.slice(done, span.start) + token
    done = span.end
    span = find(done, text)
  }
  return result + text.slice(done)
}
