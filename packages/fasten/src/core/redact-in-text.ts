// SPDX-License-Identifier: Apache-2.0
import type { Span } from './redact-cards.ts'
import type { KeyVerdict } from './redact-keys.ts'

/**
 * `postgres://user:password@host` keeps all but the password. A password may hold what a URL forbids (`/`, `@`, `:`): it then
 * reaches to the last `@` before the next white space, quote or `://`.
 */
export function withoutUrlPasswords(text: string, replacement: string): string {
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
  /(authorization["']?\s{0,8}[:=]\s{0,8}["']?)(?:(basic|bearer|token|apikey|negotiate|ntlm)([ \t]{1,8})([^\s"',;]+)|(digest|aws4-hmac-sha256|hawk)([ \t]{1,8})[^\r\n]+|([^\s"',;]+))/gi
const bareScheme = /(?<![A-Za-z0-9])(basic|bearer)([ \t]{1,8})([A-Za-z0-9+/._~-]{8,}={0,2})/gi

/** `Authorization: Bearer …` and a bare `Bearer …` keep their scheme; what follows goes when it looks like a credential. */
export function withoutAuthorization(text: string, replacement: string): string {
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

const assigned =
  /(?<![A-Za-z0-9_.-])([A-Za-z][A-Za-z0-9_.-]{1,63})( {0,2}= {0,2})(?![=>~])("[^"]*"?|'[^']*'?|[^\s&;,"')}\]]+)/g
const quotedName = /(\\?["'])([A-Za-z][A-Za-z0-9_. -]{1,63})\1\s{0,8}:\s{0,8}/g

/**
 * `?access_token=…`, `Password=…;` and `"password": …` inside text lose their value when the name is a secret one. A value that is an
 * object or list goes as a whole.
 */
export function withoutNamedSecrets(
  text: string,
  replacement: string,
  verdictOf: (name: string) => KeyVerdict,
): string {
  const unassigned = text.replace(assigned, (all: string, name: string, equals: string, value: string) => {
    if (!isHidden(verdictOf(name), value)) return all
    const quote = /^["']/.exec(value)?.[0] ?? ''
    return `${name}${equals}${quote}${replacement}${quote}`
  })
  let result = ''
  let done = 0
  quotedName.lastIndex = 0
  for (let match = quotedName.exec(unassigned); match !== null; match = quotedName.exec(unassigned)) {
    const [{ length }, quote = '', name = ''] = match
    const start = match.index + length
    const verdict = verdictOf(name)
    if (verdict === 'plain') continue
    const end = endOfJsonValue(unassigned, start)
    if (end === start || !isHidden(verdict, unassigned.slice(start, end))) continue
    result += `${unassigned.slice(done, start)}${quote}${replacement}${quote}`
    done = end
    quotedName.lastIndex = end
  }
  return result + unassigned.slice(done)
}

const harmlessCount = /^["']?(?:-?\d{1,15}(?:\.\d{1,15})?|true|false|null)?["']?$/i

const isHidden = (verdict: KeyVerdict, value: string): boolean =>
  verdict === 'secret' || (verdict === 'count' && !harmlessCount.test(value))

/** Where the JSON-like value at `start` ends, or the text when it was cut off. Text inside text has its quotes escaped. */
function endOfJsonValue(text: string, start: number): number {
  let depth = 0
  for (let at = start; at < text.length; at++) {
    const character = text[at]
    if (character === '"' || character === "'") at = endOfQuoted(text, at, character) - 1
    else if (character === '\\' && text[at + 1] === '"') at = endOfEscaped(text, at + 2) - 1
    else if (character === '{' || character === '[') depth++
    else if (character === '}' || character === ']') {
      if (depth === 0) return at
      depth--
    } else if (depth > 0) continue
    else if (character === ',' || character === undefined || /\s/.test(character)) return at
    else continue
    if (depth === 0 && character !== '{' && character !== '[') return Math.min(at + 1, text.length)
  }
  return text.length
}

function endOfQuoted(text: string, start: number, quote: string): number {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === '\\') at++
    else if (text[at] === quote) return at + 1
  }
  return text.length
}

function endOfEscaped(text: string, start: number): number {
  const end = text.indexOf('\\"', start)
  return end < 0 ? text.length : end + 2
}
