// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process'
import { after } from 'node:test'
import { fileURLToPath } from 'node:url'
import { streams } from '../../core/row.ts'
import { describeStore } from '../../testing/store-contract.ts'
import { openStore, type StoreTarget } from '../open.ts'
import { startPostgres } from './fixtures/server.ts'

const server = await startPostgres()
after(() => server.remove())

const child = fileURLToPath(new URL('../fixtures/append-child.ts', import.meta.url))

describeStore('Postgres', async () => {
  const url = await server.freshStore()
  const target: StoreTarget = { dsn: { kind: 'postgres', url }, streams }
  return {
    open: () => openStore(target),
    start: (job) =>
      spawn(process.execPath, [child, JSON.stringify(target), JSON.stringify(job)], {
        stdio: ['ignore', 'pipe', 'inherit'],
      }),
    remove: () => server.release(url),
  }
})
