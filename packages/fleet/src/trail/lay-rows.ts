// SPDX-License-Identifier: Apache-2.0
import { openStore, parseDsn } from 'fasten/store'

/** Makes fasten's own tables at this DSN, or brings them to the newest layout; a store that is opened for writing does it. */
export async function layRows(dsn: string): Promise<void> {
  const store = await openStore({
    dsn: parseDsn(dsn, { at: 'FLEET_DATABASE_URL' }),
    streams: ['audit', 'sys', 'api'],
  })
  await store.close()
}
