// SPDX-License-Identifier: Apache-2.0
import { createHash, createHmac } from 'node:crypto'
import { canonicalize } from '../../../core/canonical.ts'
import { readJson } from '../../../core/read-json.ts'
import { createRedactor } from '../../../core/redact.ts'
import type { JsonValue } from '../../../core/row.ts'

/** Digests of values, as rows name them: `sha256:<64 hex>`, or with a key `hmac-sha256:<64 hex>`. */
export type DigestOf = (value: unknown) => string

/** Stands where a policy keeps not even a digest. */
export const noDigest = 'none'

/** Fewest bytes of a key: below, it is as easily guessed as what it hides. */
export const digestKeyBytesMin = 16

/**
 * Digests of the canonical JSON (RFC 8785) of values. What has no JSON of its own stands as `JSON.stringify` would send it, then in the safe forms of
 * spec/redaction.md; undefined stands as null. Never throws. Takes time and memory linear in the value's text.
 *
 * Without a key, anybody who holds the value can check the digest, and whoever can list all values that it may be (a yes or no, an account number)
 * can find out which it was. With a key only those who have the key can do either. A key of fewer than 16 bytes is a `TypeError`.
 */
export function createDigest(key?: Uint8Array): DigestOf {
  if (key === undefined)
    return (value) => `sha256:${createHash('sha256').update(canonicalText(value)).digest('hex')}`
  if (!(key instanceof Uint8Array) || key.length < digestKeyBytesMin)
    throw new TypeError(`digestKey must be bytes, at least ${digestKeyBytesMin} of them`)
  const kept = Uint8Array.from(key)
  return (value) => `hmac-sha256:${createHmac('sha256', kept).update(canonicalText(value)).digest('hex')}`
}

/** The text that a digest is made of. */
export function canonicalText(value: unknown): string {
  if (value === undefined) return 'null'
  return tried(() => canonicalize(value as JsonValue)) ?? tried(() => throughJson(value)) ?? safeText(value)
}

const throughJson = (value: unknown): string =>
  canonicalize((readJson(JSON.stringify(value) ?? 'null') ?? null) as JsonValue)

/** Cyclic, with a BigInt, with half a character, or its `toJSON` throws. */
const safeText = (value: unknown): string => canonicalize(createRedactor({ isActive: false }).value(value))

function tried(work: () => string): string | undefined {
  try {
    return work()
  } catch {
    // No JSON of that kind: the next form is tried.
    return undefined
  }
}
