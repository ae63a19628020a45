// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '../../core/clock.ts'
import { parseTime } from '../../core/timestamp.ts'
import { fleetSettings } from '../../capture/config.ts'
import type { Reader } from '../../reader/reader.ts'
import { fullEnv, type Env } from '../places.ts'
import { counted, duration } from '../print/values.ts'
import { ok, skip, warn, type Check } from './check.ts'

/** Rows that the fleet does not have yet are normal for so long. */
const lateMicros = 15 * 60 * 1_000_000

/** How far shipping to a fleet is, as the stores here have recorded it. The fleet is not asked: a doctor has no credential of its own. */
export function fleetCheck(reader: Reader, env: Env, clock: Clock): Check {
  return {
    name: 'fleet',
    async run() {
      const fleet = fleetSettings(fullEnv(env))
      if (fleet === undefined) return skip('no fleet: FASTEN_FLEET_URL is not set')
      const logs = await reader.logs()
      const behind = logs.filter(({ size, shipped_size = 0 }) => shipped_size < size)
      const rows = behind.reduce((sum, { size, shipped_size = 0 }) => sum + size - shipped_size, 0)
      const latest = logs.reduce(
        (newest, { shipped_at = '' }) => (shipped_at > newest ? shipped_at : newest),
        '',
      )
      const detail = {
        url: fleet.url,
        unshipped_rows: rows,
        shipped_at: latest === '' ? null : latest,
        logs: behind.map(({ log, size, shipped_size = 0 }) => ({ log, size, shipped_size })),
      }
      const now = clock.nowMicros()
      const sinceMicros = latest === '' ? Infinity : now - (parseTime(latest, now) ?? 0)
      const since = latest === '' ? 'nothing was ever shipped' : `last taken ${duration(sinceMicros)} ago`
      const message =
        rows === 0
          ? `every row is at ${fleet.url}, ${since}`
          : `${counted(rows, 'row')} of ${counted(behind.length, 'log')} not yet at ${fleet.url}, ${since}`
      if (rows === 0 || sinceMicros < lateMicros) return ok(message, detail)
      return warn(message, {
        hint: 'a running service says why: sys rows and stderr lines that begin with fleet_, and stats().fleet; no row is swept meanwhile',
        detail,
      })
    },
  }
}
