// SPDX-License-Identifier: Apache-2.0
import { FastenError } from './error.ts'
import { bytesOfHex, fromBase64, hexOf, toBase64 } from './octets.ts'
import type { Ed25519Sign } from './signature.ts'
import { isKeyName, type VerifierKey } from './verifier-key.ts'

/** One line below a note: who is said to have signed it, believed by nobody yet. */
export interface NoteSignature {
  readonly name: string
  /** Eight lower-case hex. */
  readonly id: string
  /** What follows the id: for Ed25519 64 bytes, for a cosignature 8 bytes of time and 64. */
  readonly bytes: Uint8Array
}

/** What signs notes: a public key with its name, and the private half behind a function. */
export interface NoteSigner {
  readonly key: VerifierKey
  readonly sign: Ed25519Sign
}

/** Reads one signature line without its newline. Throws FastenError `NOTE_MALFORMED`. */
export function parseSignatureLine(line: string): NoteSignature {
  const [dash, name = '', base64 = '', ...rest] = line.split(' ')
  const bytes = rest.length === 0 && dash === '\u2014' ? fromBase64(base64) : undefined
  if (bytes === undefined || bytes.length < 5 || !isKeyName(name)) {
    const shown = line.length > 80 ? `${line.slice(0, 80)}…` : line
    throw malformedNote(`${JSON.stringify(shown)} is no signature line`)
  }
  return { name, id: hexOf(bytes.subarray(0, 4)), bytes: bytes.slice(4) }
}

/** The line of a signature, with its newline. `bytes` are what `NoteSignature.bytes` are. */
export function signatureLine({ name, id }: Pick<VerifierKey, 'name' | 'id'>, bytes: Uint8Array): string {
  const all = new Uint8Array(4 + bytes.length)
  all.set(bytesOfHex(id))
  all.set(bytes, 4)
  return `\u2014 ${name} ${toBase64(all)}\n`
}

export function malformedNote(why: string): FastenError {
  return new FastenError('NOTE_MALFORMED', `this is no signed note: ${why}`)
}
