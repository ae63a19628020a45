// SPDX-License-Identifier: Apache-2.0
import { readDisclosure } from '../../core/disclosure.ts'
import type { JsonValue } from '../../core/row.ts'
import { openBox, type KeyRing } from './key-ring.ts'
import type { SealedValue } from './personal-store.ts'
import { boxContext } from './sealer.ts'

/**
 * What became of a personal value. `sealed`: it is there and was not opened here. `expired`: its time was up, and a row says so. `erased`: its key is destroyed, and a row says so.
 * `missing`: value or key are gone and nothing explains it. `damaged`: the box does not open under its key.
 */
export type DisclosureState = 'disclosed' | 'sealed' | 'expired' | 'erased' | 'missing' | 'damaged'

export interface OpenedValue {
  readonly state: DisclosureState
  /** The disclosure text, where it was opened: what the row's `sd` commits to. */
  readonly text?: string
  readonly value?: JsonValue
}

export interface Opener {
  open(rowId: string, value: SealedValue): OpenedValue
}

/** Opens values with the keys of a ring; without a ring it only says what state they are in. Data keys are unwrapped once. */
export function createOpener(ring: KeyRing | null): Opener {
  const unwrapped = new Map<string, Uint8Array | null>()

  function keyOf({ key }: SealedValue): Uint8Array | null {
    if (key === null || key === undefined || ring === null) return null
    const known = unwrapped.get(key.id)
    if (known !== undefined) return known
    const opened = ring.unwrap(key)?.key ?? null
    if (unwrapped.size >= keysMax) unwrapped.clear()
    unwrapped.set(key.id, opened)
    return opened
  }

  return {
    open(rowId, value) {
      if (value.isErased) return { state: 'erased' }
      if (value.box === null || value.key === null) return { state: 'missing' }
      const key = keyOf(value)
      if (key === null) return { state: 'sealed' }
      const text = openBox(key, value.box, boxContext(rowId, value.pointer))?.toString('base64url')
      const disclosure = text === undefined ? undefined : readDisclosure(text)
      return text === undefined || disclosure === undefined
        ? { state: 'damaged' }
        : { state: 'disclosed', text, value: disclosure.value }
    },
  }
}

const keysMax = 10_000
