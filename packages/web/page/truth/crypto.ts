// SPDX-License-Identifier: Apache-2.0
import { ed25519 } from '@noble/curves/ed25519.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex } from '@noble/hashes/utils.js'
import type { NoteCrypto } from 'fasten/core'

/**
 * SHA-256 and Ed25519 of this browser's own, so that nobody's word is taken: not the server's, which says what the rows are. Synchronous, as the
 * laws of a row ask for it; the platform's are not. Signatures are judged as RFC 8032 says, small-order and unreduced ones refused.
 */
export const browserCrypto: NoteCrypto = {
  digest: (bytes) => bytesToHex(sha256(bytes)),
  verifyEd25519: (publicKey, message, signature) =>
    publicKey.length === 32 &&
    signature.length === 64 &&
    ed25519.verify(signature, message, publicKey, { zip215: false }),
}
