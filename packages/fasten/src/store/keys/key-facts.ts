// SPDX-License-Identifier: Apache-2.0
import type { Digest } from '../../core/digest.ts'
import type { JsonObject } from '../../core/row.ts'
import { formatVerifierKey, verifierKey } from '../../core/verifier-key.ts'

/** What `LOG_CREATED` and `KEY_DECLARED` say of the key of `log`: its text form, which bears the log's name. Source: spec/proofs.md. */
export function keyFacts(log: string, publicKey: Uint8Array, digest: Digest): JsonObject {
  return { public_key: logKeyText(log, publicKey, digest) }
}

/** The key that signs `log`, as an operator hands it to an auditor. */
export function logKeyText(log: string, publicKey: Uint8Array, digest: Digest): string {
  return formatVerifierKey(verifierKey(log, 'ed25519', publicKey, digest))
}
