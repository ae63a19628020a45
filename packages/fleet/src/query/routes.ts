// SPDX-License-Identifier: Apache-2.0
import type { Fasten } from 'fasten'
import type { Clock } from 'fasten/core'
import type { FastifyInstance } from 'fastify'
import type { FleetDatabase } from '../database/fleet-database.ts'
import { openCodeBook } from './codes/code-book.ts'
import { codeRoutes } from './codes/code-routes.ts'
import { entityRoutes } from './entity-routes.ts'
import { logRoutes } from './log-routes.ts'
import { readerRoutes } from './reader-routes.ts'
import { createScopedStores, type ScopedStores } from './scoped-stores.ts'
import { sqlRoutes } from './sql-routes.ts'
import { tenantRoutes } from './tenant-routes.ts'
import { traceRoutes } from './trace-routes.ts'

export interface QueryRoom {
  readonly database: FleetDatabase
  readonly fasten: Fasten
  readonly clock: Clock
  readonly document?: () => unknown
  /** Paths and patterns of `*.codes.yaml` files of services; default none. */
  readonly codeFiles?: readonly string[]
}

/**
 * Every question that is asked of the fleet's rows. Running tails end when the app begins to close, and with them the readers' connections, which
 * other rooms may borrow until then.
 */
export function queryRoutes(
  app: FastifyInstance,
  { database, fasten, clock, document, codeFiles = [] }: QueryRoom,
): ScopedStores {
  const stores = createScopedStores({ database })
  app.addHook('preClose', async () => stores.close())
  const deps = { fasten, stores, document }
  readerRoutes(app, deps)
  traceRoutes(app, deps)
  entityRoutes(app, deps)
  tenantRoutes(app, deps)
  logRoutes(app, deps)
  codeRoutes(app, openCodeBook(codeFiles))
  sqlRoutes(app, { fasten, database, clock })
  return stores
}
