// SPDX-License-Identifier: Apache-2.0
import type { Digest } from './digest.ts'
import { FastenError } from './error.ts'
import { fromBase64, hexOf, toBase64 } from './octets.ts'

/** `ed25519` signs the text of a note; `cosignature/v1` signs a checkpoint's text together with a time. */
export type KeyKind = 'ed25519' | 'cosignature/v1'

/** A public key with its name, as signed notes know it. */
export interface VerifierKey {
  /** For a log's key, the log's name. Not empty, no white space, no plus. */
  readonly name: string
  /** Eight lower-case hex: the first bytes of SHA-256(name ‖ U+000A ‖ kind ‖ public key). Finds a key, proves nothing. */
  readonly id: string
  readonly kind: KeyKind
  /** 32 bytes. */
  readonly publicKey: Uint8Array
}

const kindBytes: Readonly<Record<KeyKind, number>> = { ed25519: 1, 'cosignature/v1': 4 }

/**
 * The key with its id computed. Throws a TypeError for a name or a public key that no note can carry.
 * Source: spec/proofs.md#keys.
 */
export function verifierKey(name: string, kind: KeyKind, publicKey: Uint8Array, digest: Digest): VerifierKey {
  if (!isKeyName(name))
    throw new TypeError(`"${name}" is no name of a key: it is empty, or has white space or a plus`)
  if (publicKey.length !== 32)
    throw new TypeError(`an Ed25519 public key has 32 bytes, not ${publicKey.length}`)
  const named = new TextEncoder().encode(`${name}\n`)
  const bytes = new Uint8Array(named.length + 33)
  bytes.set(named)
  bytes[named.length] = kindBytes[kind]
  bytes.set(publicKey, named.length + 1)
  return { name, id: digest(bytes).slice(0, 8), kind, publicKey: publicKey.slice() }
}

/** The key's text form, a vkey: `name+id+base64(kind ‖ public key)`. */
export function formatVerifierKey({ name, id, kind, publicKey }: VerifierKey): string {
  return `${name}+${id}+${toBase64(Uint8Array.of(kindBytes[kind], ...publicKey))}`
}

/**
 * Reads a vkey. Throws FastenError `BAD_VERIFIER_KEY` when the text is none, when its id is not that of its key, or when it is
 * of a kind that is not read here.
 */
export function parseVerifierKey(text: string, digest: Digest): VerifierKey {
  const [name = '', id = '', base64 = '', ...rest] = text.split('+')
  // The base64 part may hold plus signs of its own.
  const material = fromBase64([base64, ...rest].join('+'))
  if (!isKeyName(name) || !/^[0-9a-f]{8}$/.test(id) || material === undefined || material.length === 0)
    throw bad(text, 'it is not name+id+base64, with an id of eight lower-case hex digits')
  const kind = (['ed25519', 'cosignature/v1'] as const).find((each) => kindBytes[each] === material[0])
  if (kind === undefined)
    throw bad(text, `its signature type is ${material[0]}; read are 1 (Ed25519) and 4 (cosignature/v1)`)
  if (material.length !== 33)
    throw bad(text, `it holds ${material.length - 1} bytes of public key instead of 32`)
  const key = verifierKey(name, kind, material.subarray(1), digest)
  if (key.id !== id) throw bad(text, `its id is ${id}, that of its key is ${key.id}`)
  return key
}

/** Not empty, without Unicode white space and without plus. */
export function isKeyName(name: string): boolean {
  return name.isWellFormed() && /^[^\p{White_Space}+\u0000-\u001f]+$/u.test(name)
}

/** True when both are the same key in the same role under the same name. */
export function isSameKey(a: VerifierKey, b: VerifierKey): boolean {
  return a.name === b.name && a.kind === b.kind && hexOf(a.publicKey) === hexOf(b.publicKey)
}

function bad(text: string, why: string): FastenError {
  const shown = text.length > 120 ? `${text.slice(0, 120)}…` : text
  return new FastenError('BAD_VERIFIER_KEY', `"${shown}" is no key to verify with: ${why}`, {
    hint: 'copy the whole line that `fasten key show` prints',
  })
}
