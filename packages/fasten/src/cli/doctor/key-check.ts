// SPDX-License-Identifier: Apache-2.0
import { existsSync } from 'node:fs'
import { keyFileAccess } from '../../store/keys/node-key.ts'
import type { Env, Place } from '../places.ts'
import { existingSigning, signingPlanOf } from '../signing.ts'
import { ok, skip, warn, type Check } from './check.ts'

/** Whether a store's logs are signed, and whether its key is for its owner only. A key that cannot be used fails, as it fails the start. */
export function keyCheck(place: Place, env: Env): Check {
  return {
    name: 'key',
    run() {
      const plan = signingPlanOf(place, env)
      if (plan === null) return skip('nothing is signed here: FASTEN_SIGNING=off, or a store in memory')
      const { key } = plan
      if (key.kind !== 'file') return ok('given')
      if (!existsSync(key.path) && key.isOurs)
        return skip('no key yet: the first start of a service makes it')
      existingSigning(place, env)
      const access = keyFileAccess(key.path)
      if (access?.isReadByOthers === true) {
        return warn(`others may read ${key.path} (mode ${access.mode.toString(8)})`, {
          hint: `chmod 600 "${key.path}"; if somebody may have, fasten key rotate --revoke`,
          detail: { file: key.path, mode: access.mode },
        })
      }
      return ok(key.path, { file: key.path })
    },
  }
}
