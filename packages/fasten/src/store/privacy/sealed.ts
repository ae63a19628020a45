// SPDX-License-Identifier: Apache-2.0
import { readJson } from '../../core/read-json.ts'
/**
 * What travels beside the text of a draft that has personal members: the values, encrypted, and the wrapped keys that open them.
 * Each draft carries the keys of all of its values, though the same few serve thousands of drafts: so no draft depends on
 * another one that was torn, damaged or set aside.
 */

/** A data key, wrapped by the tenant's key. Whoever lacks that one learns nothing from it, not even whose it is. */
export interface WrappedKey {
  /** 32 lower-case hex, random. What SUBJECT_ERASED names. */
  readonly id: string
  /** Empty where there are no tenants. */
  readonly tenant: string
  /** Pseudonym of the person: 32 hex of an HMAC under the tenant's key `kek`. */
  readonly subject: string
  /** Id of the tenant's key that wraps it. */
  readonly kek: string
  /** Canonical timestamp: a key that is older than the erasure of its subject is never taken again. */
  readonly made_at: string
  /** Base64: nonce, sealed key and subject, tag (AES-256-GCM). */
  readonly wrapped: string
}

/** One personal value, encrypted. */
export interface SealedMember {
  /** JSON pointer from the row; what `sd` has it under. */
  readonly pointer: string
  /** Id of its key. */
  readonly key: string
  /** Keyed hash of pointer and value, where filters look for the member; so that who has the key still finds the row. */
  readonly lookup?: string
  /** Base64: nonce, sealed disclosure, tag (AES-256-GCM). */
  readonly box: string
}

export interface SealedDraft {
  readonly keys: readonly WrappedKey[]
  readonly values: readonly SealedMember[]
}

export function encodeSealed(sealed: SealedDraft): string {
  return JSON.stringify(sealed)
}

/** Undefined when the bytes are not what `encodeSealed` makes. Never throws. */
export function decodeSealed(bytes: Uint8Array): SealedDraft | undefined {
  try {
    const { keys, values } = readJson(new TextDecoder().decode(bytes)) as Partial<SealedDraft>
    if (!Array.isArray(keys) || !Array.isArray(values)) return undefined
    const isSound =
      (keys as readonly WrappedKey[]).every(
        hasTexts(['id', 'tenant', 'subject', 'kek', 'made_at', 'wrapped']),
      ) && (values as readonly SealedMember[]).every(hasTexts(['pointer', 'key', 'box']))
    return isSound ? { keys, values } : undefined
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return undefined
    throw error
  }
}

const hasTexts =
  <T extends object>(names: readonly (keyof T)[]) =>
  (value: T): boolean =>
    names.every((name) => typeof value[name] === 'string')
