// SPDX-License-Identifier: Apache-2.0
import { parseTime } from '../../core/timestamp.ts'
import { fleetSettings } from '../../capture/config.ts'
import type { Reader } from '../../reader/reader.ts'
import { FastenError } from '../../core/error.ts'
import type { World } from '../command.ts'
import { partedLogs } from '../parted-logs.ts'
import { fullEnv, type Place } from '../places.ts'
import { counted, duration } from '../print/values.ts'
import { fail, ok, skip, warn, type Check } from './check.ts'

/** Rows that the fleet does not have yet are normal for so long. */
const lateMicros = 15 * 60 * 1_000_000

/**
 * How far shipping to a fleet is, as the stores here have recorded it; and, where the credential of this node may be read and the fleet answers, which
 * logs have parted from it.
 */
export function fleetCheck(
  reader: Reader,
  { env, clock, signal }: Pick<World, 'env' | 'clock' | 'signal'>,
  places: readonly Place[],
): Check {
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
        unshipped_rows: latest === '' ? null : rows,
        shipped_at: latest === '' ? null : latest,
        logs: behind.map(({ log, size, shipped_size = 0 }) => ({ log, size, shipped_size })),
      }
      const parted = await partedLogs(places, env, signal).catch((error: unknown) => {
        // What keeps it from asking keeps services from shipping too, and is seen by how long ago they did.
        if (error instanceof FastenError) return undefined
        throw error
      })
      if (parted !== undefined && parted.length > 0)
        return fail(
          `of ${counted(parted.length, 'log')} the fleet has other rows than are here, or more: ${parted.map(({ log }) => log).join(', ')}`,
          {
            hint: 'find out where they came from (a restored backup, a copied key); then fasten fleet resume',
            detail: {
              ...detail,
              parted: parted.map(({ log, size, fleet: { size: there } }) => ({
                log,
                size,
                fleet_size: there,
              })),
            },
          },
        )
      const now = clock.nowMicros()
      const sinceMicros = latest === '' ? Infinity : now - (parseTime(latest, now) ?? 0)
      const since = `last taken ${duration(sinceMicros)} ago`
      const message =
        latest === ''
          ? `not known yet what of ${counted(rows, 'row')} is at ${fleet.url}: nothing was ever shipped`
          : rows === 0
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
