// SPDX-License-Identifier: Apache-2.0
import { spoolRoot } from '../capture/open-lane.ts'
import { fullEnv, type Env, type Place } from './places.ts'

/** Where rows wait that the store of a place has not taken yet. Apart from places.ts, because reading rows needs no spool. */
export function spoolRootOf(place: Place, env: Env): string {
  return spoolRoot(place.dsn, fullEnv(env)['FASTEN_SPOOL_DIR'] || undefined)
}
