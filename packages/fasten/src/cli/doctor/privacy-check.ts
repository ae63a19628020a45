// SPDX-License-Identifier: Apache-2.0
import { existsSync } from 'node:fs'
import type { Store } from '../../store/ports.ts'
import { listRequests } from '../../store/privacy/erasure-request.ts'
import { openErasureLedger } from '../../store/privacy/erasure-ledger.ts'
import { privacyPlaces } from '../../store/privacy/privacy-places.ts'
import { fullEnv, type Env, type Place } from '../places.ts'
import { counted } from '../print/values.ts'
import { ringOf } from '../privacy-place.ts'
import { ok, skip, warn, type Check } from './check.ts'

/**
 * The key for personal data, and the erasures: whether the key can be used and is its owner's alone (one that others may read fails), what
 * waits for a second person, and whether the database has every erasure that the ledger remembers.
 */
export function privacyCheck(place: Place, env: Env, store: Store | undefined): Check {
  return {
    name: 'privacy',
    async run() {
      const settings = fullEnv(env)
      const places = privacyPlaces(place.dsn, settings['FASTEN_KEY_DIR'] || undefined)
      if (places === null) return skip('a store in memory keeps no personal values')
      const ring = ringOf(place, settings)
      const erasures = openErasureLedger(places.ledger).read()
      const requests = listRequests(places.ledger)
      const detail = { keys: ring?.ids ?? [], erasures: erasures.length, open_requests: requests.length }
      if (ring === null && erasures.length === 0 && !existsSync(places.dataKeys))
        return skip('no personal value has been sealed here yet')
      if (ring === null)
        return warn('the key for personal data is not here: values are masked, and nobody can be erased', {
          hint: 'set FASTEN_PRIVACY_KEY, FASTEN_PRIVACY_KEY_FILE or FASTEN_KEY_DIR as the application does',
          detail,
        })
      const pending = await store?.valuesUnder?.(erasures.flatMap(({ key_ids }) => key_ids))
      if (pending !== undefined && pending > 0)
        return warn(
          `${counted(pending, 'value')} of erased people came back, with a backup that was put back`,
          {
            hint: 'they are not served, and destroyed again when the next process opens the store to write',
            detail: { ...detail, pending },
          },
        )
      if (requests.length > 0)
        return warn(`${counted(requests.length, 'erasure')} waits for a second person`, {
          hint: 'see fasten erase requests',
          detail,
        })
      return ok(`key ${ring.ids[0] ?? ''}, ${counted(erasures.length, 'erasure')} remembered`, detail)
    },
  }
}
