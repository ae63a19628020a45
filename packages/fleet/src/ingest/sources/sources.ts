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
import type { PrivateAddresses } from './pull/addresses.ts'
import { startPulls } from './pull/start-pulls.ts'
import { createTokenSeal } from './token-seal.ts'
import { watchSources } from './watch-sources.ts'

export interface SourcesRoomDeps {
  readonly database: FleetDatabase
  readonly fasten: Fasten
  readonly clock: Clock
  /** 32 bytes that all servers of the fleet share. */
  readonly secret: Buffer
  /** The fleet's own key, kind 4. */
  readonly witness: NoteSigner
  readonly book: AlarmBook
  readonly privateAddresses: PrivateAddresses
  /** Seconds that a source may fail before that is an alarm. */
  readonly failingS: number
}

/** What takes rows of services without our shipper. */
export interface Sources {
  /** As `sealArrivals` does: for everything that receives such rows. */
  seal(arrivals: Arrivals): Promise<SealedArrivals>
  /** Resolves when no source is asked any more. */
  close(): Promise<void>
}

/** Opens the room: its addresses, what seals, what asks the sources that are asked, and what watches over all of them. */
export function openSources(app: FastifyInstance, deps: SourcesRoomDeps): Sources {
  const { database, fasten, clock, secret, privateAddresses, book, failingS } = deps
  const sealDeps = sealDepsOf(deps)
  const tokens = createTokenSeal(secret)
  sourceRoutes(app, { database, fasten, clock, tokens })
  const pulls = startPulls({ ...sealDeps, tokens, privateAddresses })
  const watching = every(watchMs, fasten, () => watchSources({ database, fasten, clock, book, failingS }))
  return {
    seal: (arrivals) => sealArrivals(sealDeps, arrivals),
    async close() {
      await watching.close()
      await pulls.close()
    },
  }
}

const watchMs = 15_000

/** Again and again, a while after it ended; what goes wrong is told once until it goes well. */
function every(pauseMs: number, { log }: Fasten, work: () => Promise<void>): { close(): Promise<void> } {
  let isTold = false
  let isClosed = false
  let running = Promise.resolve()
  const run = (): void => {
    running = work()
      .then(
        () => {
          isTold = false
        },
        (error: unknown) => {
          if (!isTold) log.error('sources_not_watched', { error })
          isTold = true
        },
      )
      .then(() => {
        if (!isClosed) timer = setTimeout(run, pauseMs)
      })
  }
  let timer = setTimeout(run, pauseMs)
  return {
    async close() {
      isClosed = true
      clearTimeout(timer)
      await running
    },
  }
}

/** What sealing works with, out of what the room does. */
export function sealDepsOf({
  secret,
  clock,
  ...rest
}: Omit<SourcesRoomDeps, 'privateAddresses' | 'failingS'>): SealDeps {
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
