// SPDX-License-Identifier: Apache-2.0
import { parseVerifierKey, type VerifierKey } from 'fasten/core'
import { browserCrypto } from './crypto.ts'

const place = 'fasten.pinned-keys'

/** Tells who draws the keys that they changed; `storage` tells the other tabs. */
const changed = 'fasten:pinned-keys'

/**
 * The keys that whoever looks decided to believe, as `vkey` texts (c2sp.org/signed-note). They lie in this browser and nowhere else: a server
 * that could hand them out could hand out its own. What cannot be read as a key is left out, never believed.
 */
export function pinnedKeys(text: string | null = localStorage.getItem(place)): readonly VerifierKey[] {
  return linesOf(text).flatMap((line) => {
    try {
      return [parseVerifierKey(line, browserCrypto.digest)]
    } catch (error) {
      if (isMalformed(error)) return []
      throw error
    }
  })
}

/** Throws FastenError where `text` is no key. */
export function pinKey(text: string): VerifierKey {
  const key = parseVerifierKey(text.trim(), browserCrypto.digest)
  write([...new Set([...linesOf(localStorage.getItem(place)), text.trim()])])
  return key
}

export function unpinKey({ name, id }: Pick<VerifierKey, 'name' | 'id'>): void {
  const stay = linesOf(localStorage.getItem(place)).filter((line) => {
    const [key] = pinnedKeys(line)
    return key === undefined || key.name !== name || key.id !== id
  })
  write(stay)
}

/** For `useSyncExternalStore`. */
export const pinnedKeysText = (): string => localStorage.getItem(place) ?? ''

export function followPinnedKeys(onChange: () => void): () => void {
  window.addEventListener(changed, onChange)
  window.addEventListener('storage', onChange)
  return () => {
    window.removeEventListener(changed, onChange)
    window.removeEventListener('storage', onChange)
  }
}

function write(lines: readonly string[]): void {
  localStorage.setItem(place, lines.join('\n'))
  window.dispatchEvent(new Event(changed))
}

const linesOf = (text: string | null): readonly string[] =>
  (text ?? '').split('\n').filter((line) => line !== '')

const isMalformed = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string'
