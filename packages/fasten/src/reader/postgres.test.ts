// SPDX-License-Identifier: Apache-2.0
import { after } from 'node:test'
import { streams } from '../core/row.ts'
import { openStore } from '../store/open.ts'
import { startPostgres } from '../store/postgres/fixtures/server.ts'
import { describeReader } from '../testing/reader-contract.ts'
import { openedOn, readerOf } from './fixtures/opened.ts'

const server = await startPostgres()
after(() => server.remove())

describeReader(
  'local, postgres',
  async () => {
    const url = await server.freshStore()
    const store = await openStore({ dsn: { kind: 'postgres', url }, streams })
    const opened = openedOn(store, '', () => server.release(url))
    return { ...opened, reader: readerOf(opened.sources) }
  },
  { isChained: true },
)
