// SPDX-License-Identifier: Apache-2.0
import { FastenError } from '../core/error.ts'
import { moveOutboxSlice } from '../store/outbox.ts'
import { openStore } from '../store/open.ts'
import { createSystemRandom } from '../store/platform.ts'
import type { Store } from '../store/ports.ts'
import { openErasureLedger, type ErasureLedger } from '../store/privacy/erasure-ledger.ts'
import { findKeyRing, openKeyRing } from '../store/privacy/key-file.ts'
import type { KeyRing } from '../store/privacy/key-ring.ts'
import type { PersonalStore } from '../store/privacy/personal-store.ts'
import { privacyPlaces, type PrivacyPlaces } from '../store/privacy/privacy-places.ts'
import { adoptSpools } from '../store/spool/adopt.ts'
import type { Args, World } from './command.ts'
import { fullEnv, placesOf, type Env, type Place } from './places.ts'
import { spoolRootOf } from './spool-root.ts'
import { targetOf } from './target.ts'

/** The audit store of this machine, opened for writing, with what an erasure or an access needs. */
export interface PrivacyPlace {
  readonly place: Place
  readonly store: Store
  readonly personal: PersonalStore
  readonly ring: KeyRing
  readonly ledger: ErasureLedger | null
  readonly places: PrivacyPlaces
  readonly spoolRoot: string
}

/**
 * Opens the store that holds audit rows, after the rows of dead processes and of committed transactions were moved into it. Throws FastenError `PRIVACY_KEY_MISSING`
 * where there is no key for personal data: then nothing in the store is sealed under one.
 */
export async function openPrivacyPlace(args: Args, world: World): Promise<PrivacyPlace> {
  const env = fullEnv(world.env)
  const place = placesOf(targetOf(args, world.env), world.env).find(({ streams }) =>
    streams.includes('audit'),
  )
  if (place === undefined) throw new TypeError('no place holds audit rows')
  const places = privacyPlaces(place.dsn, env['FASTEN_KEY_DIR'] || undefined)
  const ring = ringOf(place, env)
  if (ring === null || places === null) throw noKey(place)
  const store = await openStore({
    dsn: place.dsn,
    streams: ['audit'],
    ...(env['FASTEN_KEY_DIR'] ? { keyDirectory: env['FASTEN_KEY_DIR'] } : {}),
  })
  const { personal } = store
  if (personal === undefined) {
    await store.close()
    throw noKey(place)
  }
  const spoolRoot = spoolRootOf(place, world.env)
  const drain = { sink: store, root: spoolRoot, clock: world.clock, rowsMax: 4000 }
  try {
    await adoptSpools(drain, { own: null, onSlice: () => {} })
    const { outboxRows, outboxPlace } = store
    if (outboxRows !== undefined && outboxPlace !== undefined)
      while (!(await moveOutboxSlice(drain, { outboxRows, outboxPlace })).isEmpty);
  } catch (error) {
    await store.close()
    throw error
  }
  return { place, store, personal, ring, ledger: openErasureLedger(places.ledger), places, spoolRoot }
}

/** The ring of the environment, or of the key file beside the store; null where there is none. Makes nothing. */
export function ringOf(place: Place, env: Env): KeyRing | null {
  const settings = {
    key: env['FASTEN_PRIVACY_KEY'] || undefined,
    keyFile: env['FASTEN_PRIVACY_KEY_FILE'] || undefined,
  }
  const places = privacyPlaces(place.dsn, env['FASTEN_KEY_DIR'] || undefined)
  const random = createSystemRandom()
  if (settings.key !== undefined || settings.keyFile !== undefined) return openKeyRing(settings, null, random)
  return findKeyRing(settings, places?.keyFile ?? null, random)
}

function noKey(place: Place): FastenError {
  return new FastenError('PRIVACY_KEY_MISSING', 'there is no key for personal data beside this store', {
    at: place.at,
    hint: 'set FASTEN_PRIVACY_KEY, FASTEN_PRIVACY_KEY_FILE or FASTEN_KEY_DIR as the application does',
  })
}
