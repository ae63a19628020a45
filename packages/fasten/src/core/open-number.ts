// SPDX-License-Identifier: Apache-2.0
/**
 * Drafts whose `boot_seq` is given later.
 *
 * A draft that travels in the application's own transaction may be rolled back with it. Numbered in the call it would leave a hole
 * in the count of its process that means nothing. So its number stays open, one U+0001 in its place (which JSON text never
 * holds), until the transaction that moves it into its log.
 */

/** The draft's text (core/leaf.ts) with its number taken out. */
export function openNumber(text: string): string {
  const at = text.indexOf(numberMember)
  if (at === -1) throw new TypeError('the text of a draft has no boot_seq')
  const start = at + numberMember.length
  let end = start
  while (end < text.length && isDigit(text.charCodeAt(end))) end++
  return `${text.slice(0, start)}\u0001${text.slice(end)}`
}

/** Whether the number of this draft is still open. */
export const hasOpenNumber = (text: Uint8Array): boolean => text.includes(1)

/** The process whose count goes on with this draft, or undefined when the bytes are no such draft. */
export function bootOfOpenNumber(text: Uint8Array): string | undefined {
  const at = text.indexOf(1)
  const end = at - numberMember.length - '",'.length
  if (end < 16) return undefined
  const boot_id = decoder.decode(text.subarray(end - 16, end))
  return /^[0-9a-f]{16}$/.test(boot_id) ? boot_id : undefined
}

/** A copy of the draft with `boot_seq` in the open place. */
export function fillNumber(text: Uint8Array, boot_seq: number): Uint8Array {
  const at = text.indexOf(1)
  const digits = encoder.encode(String(boot_seq))
  const filled = new Uint8Array(text.length - 1 + digits.length)
  filled.set(text.subarray(0, at))
  filled.set(digits, at)
  filled.set(text.subarray(at + 1), at + digits.length)
  return filled
}

/** Its first occurrence is the member itself: only `action`, `actor…`, `auth_method` and `boot_id` come before, and quotes in them are escaped. */
const numberMember = '"boot_seq":'
const isDigit = (code: number): boolean => code >= 48 && code <= 57
const encoder = new TextEncoder()
const decoder = new TextDecoder()
