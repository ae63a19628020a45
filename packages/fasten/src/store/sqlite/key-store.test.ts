// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describeKeyStore } from '../../testing/key-store-contract.ts'
import { loadSqliteDriver } from './driver.ts'
import { openSqliteKeyStore } from './key-store.ts'

describeKeyStore('SQLite', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'fasten-keys-'))
  const driver = await loadSqliteDriver()
  return {
    open: async () =>
      openSqliteKeyStore({
        path: join(folder, 'keys/data-keys.db'),
        driver,
        busyTimeoutMs: 5000,
        mode: 'write',
      }),
    remove: async () => rmSync(folder, { recursive: true, force: true }),
  }
})
