// SPDX-License-Identifier: Apache-2.0
import { createSystemRandom } from '../platform.ts'
import { createKeyRing, keyBytes, type KeyRing, type RandomBytes } from './key-ring.ts'

/**
 * A key service (KMS, Vault's transit engine, a hardware module) that keeps the key which wraps the tenant's key: fasten keeps only the wrapped
 * one, and asks the service once, before it starts.
 *
 * `encrypt` MUST answer text that only `decrypt` of the same service opens, for up to 32 bytes. `decrypt` MUST reject when the text was changed,
 * or when the service refuses. Neither may log what it is given.
 */
export interface KeyService {
  encrypt(plain: Uint8Array): Promise<string>
  decrypt(wrapped: string): Promise<Uint8Array>
}

export interface ServiceKeyRing {
  readonly ring: KeyRing
  /** The tenant's keys as the service wrapped them, the newest first: what is to be kept, in a file or an environment variable. */
  readonly wrapped: readonly string[]
}

export interface ServiceKeyRingOptions {
  /** A new key is put before the others. */
  readonly rotates?: boolean
  /** For tests. */
  readonly random?: RandomBytes
}

/**
 * The ring whose keys a service wraps, to be handed to `init({ keyRing })`. Without `wrapped` the first key is made; the answer's `wrapped` must then be kept
 * before anything is sealed. With `rotates` a new key is put before the others. Rejects with what the service says, and with a
 * TypeError when it answers what is no key.
 */
export async function openServiceKeyRing(
  service: KeyService,
  wrapped: readonly string[],
  { rotates = false, random = createSystemRandom() }: ServiceKeyRingOptions = {},
): Promise<ServiceKeyRing> {
  const known = await Promise.all(wrapped.map((text) => service.decrypt(text)))
  if (known.length > 0 && !rotates) return { ring: createKeyRing(known, random), wrapped }
  const made = Uint8Array.from(random(keyBytes))
  const text = await service.encrypt(made)
  return { ring: createKeyRing([made, ...known], random), wrapped: [text, ...wrapped] }
}
