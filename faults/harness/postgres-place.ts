// SPDX-License-Identifier: Apache-2.0
import {
  startPostgres,
  type PostgresServer,
} from '../../packages/fasten/src/store/postgres/fixtures/server.ts'
import { atEnd, type Ending } from './endings.ts'
import { makeFolder, placeAt, subfolder, type Place } from './place.ts'

/** A fresh database of a real Postgres, with spool and keys in a folder of this host. */
export interface PostgresPlace {
  readonly server: PostgresServer
  readonly place: Place
}

/** `own` for a test that stops, kills or fills the server; else the one of `DATABASE_URL` may be used. */
export async function postgresPlace(test: Ending, own = false): Promise<PostgresPlace> {
  const server = await startPostgres({ own })
  atEnd(test, () => server.remove())
  const database = await server.freshDatabase()
  return { server, place: placeAt(database, subfolder(makeFolder(test), 'node')) }
}
