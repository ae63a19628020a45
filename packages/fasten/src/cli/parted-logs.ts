// SPDX-License-Identifier: Apache-2.0
import { dirname } from 'node:path'
import { fleetSettings } from '../capture/config.ts'
import { credentialFile } from '../capture/open-fleet.ts'
import { parseLogName } from '../core/log-name.ts'
import { keyFolder } from '../store/keys/key-folder.ts'
import { openForReading } from '../store/open.ts'
import { keptCredential } from '../store/ship/credential.ts'
import { answerFault, createFleetClient, FleetFault } from '../store/ship/fleet-client.ts'
import { placesIn } from '../store/ship/rows-answer.ts'
import { fullEnv, isThere, type Env, type Place } from './places.ts'

/** A log of which the fleet has other rows than are here, or more. It is not shipped any more. */
export interface PartedLog {
  readonly log: string
  readonly place: Place
  /** Rows that are here. */
  readonly size: number
  /** What the fleet has. */
  readonly fleet: { readonly size: number; readonly head_hash: string }
  /** `ahead`: more rows than are here. `other`: its newest row is another than here. */
  readonly kind: 'ahead' | 'other'
}

/**
 * Asks the fleet how far it is with the logs of these places, with the credential that this node keeps. Undefined where no fleet is set, or the node has
 * no credential yet. Throws FastenError `FLEET_…`.
 */
export async function partedLogs(
  places: readonly Place[],
  env: Env,
  signal: AbortSignal,
): Promise<readonly PartedLog[] | undefined> {
  const variables = fullEnv(env)
  const fleet = fleetSettings(variables)
  const keyDirectory = variables['FASTEN_KEY_DIR'] || undefined
  const [first] = places.flatMap(({ dsn }) => keyFolder(dsn, keyDirectory) ?? [])
  if (fleet === undefined || first === undefined) return undefined
  const { url, tls } = fleet
  const kept = keptCredential({
    token: fleet.token(),
    credentialFile: credentialFile(dirname(first.keyFile), url),
  })
  if (kept === undefined) return undefined
  const { credential } = kept
  const client = createFleetClient({ url, tls, silenceMs: 10_000 })
  const found: PartedLog[] = []
  try {
    for (const place of places.filter(isThere)) {
      const store = await openForReading(place.text, { at: place.at, keyDirectory })
      try {
        const heads = (await store.heads()).filter(({ log }) => parseLogName(log) !== undefined)
        for (let from = 0; from < heads.length; from += logsMax) {
          const asked = heads.slice(from, from + logsMax)
          const body = Buffer.from(JSON.stringify({ logs: asked.map(({ log }) => log) }))
          const there = placesIn(
            await client.ask({ method: 'POST', path: '/places', credential, body }, signal),
          )
          if (there === undefined) throw answerFault(client.at, 'it answers no places')
          for (const { log, size } of asked) {
            const fleetPlace = there.get(log)
            if (fleetPlace === undefined || fleetPlace.size === 0) continue
            const { size: fleetSize, head_hash } = fleetPlace
            const [hash] = (await store.leafHashes?.(log, fleetSize - 1, fleetSize)) ?? []
            if (size >= fleetSize && (hash === undefined || hash === head_hash)) continue
            const kind = size < fleetSize ? 'ahead' : 'other'
            found.push({ log, place, size, fleet: { size: fleetSize, head_hash }, kind })
          }
        }
      } finally {
        await store.close()
      }
    }
    return found
  } catch (error) {
    throw error instanceof FleetFault ? error.error : error
  } finally {
    client.close()
  }
}

const logsMax = 1000
