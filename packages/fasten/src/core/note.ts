// SPDX-License-Identifier: Apache-2.0
import { cosignatureMessage, readCosignature } from './cosignature.ts'
import { FastenError } from './error.ts'
import { decodeUtf8 } from './octets.ts'
import {
  malformedNote,
  parseSignatureLine,
  signatureLine,
  type NoteSignature,
  type NoteSigner,
} from './signature-line.ts'
import type { NoteCrypto } from './signature.ts'
import { isSameKey, type VerifierKey } from './verifier-key.ts'

/** More signature lines than this are refused; the format asks readers for at least 16. */
export const noteSignaturesMax = 64
/** A longer note is refused. */
export const noteBytesMax = 1_000_000

export interface Note {
  /** Ends with a newline. */
  readonly text: string
  /** In the order of the lines, at least one. */
  readonly signatures: readonly NoteSignature[]
}

/** A key that signed, and when, where its kind says so. */
export interface VerifiedSignature {
  readonly key: VerifierKey
  /** Seconds since 1970, of a cosignature. */
  readonly time?: number
}

/** The text of a note under which `keys` have really signed. */
export interface OpenedNote extends Note {
  /** One for each of the given keys that signed; at least one. */
  readonly verified: readonly VerifiedSignature[]
}

/**
 * The note, once at least one of `keys` is found to have signed it. Lines of other keys are ignored. Every line that bears the
 * name and id of a given key must hold, or nothing does.
 *
 * Throws FastenError `NOTE_MALFORMED`; `NOTE_UNTRUSTED` when none of `keys` signed; `NOTE_FORGED` when a line of one of them
 * does not hold. Throws a TypeError when two different keys share name and id. Source: spec/proofs.md#notes.
 */
export function openNote(
  note: string | Uint8Array,
  keys: readonly VerifierKey[],
  crypto: NoteCrypto,
): OpenedNote {
  const parsed = parseNote(note)
  const verified = new Map<string, VerifiedSignature>()
  for (const signature of parsed.signatures) {
    const key = keyOf(signature, keys)
    if (key === undefined) continue
    const time = verifySignature(parsed.text, signature, key, crypto)
    const known = verified.get(`${key.name}+${key.id}`)
    // The same witness twice is one witness, seen last at the later time.
    if (known?.time === undefined || (time ?? 0) > known.time)
      verified.set(`${key.name}+${key.id}`, { key, ...(time === undefined ? {} : { time }) })
  }
  if (verified.size === 0) throw untrusted(parsed, keys)
  return { ...parsed, verified: [...verified.values()] }
}

/**
 * The parts of a signed note, checked for form only. Throws FastenError `NOTE_MALFORMED`: bytes that are no UTF-8, a control character,
 * no blank line, no signature, a line below the text that is none, too long, too many.
 */
export function parseNote(note: string | Uint8Array): Note {
  const whole = typeof note === 'string' ? note : decodeUtf8(note.subarray(0, noteBytesMax + 1))
  if (whole === undefined) throw malformedNote('it is not UTF-8')
  if (whole.length > noteBytesMax || note.length > noteBytesMax)
    throw malformedNote(`it is longer than ${noteBytesMax} bytes`)
  if (!whole.isWellFormed()) throw malformedNote('it has half of a surrogate pair')
  const control = /[\u0000-\u0009\u000b-\u001f]/.exec(whole)
  if (control !== null) throw malformedNote(`it has the control character ${JSON.stringify(control[0])}`)
  const split = whole.lastIndexOf('\n\n')
  if (split < 0) throw malformedNote('no blank line parts text and signatures')
  const lines = whole.slice(split + 2).split('\n')
  if (lines.pop() !== '') throw malformedNote('it does not end with a newline')
  if (lines.length === 0) throw malformedNote('it has no signature')
  if (lines.length > noteSignaturesMax)
    throw malformedNote(`it has more than ${noteSignaturesMax} signatures`)
  return { text: whole.slice(0, split + 1), signatures: lines.map(parseSignatureLine) }
}

/**
 * The note of `text`, signed by an `ed25519` signer. Where the private half answers asynchronously, sign the UTF-8 of the text there and put
 * `signatureLine` behind `text` and a blank line: the same bytes.
 *
 * Throws a TypeError for text that does not end with a newline or that no note can hold.
 */
export function signNote(text: string, { key, sign }: NoteSigner): string {
  if (key.kind !== 'ed25519') throw new TypeError(`a ${key.kind} key does not sign notes`)
  if (!text.endsWith('\n') || !text.isWellFormed() || /[\u0000-\u0009\u000b-\u001f]/.test(text))
    throw new TypeError('the text of a note ends with a newline and has no other control character')
  return `${text}\n${signatureLine(key, sign(new TextEncoder().encode(text)))}`
}

/** The time of a cosignature that holds; undefined of a plain signature that does. Throws `NOTE_FORGED`. */
function verifySignature(
  text: string,
  { bytes }: NoteSignature,
  key: VerifierKey,
  crypto: NoteCrypto,
): number | undefined {
  const stamped = key.kind === 'cosignature/v1' ? readCosignature(bytes) : undefined
  const message = stamped === undefined ? text : cosignatureMessage(text, stamped.time)
  const signature = key.kind === 'cosignature/v1' ? stamped?.signature : bytes
  const holds =
    signature?.length === 64 &&
    crypto.verifyEd25519(key.publicKey, new TextEncoder().encode(message), signature)
  if (!holds)
    throw new FastenError('NOTE_FORGED', 'a signature under a note does not hold', {
      at: `${key.name}+${key.id}`,
      hint: 'the text or the signature was changed after it was signed',
    })
  return stamped?.time
}

function keyOf({ name, id }: NoteSignature, keys: readonly VerifierKey[]): VerifierKey | undefined {
  const matching = keys.filter((key) => key.name === name && key.id === id)
  const [first, ...others] = matching
  if (first !== undefined && others.some((other) => !isSameKey(first, other)))
    throw new TypeError(`two different keys are called ${name}+${id}`)
  return first
}

function untrusted({ signatures }: Note, keys: readonly VerifierKey[]): FastenError {
  const found = signatures.map(({ name, id }) => `${name}+${id}`).join(', ')
  const asked = keys.map(({ name, id }) => `${name}+${id}`).join(', ') || 'no key'
  return new FastenError('NOTE_UNTRUSTED', `a note is signed by ${found}, and not by ${asked}`, {
    hint: 'ask the operator for the key of this log, by another way than the one the note came by',
  })
}
