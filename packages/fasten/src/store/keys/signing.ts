// SPDX-License-Identifier: Apache-2.0
import { statSync } from 'node:fs'
import { FastenError } from '../../core/error.ts'
import type { IdSource } from '../../core/ids.ts'
import { openNodeKey, parseNodeKey } from './node-key.ts'
import { openSealedMemory, type SealedMemory } from './sealed-memory.ts'
import type { KeyOrigin, Signer } from './signer.ts'

/** How a store's logs are signed. Plain data: it is handed to the drainer's thread. */
export interface SigningPlan {
  readonly key: KeyOrigin
  /** Folder of the memory of what was signed; null for a private store. */
  readonly memory: string | null
}

/** What signs, and what was signed before. */
export interface Signing {
  /** The key of now: a key file is read again when it was replaced, as `fasten key rotate` does. */
  signer(): Signer
  readonly memory: SealedMemory | null
}

/**
 * The signing of a plan; undefined when none is wanted. `given` is the object of a plan of kind `object`. Throws FastenError
 * `KEY_UNREADABLE`, `KEY_INVALID`, `KEY_PERMISSIONS` or `KEY_IO`, saying which file or variable.
 */
export function openSigning(
  { key, memory }: SigningPlan,
  ids: Pick<IdSource, 'randomHex'>,
  given?: Signer,
): Signing | undefined {
  const signer = signerOf(key, ids, given)
  if (signer === undefined) return undefined
  return { signer, memory: memory === null ? null : openSealedMemory(memory) }
}

function signerOf(
  key: KeyOrigin,
  ids: Pick<IdSource, 'randomHex'>,
  given: Signer | undefined,
): (() => Signer) | undefined {
  switch (key.kind) {
    case 'off':
      return undefined
    case 'text': {
      const signer = parseNodeKey(key.text, key.at)
      return () => signer
    }
    case 'object': {
      if (given === undefined) throw new TypeError('the signer object is on another thread')
      return () => given
    }
    case 'file': {
      const { path, isOurs } = key
      let signer = openNodeKey(path, isOurs ? ids : undefined)
      let seen = stampOf(path)
      return () => {
        const now = stampOf(path)
        if (now === undefined || now === seen) return signer
        seen = now
        try {
          signer = openNodeKey(path)
        } catch (error) {
          // Rows must not wait for a key file that was damaged meanwhile: the key that we have goes on. The next start and
          // `fasten doctor` say what is wrong with the file.
          if (!(error instanceof FastenError)) throw error
        }
        return signer
      }
    }
  }
}

function stampOf(path: string): string | undefined {
  const stats = statSync(path, { bigint: true, throwIfNoEntry: false })
  return stats && `${stats.ino} ${stats.mtimeNs}`
}
