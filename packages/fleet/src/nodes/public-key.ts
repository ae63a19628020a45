// SPDX-License-Identifier: Apache-2.0
import { parseVerifierKey } from 'fasten/core'
import { sha256 } from 'fasten/store'

/** An Ed25519 key as 64 lower-case hex, out of that or of a verifier key. Throws FastenError `BAD_VERIFIER_KEY`. */
export function publicKeyHex(text: string): string {
  return /^[0-9a-fA-F]{64}$/.test(text)
    ? text.toLowerCase()
    : Buffer.from(parseVerifierKey(text, sha256).publicKey).toString('hex')
}
