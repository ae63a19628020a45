// SPDX-License-Identifier: Apache-2.0

/** Lower-case hex of the bytes. */
export function hexOf(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0')
  return text
}

/** The bytes of an even number of lower-case hex digits, which the caller has checked. */
export function bytesOfHex(hex: string): Uint8Array {
  const bytes = new Uint8Array(hex.length / 2)
  writeHex(bytes, 0, hex)
  return bytes
}

/** Writes the bytes of lower-case hex digits into `bytes` from `at` on. By character codes: a tree over a million rows waits for this. */
export function writeHex(bytes: Uint8Array, at: number, hex: string): void {
  for (let index = 0; index < hex.length; index += 2)
    bytes[at + index / 2] = (digitOf(hex.charCodeAt(index)) << 4) | digitOf(hex.charCodeAt(index + 1))
}

/** 0 to 9 are codes 48 to 57, a to f are 97 to 102. */
const digitOf = (code: number): number => (code < 58 ? code - 48 : code - 87)

/** Standard base64 with padding (RFC 4648 section 4). */
export function toBase64(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += String.fromCharCode(byte)
  return btoa(text)
}

/**
 * The bytes of standard base64, or undefined. Only the one text that `toBase64` would write is accepted: with padding, without
 * whitespace, and with the unused bits of the last digit zero, so that no bit of a signed file can change unseen.
 */
export function fromBase64(text: string): Uint8Array | undefined {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.length % 4 !== 0) return undefined
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0))
  return toBase64(bytes) === text ? bytes : undefined
}

/** A hash as proofs and checkpoints print it: base64 of 32 bytes, here from and to 64 lower-case hex. */
export const hashToBase64 = (hex: string): string => toBase64(bytesOfHex(hex))

/** 64 lower-case hex, or undefined when the text is not the base64 of 32 bytes. */
export function hashFromBase64(text: string): string | undefined {
  if (text.length !== 44) return undefined
  const bytes = fromBase64(text)
  return bytes?.length === 32 ? hexOf(bytes) : undefined
}

/** A count as signed formats print it: decimal digits without leading zeros, at most 2^53 - 1. Undefined for any other text. */
export function parseCount(text: string): number | undefined {
  if (!/^(?:0|[1-9]\d{0,15})$/.test(text)) return undefined
  const count = Number(text)
  return Number.isSafeInteger(count) ? count : undefined
}

/** Text of strict UTF-8, a byte order mark kept as the character it is; undefined when the bytes are none. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (error) {
    // What a strict decoder throws for bytes that are no UTF-8.
    if (error instanceof TypeError) return undefined
    throw error
  }
}
