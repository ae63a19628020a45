// SPDX-License-Identifier: Apache-2.0
import type { Fasten } from 'fasten'
import type { Clock } from 'fasten/core'
import type { FastifyInstance } from 'fastify'
import type { FleetDatabase } from '../database/fleet-database.ts'
import { createAdmission } from './admission.ts'
import { lineRoutes } from './lines/line-routes.ts'
import { otlpRoutes } from './otlp/otlp-routes.ts'
import type { Sources } from './sources/sources.ts'

export interface ArrivingDeps {
  readonly database: Pick<FleetDatabase, 'pool' | 'seals'>
  readonly fasten: Fasten
  readonly clock: Clock
  readonly seal: Sources['seal']
}

/** Where services without our SDK send what they log: OTLP and lines of JSON. They share what this server takes at once. */
export function arrivingRoutes(app: FastifyInstance, deps: ArrivingDeps): void {
  // A collector sends from several queues at once; its requests wait for each other at the source all the same.
  const limits = { runningMax: 8, runningPerNodeMax: 4, ratePerNode: 50 }
  const admission = createAdmission(() => deps.clock.nowMicros() / 1000, limits)
  otlpRoutes(app, { ...deps, admission })
  lineRoutes(app, { ...deps, admission })
}
