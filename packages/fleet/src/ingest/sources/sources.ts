// SPDX-License-Identifier: Apache-2.0
import type { Clock, NoteSigner } from 'fasten/core'
import { formatMicros } from 'fasten/core'
import { sha256 } from 'fasten/store'
import { createReplica } from 'fasten/store/replica'
import type { Fasten } from 'fasten'
import type { FastifyInstance } from 'fastify'
import { fleetSchema, type FleetDatabase } from '../../database/fleet-database.ts'
import type { AlarmBook } from '../../nodes/alarms/raise-alarm.ts'
import { createArrivalKeys } from './arrival-keys.ts'
import { sealArrivals, type Arrivals, type SealDeps, type SealedArrivals } from './seal-arrivals.ts'
import { sourceRoutes } from './source-routes.ts'
import { createTokenSeal } from './token-seal.ts'

export interface SourcesRoomDeps {
  readonly database: FleetDatabase
  readonly fasten: Fasten
  readonly clock: Clock
  /** 32 bytes that all servers of the fleet share. */
  readonly secret: Buffer
  /** The fleet's own key, kind 4. */
  readonly witness: NoteSigner
  readonly book: AlarmBook
}

/** What takes rows of services without our shipper. */
export interface Sources {
  /** As `sealArrivals` does: for everything that receives such rows. */
  seal(arrivals: Arrivals): Promise<SealedArrivals>
}

/** Opens the room: its addresses, and what seals. */
export function openSources(app: FastifyInstance, deps: SourcesRoomDeps): Sources {
  const { database, fasten, clock, secret } = deps
  const sealDeps = sealDepsOf(deps)
  sourceRoutes(app, { database, fasten, clock, tokens: createTokenSeal(secret) })
  return { seal: (arrivals) => sealArrivals(sealDeps, arrivals) }
}

/** What sealing works with, out of what the room does. */
export function sealDepsOf({ secret, clock, ...rest }: SourcesRoomDeps): SealDeps {
  return {
    ...rest,
    clock,
    keys: createArrivalKeys(secret),
    replica: createReplica({
      schema: fleetSchema,
      digest: sha256,
      now: () => formatMicros(clock.nowMicros()),
    }),
  }
}
