// SPDX-License-Identifier: Apache-2.0
import { after } from 'node:test'
import { streams } from '../../core/row.ts'
import { describePruner } from '../../testing/pruner-contract.ts'
import { openStore } from '../open.ts'
import { createSystemClock, createSystemIds, sha256 } from '../platform.ts'
import { startPostgres } from './fixtures/server.ts'

const server = await startPostgres()
after(() => server.remove())

describePruner('Postgres', async () => {
  const url = await server.freshDatabase()
  return {
    open: async (nowMicros) => {
      const clock = { ...createSystemClock(), nowMicros }
      const parts = { digest: sha256, clock, ids: createSystemIds() }
      const store = await openStore({ dsn: { kind: 'postgres', url }, streams }, parts)
      const { pruner } = store
      if (pruner === undefined) throw new TypeError('the store has no pruner')
      return { ...store, pruner }
    },
    remove: () => server.dropDatabase(url),
  }
})
