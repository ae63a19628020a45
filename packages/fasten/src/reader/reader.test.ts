// SPDX-License-Identifier: Apache-2.0
import { describeReader, type ReaderUnderTest } from '../testing/reader-contract.ts'
import { nodeReader } from './adapters/node.ts'
import { openRings, openSqlite, readerOf, serveOn, type Opened } from './fixtures/opened.ts'
import { remoteReader } from './remote.ts'
import { scope } from './scope.ts'

async function local(open: () => Promise<Opened>): Promise<ReaderUnderTest> {
  const opened = await open()
  return { ...opened, reader: readerOf(opened.sources) }
}

/** A real server around a local reader; closing the remote reader leaves the server's own to us. */
async function remote(open: () => Promise<Opened>, tenant?: string): Promise<ReaderUnderTest> {
  const opened = await open()
  const served = readerOf(opened.sources)
  const handle = nodeReader(served, {
    token: 'open-sesame',
    ...(tenant === undefined ? {} : { tenantScope: () => tenant }),
    basePath: '/api/v1/logs',
  })
  const server = await serveOn(handle)
  return {
    reader: remoteReader({ url: `${server.origin}/api/v1/logs`, token: 'open-sesame' }),
    append: opened.append,
    async close() {
      await served.close()
      await server.close()
      await opened.close()
    },
  }
}

/** Every row of the tenant has two twins, of a rival and of nobody, that differ in nothing but the tenant and the id. */
function withRivals(opened: Opened): Opened {
  return {
    ...opened,
    append: (drafts) =>
      opened.append(
        drafts.flatMap((draft) => {
          const { tenant_id: _, ...nobodys } = {
            ...draft,
            id: draft.id.replace('evt-0', 'evt-3'),
            boot_id: 'eeeeeeeeeeeeeeee',
          }
          return [{ ...draft, id: draft.id.replace('evt-0', 'evt-2'), tenant_id: 'rival' }, draft, nobodys]
        }),
      ),
  }
}

describeReader('local, sqlite', () => local(openSqlite), { isChained: true })
describeReader('local, rings', () => local(openRings), { isChained: false })
describeReader('remote, sqlite behind node:http', () => remote(openSqlite), { isChained: true })
describeReader('remote, rings behind node:http', () => remote(openRings), { isChained: false })
describeReader(
  'scoped, sqlite among other tenants',
  async () => {
    const under = await local(async () => withRivals(await openSqlite()))
    return { ...under, reader: scope(under.reader, { tenant_id: 'acme' }) }
  },
  { isChained: true, tenant_id: 'acme' },
)
describeReader(
  'scoped at the server, among other tenants',
  () => remote(async () => withRivals(await openSqlite()), 'acme'),
  { isChained: true, tenant_id: 'acme' },
)
describeReader(
  'remote, scoped at the client',
  async () => {
    const under = await remote(async () => withRivals(await openSqlite()))
    return {
      ...under,
      reader: { ...scope(under.reader, { tenant_id: 'acme' }), close: () => under.reader.close() },
    }
  },
  { isChained: true, tenant_id: 'acme' },
)
