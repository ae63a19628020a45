// SPDX-License-Identifier: Apache-2.0
import { nestingMax } from './canonical.ts'

/** A number exactly as it was written: `75.0` and `75` are two texts, and a hash may depend on which. */
export interface NumberToken {
  readonly token: string
}

/** Objects are maps, so that no name is special and none is moved. */
export type TokenValue = string | boolean | null | NumberToken | readonly TokenValue[] | TokenObject
export type TokenObject = ReadonlyMap<string, TokenValue>

/**
 * Reads JSON text (RFC 8259) and keeps every number as it was written. Strict and linear; throws a SyntaxError with the
 * position for anything else, for a name that occurs twice in an object, and for nesting deeper than `nestingMax`.
 */
export function parseTokens(text: string): TokenValue {
  let at = 0
  const value = readValue(0)
  skipSpace()
  if (at < text.length) throw unexpected()
  return value

  function readValue(depth: number): TokenValue {
    skipSpace()
    const first = text[at]
    if (first === '"') return readString()
    if (first === '{' || first === '[') {
      if (depth >= nestingMax) throw new SyntaxError(`nesting is deeper than ${nestingMax} at position ${at}`)
      return first === '{' ? readObject(depth + 1) : readArray(depth + 1)
    }
    const token = match(/-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y)
    if (token !== undefined) return { token }
    const word = match(/true|false|null/y)
    if (word === undefined) throw unexpected()
    return word === 'null' ? null : word === 'true'
  }

  function readObject(depth: number): TokenObject {
    const members = new Map<string, TokenValue>()
    at++
    skipSpace()
    if (take('}')) return members
    do {
      skipSpace()
      if (text[at] !== '"') throw unexpected()
      const start = at
      const name = readString()
      if (members.has(name))
        throw new SyntaxError(`name ${text.slice(start, at)} occurs twice at position ${start}`)
      skipSpace()
      expect(':')
      members.set(name, readValue(depth))
      skipSpace()
    } while (take(','))
    expect('}')
    return members
  }

  function readArray(depth: number): TokenValue[] {
    const items: TokenValue[] = []
    at++
    skipSpace()
    if (take(']')) return items
    do {
      items.push(readValue(depth))
      skipSpace()
    } while (take(','))
    expect(']')
    return items
  }

  function readString(): string {
    const start = at
    for (at++; text[at] !== '"'; at++) {
      if (text[at] === '\\') at++
      if (at >= text.length) throw unexpected()
    }
    at++
    // Escapes and control characters are the platform's business; it is strict about both.
    return JSON.parse(text.slice(start, at)) as string
  }

  function match(pattern: RegExp): string | undefined {
    pattern.lastIndex = at
    const found = pattern.exec(text)?.[0]
    at += found?.length ?? 0
    return found
  }

  function skipSpace(): void {
    while (text[at] === ' ' || text[at] === '\n' || text[at] === '\r' || text[at] === '\t') at++
  }

  function take(character: string): boolean {
    const isThere = text[at] === character
    if (isThere) at++
    return isThere
  }

  function expect(character: string): void {
    if (!take(character)) throw unexpected()
  }

  function unexpected(): SyntaxError {
    return new SyntaxError(
      at < text.length
        ? `unexpected ${JSON.stringify(text[at])} at position ${at}`
        : 'the text ends too early',
    )
  }
}

/** True for an object of `parseTokens`. */
export function isTokenObject(value: TokenValue | undefined): value is TokenObject {
  return value instanceof Map
}
