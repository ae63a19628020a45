// SPDX-License-Identifier: Apache-2.0
import type { Span } from './redact-cards.ts'
import {
  UNDERSCORE,
  DASH,
  CAPITAL_I,
  SPACE,
  LETTER_F,
  LETTER_H,
  LETTER_K,
  LETTER_L,
  LETTER_M,
  LETTER_W,
  LETTER_X,
  JWT,
} from './redact-signs.ts'

export interface TokenShape {
  readonly token: string
  readonly signs: number
  find(text: string, from: number): Span | undefined
}

/** In this order; the first that is found names the secret. */
export const tokenShapes: readonly TokenShape[] = [
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
  byPattern('***SLACK_TOKEN***', DASH | LETTER_X, /(?<![A-Za-z0-9])(?:xox[abeoprs]|xapp)-[A-Za-z0-9-]{16}/g),
  byPattern('***GOOGLE_KEY***', CAPITAL_I, /(?<![A-Za-z0-9])AIza[A-Za-z0-9_-]{35}/g),
  byPattern('***NPM_TOKEN***', UNDERSCORE | LETTER_M, /(?<![A-Za-z0-9])npm_[A-Za-z0-9]{36}/g),
  byPattern(
    '***GITLAB_TOKEN***',
    DASH | LETTER_L,
    /(?<![A-Za-z0-9])gl(?:pat|dt|rt|cbt|ptt|ft)-[A-Za-z0-9_-]{20}/g,
  ),
  byPattern('***HF_TOKEN***', UNDERSCORE | LETTER_H | LETTER_F, /(?<![A-Za-z0-9])hf_[A-Za-z0-9]{34}/g),
]

function byPattern(token: string, signs: number, pattern: RegExp): TokenShape {
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
