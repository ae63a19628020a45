// SPDX-License-Identifier: Apache-2.0
import type { Digest } from './digest.ts'
import { readJson } from './read-json.ts'
import type { JsonValue } from './row.ts'

/** What a disclosure says once it is opened. */
export interface Disclosure {
  /** Base64url of 128 random bits. */
  readonly salt: string
  /** The last part of the pointer, unescaped: `email` of `/detail/email`. */
  readonly name: string
  readonly value: JsonValue
}

/**
 * The disclosure text of RFC 9901: base64url, without padding, of the UTF-8 JSON array `[salt, name, value]`. What is digested
 * is this text, never the value, so no writer of another language has to print a value as we do.
 * Source: spec/row.md#personal-data.
 */
export function disclosureText(salt: string, name: string, value: JsonValue): string {
  return base64url(new TextEncoder().encode(JSON.stringify([salt, name, value])))
}

/** The disclosure that a text holds, or undefined when it is none. Never throws. */
export function readDisclosure(text: string): Disclosure | undefined {
  try {
    const bytes = Uint8Array.from(
      atob(text.replaceAll('-', '+').replaceAll('_', '/')),
      (character) => character.codePointAt(0) ?? 0,
    )
    const parts: unknown = readJson(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
    if (!Array.isArray(parts) || parts.length !== 3) return undefined
    const [salt, name, value] = parts as readonly JsonValue[]
    if (typeof salt !== 'string' || typeof name !== 'string' || value === undefined) return undefined
    return { salt, name, value }
  } catch {
    // No base64url, no UTF-8 or no JSON: whoever damaged it is told by the commitment, which it cannot match either.
    return undefined
  }
}

/** What `sd` says of a disclosure: base64url of the SHA-256 of its text. */
export function commitmentOf(text: string, digest: Digest): string {
  const hex = digest(new TextEncoder().encode(text))
  return base64url(Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16)))
}

/** RFC 6901: `['detail', 'a/b', 0]` is `/detail/a~1b/0`. */
export function jsonPointer(path: readonly (string | number)[]): string {
  return path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
}

/** The parts of a JSON pointer, unescaped. */
export function pointerParts(pointer: string): readonly string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
}

function base64url(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += String.fromCharCode(byte)
  return btoa(text).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}
