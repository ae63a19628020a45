// SPDX-License-Identifier: Apache-2.0
import { findCard, type Span } from './redact-cards.ts'
import type { DigitRule, KeyVerdict } from './redact-keys.ts'

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
  verdictOf(name: string): KeyVerdict
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
      for (const { signs: needed, token, find } of shapes) {
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
    for (const shape of shapes) {
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
    if ((signs & EQUALS) !== 0 || (signs & QUOTED) === QUOTED) result = withoutNamedSecrets(result, rules)
    return result
  }
}

// Signs: what one look at the characters tells. A shape is searched only when all of its signs are there.
const DIGITS = 1
const SURROGATE = 1 << 1
const COLON = 1 << 2
const AT = 1 << 3
const UNDERSCORE = 1 << 4
const DASH = 1 << 5
const CAPITAL_I = 1 << 6
const CAPITAL_J = 1 << 7
const DOT = 1 << 8
const SPACE = 1 << 9
const LETTER_B = 1 << 10
const EQUALS = 1 << 11
const QUOTE = 1 << 12
const SLASH = 1 << 13
const LETTER_Z = 1 << 14
const LETTER_F = 1 << 15
const LETTER_H = 1 << 16
const LETTER_K = 1 << 17
const LETTER_L = 1 << 18
const LETTER_M = 1 << 19
const LETTER_W = 1 << 20
const LETTER_X = 1 << 21
const USERINFO = COLON | AT | SLASH
const JWT = CAPITAL_J | DOT
const BARE_SCHEME = SPACE | LETTER_B
const QUOTED = COLON | QUOTE
/** Tokens with a dash, an underscore or a fixed prefix have at least 20 characters. */
const TOKEN = DASH | UNDERSCORE | CAPITAL_I
const TOKEN_LETTER = LETTER_H | LETTER_K | LETTER_L | LETTER_M | LETTER_W | LETTER_X | CAPITAL_I | SPACE
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
function signsOf(text: string): number {
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

interface Shape {
  readonly token: string
  readonly signs: number
  find(text: string, from: number): Span | undefined
}

const cardToken = '***CC***'

/** In this order; the first that is found names the secret. */
const shapes: readonly Shape[] = [
  { token: '***JWT***', signs: JWT, find: findJwt },
  { token: '***PRIVATE_KEY***', signs: DASH | SPACE, find: findPrivateKey },
  // A fixed or bounded length after a literal start keeps each of these linear; the tail takes what belongs to the same word.
  byPattern('***AWS_KEY***', CAPITAL_I, /(?<![A-Za-z0-9])(?:AKIA|ASIA)[A-Z0-9]{16}/g),
  byPattern(
    '***GH_TOKEN***',
    UNDERSCORE | LETTER_H,
    /gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{22}/g,
  ),
  byPattern('***STRIPE_KEY***', UNDERSCORE | LETTER_K, /[sr]k_(?:live|test)_[A-Za-z0-9]{24}/g),
  byPattern('***STRIPE_KEY***', UNDERSCORE | LETTER_W, /whsec_[A-Za-z0-9]{24}/g),
  byPattern('***ANTHROPIC_KEY***', DASH | LETTER_K, /(?<![A-Za-z0-9])sk-ant-[A-Za-z0-9_-]{20}/g),
  byPattern('***OPENAI_KEY***', DASH | LETTER_K, /(?<![A-Za-z0-9])sk-(?:proj-)?[A-Za-z0-9_-]{32}/g),
  byPattern('***SLACK_TOKEN***', DASH | LETTER_X, /(?<![A-Za-z0-9])(?:xox[abeoprs]|xapp)-[A-Za-z0-9-]{10}/g),
  byPattern('***GOOGLE_KEY***', CAPITAL_I, /(?<![A-Za-z0-9])AIza[A-Za-z0-9_-]{35}/g),
  byPattern('***NPM_TOKEN***', UNDERSCORE | LETTER_M, /(?<![A-Za-z0-9])npm_[A-Za-z0-9]{36}/g),
  byPattern(
    '***GITLAB_TOKEN***',
    DASH | LETTER_L,
    /(?<![A-Za-z0-9])gl(?:pat|dt|rt|cbt|ptt|ft)-[A-Za-z0-9_-]{20}/g,
  ),
  byPattern('***HF_TOKEN***', UNDERSCORE | LETTER_H | LETTER_F, /(?<![A-Za-z0-9])hf_[A-Za-z0-9]{34}/g),
]

function byPattern(token: string, signs: number, pattern: RegExp): Shape {
  return {
    token,
    signs,
    find(text, from) {
      pattern.lastIndex = from
      const match = pattern.exec(text)
      if (match === null) return undefined
      return { start: match.index, end: endOfToken(text, match.index + match[0].length) }
    },
  }
}

const isTokenCode = (code: number): boolean =>
  (code >= 97 && code <= 122) ||
  (code >= 65 && code <= 90) ||
  (code >= 48 && code <= 57) ||
  code === 45 ||
  code === 95

function endOfToken(text: string, from: number): number {
  let end = from
  while (end < text.length && isTokenCode(text.charCodeAt(end))) end++
  return end
}

/**
 * Two base64url parts that begin with `eyJ` and a third, parted by dots. Written out because the obvious pattern takes
 * quadratic time on `eyJeyJeyJ…`; here each character belongs to one part and is looked at a bounded number of times.
 */
function findJwt(text: string, from: number): Span | undefined {
  let dot = text.indexOf('.eyJ', from)
  while (dot >= 0) {
    const bodyEnd = endOfToken(text, dot + 1)
    let left = dot
    while (left > from && isTokenCode(text.charCodeAt(left - 1))) left--
    const head = text.slice(left, dot).indexOf('eyJ')
    const isHeader = head >= 0 && left + head + 3 < dot
    if (isHeader && bodyEnd > dot + 4 && text[bodyEnd] === '.' && isTokenCode(text.charCodeAt(bodyEnd + 1))) {
      return { start: left + head, end: endOfToken(text, bodyEnd + 1) }
    }
    dot = text.indexOf('.eyJ', bodyEnd)
  }
  return undefined
}

/** From the BEGIN line of any kind of private key to the end of its END line, or of the text when that was cut off. */
function findPrivateKey(text: string, from: number): Span | undefined {
  let begin = text.indexOf('-----BEGIN ', from)
  while (begin >= 0) {
    const label = /^[A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----/.exec(text.slice(begin + 11, begin + 80))
    if (label !== null) {
      const end = text.indexOf('-----END ', begin)
      const close = end < 0 ? -1 : text.indexOf('-----', end + 9)
      return { start: begin, end: close < 0 ? text.length : close + 5 }
    }
    begin = text.indexOf('-----BEGIN ', begin + 11)
  }
  return undefined
}

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

/**
 * `postgres://user:password@host` keeps all but the password. A password may hold what a URL forbids (`/`, `@`, `:`): it then
 * reaches to the last `@` before the next white space, quote or `://`.
 */
function withoutUrlPasswords(text: string, replacement: string): string {
  let scheme = text.indexOf('://')
  if (scheme < 0) return text
  let result = ''
  let done = 0
  while (scheme >= 0) {
    const next = text.indexOf('://', scheme + 3)
    const end = endOfUrl(text, scheme + 3, next < 0 ? text.length : next)
    const password = passwordIn(text, scheme + 3, end)
    if (password !== undefined) {
      result += text.slice(done, password.start) + replacement
      done = password.end
    }
    scheme = next
  }
  return result + text.slice(done)
}

function endOfUrl(text: string, from: number, limit: number): number {
  for (let at = from; at < limit; at++) {
    const code = text.charCodeAt(at)
    // White space, quotes and angle brackets end a URL in running text.
    if (code <= 32 || code === 34 || code === 39 || code === 60 || code === 62 || code === 96) return at
  }
  return limit
}

function passwordIn(text: string, from: number, end: number): Span | undefined {
  const url = text.slice(from, end)
  const colon = url.indexOf(':')
  if (colon < 0) return undefined
  const authorityEnd = url.search(/[/?#]/)
  const inAuthority = authorityEnd < 0 ? url.length : authorityEnd
  if (colon > inAuthority) return undefined
  let at = url.lastIndexOf('@', inAuthority - 1)
  if (at < colon) {
    // No password by the book. Digits after the colon are a port, anything else is a password with a slash in it.
    if (/^:\d*$/.test(url.slice(colon, inAuthority)) || url.startsWith('[')) return undefined
    at = url.lastIndexOf('@')
    if (at < colon) return undefined
  }
  return at === colon + 1 ? undefined : { start: from + colon + 1, end: from + at }
}

const authorizationHeader =
  /(authorization["']?\s{0,8}[:=]\s{0,8}["']?)(?:(basic|bearer|token|apikey|negotiate|ntlm)(\s{1,8})([^\s"',;]+)|(digest|aws4-hmac-sha256|hawk)(\s{1,8})[^\r\n]+|([^\s"',;]+))/gi
const bareScheme = /(?<![A-Za-z0-9])(basic|bearer)(\s{1,8})([A-Za-z0-9+/._~-]{8,}={0,2})/gi

/** `Authorization: Bearer …` and a bare `Bearer …` keep their scheme; what follows goes when it looks like a credential. */
function withoutAuthorization(text: string, replacement: string): string {
  return text
    .replace(
      authorizationHeader,
      (
        all: string,
        name: string,
        scheme?: string,
        gap?: string,
        _token?: string,
        long?: string,
        longGap?: string,
      ) =>
        scheme === undefined && long === undefined && !looksRandom(all.slice(name.length))
          ? all
          : `${name}${scheme ?? long ?? ''}${gap ?? longGap ?? ''}${replacement}`,
    )
    .replace(bareScheme, (all: string, scheme: string, gap: string, token: string) =>
      looksRandom(token) ? `${scheme}${gap}${replacement}` : all,
    )
}

/** `Basic authentication` and `bearer of bad news` are words; credentials have digits, padding or capitals inside. */
const looksRandom = (token: string): boolean => /[0-9=]/.test(token) || /[a-z][A-Z]/.test(token)

const assigned = /(?<![A-Za-z0-9_.-])([A-Za-z][A-Za-z0-9_.-]{1,63})=("[^"]*"?|'[^']*'?|[^\s&;,"')}\]]+)/g
const quotedMember =
  /(\\?["'])([A-Za-z][A-Za-z0-9_. -]{1,63})\1(\s{0,8}:\s{0,8})("(?:[^"\\]|\\[^])*"?|\\"(?:[^"\\]|\\[^"])*(?:\\")?|'[^']*'?|[^\s,}\]"'\\]+)/g

/** `?access_token=…`, `Password=…;` and `"password":"…"` inside text lose their value when the name is a secret one. */
function withoutNamedSecrets(text: string, rules: TextRules): string {
  return text
    .replace(assigned, (all: string, name: string, value: string) =>
      isHidden(rules, name, value) ? `${name}=${keepQuotes(value, rules.replacement)}` : all,
    )
    .replace(quotedMember, (all: string, quote: string, name: string, colon: string, value: string) =>
      isHidden(rules, name, value)
        ? `${quote}${name}${quote}${colon}${keepQuotes(value, rules.replacement)}`
        : all,
    )
}

function isHidden(rules: TextRules, name: string, value: string): boolean {
  const verdict = rules.verdictOf(name)
  return (
    verdict === 'secret' ||
    (verdict === 'count' && !/^["']?(?:-?\d{1,15}(?:\.\d{1,15})?|true|false|null)?["']?$/i.test(value))
  )
}

function keepQuotes(value: string, replacement: string): string {
  const quote = /^\\?["']/.exec(value)?.[0] ?? ''
  return `${quote}${replacement}${quote}`
}
