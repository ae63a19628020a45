// SPDX-License-Identifier: Apache-2.0
import type { Digest } from './digest.ts'

/**
 * Ed25519 (RFC 8032), handed in by the environment: true when `signature` (64 bytes) over `message` is of the key whose 32 bytes
 * are `publicKey`. MUST NOT throw for bytes of any content or length; MUST refuse a signature whose scalar is not reduced.
 */
export type Ed25519Verify = (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array) => boolean

/** Ed25519 with a key that stays where it is: the 64 bytes of the signature over `message`. */
export type Ed25519Sign = (message: Uint8Array) => Uint8Array

/** What is needed to judge a signed note. */
export interface NoteCrypto {
  readonly digest: Digest
  readonly verifyEd25519: Ed25519Verify
}
