// SPDX-License-Identifier: Apache-2.0
import type { Fasten } from 'fasten'
import type { FastifyInstance } from 'fastify'
import type { FleetDatabase } from '../database/fleet-database.ts'
import { readerRoutes } from './reader-routes.ts'
import { createScopedStores } from './scoped-stores.ts'

export interface QueryRoom {
  readonly database: FleetDatabase
  readonly fasten: Fasten
}

/** Every question that is asked of the fleet's rows. Running tails end when the app begins to close, and the readers' connections with them. */
export function queryRoutes(app: FastifyInstance, { database, fasten }: QueryRoom): void {
  const stores = createScopedStores({ database })
  app.addHook('preClose', async () => stores.close())
  readerRoutes(app, { fasten, stores })
}
