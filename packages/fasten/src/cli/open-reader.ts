// SPDX-License-Identifier: Apache-2.0
import { streams, type StreamName } from '../core/row.ts'
import { localReader } from '../reader/local.ts'
import type { Reader } from '../reader/reader.ts'
import { openForReading } from '../store/open.ts'
import { createSystemClock, sha256 } from '../store/platform.ts'
import type { Store } from '../store/ports.ts'
import { FastenError } from '../core/error.ts'
import { fullEnv, isThere, placesOf, type Env, type Place } from './places.ts'
import { ringOf } from './privacy-place.ts'
import type { Target } from './target.ts'

/**
 * The reader of a target. `note` hears what the answers will not show: a stream whose store does not exist yet. Throws
 * `FastenError` when there is nothing to read, or the target cannot be reached.
 */
export async function openReader(
  target: Target,
  env: Env,
  note: (text: string) => void,
  discloses = false,
): Promise<Reader> {
  if (target.kind !== 'url') return (await openLocal(placesOf(target, env), note, { env, discloses })).reader
  const { remoteReader } = await import('../reader/remote.ts')
  const { kind: _, ...options } = target
  return remoteReader({ ...options, discloses })
}

export interface LocalStores {
  /** Closes the stores with it. */
  readonly reader: Reader
  readonly stores: readonly { readonly place: Place; readonly store: Store }[]
}

/** Opens the stores of these places for reading. The first place holds the audit rows and must be there. */
export async function openLocal(
  places: readonly Place[],
  note: (text: string) => void,
  { env = {}, discloses = false }: { readonly env?: Env; readonly discloses?: boolean } = {},
): Promise<LocalStores> {
  const stores: { readonly place: Place; readonly store: Store }[] = []
  const keyDirectory = fullEnv(env)['FASTEN_KEY_DIR'] || undefined
  const close = async (): Promise<void> => {
    for (const { store } of stores) await store.close()
  }
  try {
    for (const place of places) {
      // Rows of these streams come with the first line or request; the audit rows can be read all the same.
      if (stores.length > 0 && !isThere(place))
        note(`no ${place.streams.join(' or ')} rows yet: ${place.at} names a file that does not exist`)
      else stores.push({ place, store: await openForReading(place.text, { at: place.at, keyDirectory }) })
    }
  } catch (error) {
    await close()
    throw error
  }
  const sourceOf = (stream: StreamName): Store => {
    const found = stores.find(({ place }) => place.streams.includes(stream)) ?? stores[0]
    if (found === undefined) throw new TypeError('no place to read from')
    return found.store
  }
  const [audit, sys, api] = streams.map(sourceOf) as [Store, Store, Store]
  const first = places[0]
  // Services that know of no FASTEN_KEY_DIR have theirs beside the database.
  const settings = fullEnv(env)
  const ring =
    first === undefined
      ? null
      : (ringOf(first, settings) ?? ringOf(first, { ...settings, FASTEN_KEY_DIR: undefined }))
  if (discloses && ring === null) {
    await close()
    throw new FastenError('PRIVACY_KEY_MISSING', 'there is no key here that opens personal values', {
      at: first?.at ?? '',
      hint: 'set FASTEN_PRIVACY_KEY, FASTEN_PRIVACY_KEY_FILE or FASTEN_KEY_DIR as the application does',
    })
  }
  const reader = localReader({
    sources: { streams: { audit, sys, api } },
    digest: sha256,
    clock: createSystemClock(),
    ...(ring === null ? {} : { ring, discloses }),
    release: close,
  })
  return { reader, stores }
}
