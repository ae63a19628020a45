// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { after } from 'node:test'
import { describeKeyStore } from '../../testing/key-store-contract.ts'
import { openStore } from '../open.ts'
import { startPostgres } from './fixtures/server.ts'

const server = await startPostgres()
after(() => server.remove())

describeKeyStore('Postgres', async () => {
  const url = await server.freshStore()
  return {
    async open() {
      const store = await openStore({ dsn: { kind: 'postgres', url }, streams: ['audit'] })
      assert.ok(store.personal)
      return { ...store.personal.keys, close: () => store.close() }
    },
    remove: () => server.release(url),
  }
})
