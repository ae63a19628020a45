// SPDX-License-Identifier: Apache-2.0
import type { KeyRing } from './key-ring.ts'
import type { KeyStore } from './key-store.ts'
import type { WrappedKey } from './sealed.ts'

export interface Rekeyed {
  /** The newest of the tenant's keys: all that could be opened is wrapped by it now. */
  readonly kek: string
  /** Data keys that were wrapped anew, or would be. */
  readonly rewrapped: number
  /** Data keys that stay as they are because the key that wraps them is not in the ring. */
  readonly unopened: number
}

export interface RekeyOptions {
  /** Nothing is changed. */
  readonly isDry?: boolean
  /** Keys that one transaction replaces. Default 1,000. */
  readonly keysEach?: number
}

/**
 * Wraps every data key anew under the newest key of the ring, so that values open, and people are recognised in the key store,
 * without the older ones. No value is touched and no row changes.
 *
 * Each transaction replaces some keys by themselves; broken off at any point, what is done is done, and the next run takes the rest. A
 * key that is destroyed meanwhile stays destroyed: only what is there is replaced. Throws `PRIVACY_KEY_DAMAGED` for a key that was changed.
 */
export async function rekey(
  store: KeyStore,
  ring: KeyRing,
  { isDry = false, keysEach = 1_000 }: RekeyOptions = {},
): Promise<Rekeyed> {
  const kek = ring.ids[0] ?? ''
  let [rewrapped, unopened] = [0, 0]
  for (let after = ''; ;) {
    const keys = await store.wrappedByOthers(kek, after, keysEach)
    const last = keys.at(-1)
    if (last === undefined) return { kek, rewrapped, unopened }
    after = last.id
    const anew = keys.flatMap((wrapped): WrappedKey[] => {
      const opened = ring.unwrap(wrapped)
      return opened === undefined ? [] : [ring.wrap(opened.key, { ...wrapped, subject: opened.subject })]
    })
    rewrapped += anew.length
    unopened += keys.length - anew.length
    if (!isDry && anew.length > 0) await store.replace(anew)
  }
}
