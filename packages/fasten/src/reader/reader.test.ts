// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { draftText } from '../core/leaf.ts'
import { logName } from '../core/log-name.ts'
import { streams, type Clean, type Draft } from '../core/row.ts'
import { createMemoryStore } from '../store/memory.ts'
import { openStore } from '../store/open.ts'
import { createSystemClock, sha256 } from '../store/platform.ts'
import type { Sources } from '../store/sources.ts'
import { describeReader, type ReaderUnderTest } from '../testing/reader-contract.ts'
import { nodeReader } from './adapters/node.ts'
import { localReader } from './local.ts'
import type { Reader } from './reader.ts'
import { remoteReader } from './remote.ts'
import { scope } from './scope.ts'

interface Opened {
  readonly sources: Sources
  append(drafts: readonly Draft[]): Promise<void>
  close(): Promise<void>
}

async function openSqlite(): Promise<Opened> {
  const folder = await mkdtemp(join(tmpdir(), 'fasten-reader-'))
  const store = await openStore({ dsn: { kind: 'sqlite', path: join(folder, 'rows.db'), isMemory: false }, streams })
  let position = 0n
  return {
    sources: { streams: { audit: store, sys: store, api: store } },
    async append(drafts) {
      position += 1n
      const encoder = new TextEncoder()
      await store.append({
        spool: 'aaaaaaaaaaaaaaaa', position,
        drafts: drafts.map((draft) => ({ stream: draft.stream, log: logName(draft), text: encoder.encode(draftText(draft as Clean)) })),
      })
    },
    async close() {
      await store.close()
      await rm(folder, { recursive: true })
    },
  }
}

async function openRings(): Promise<Opened> {
  const rings = {
    audit: createMemoryStore({ stream: 'audit', rowsMax: 2000 }),
    sys: createMemoryStore({ stream: 'sys', rowsMax: 2000 }),
    api: createMemoryStore({ stream: 'api', rowsMax: 2000 }),
  }
  return {
    sources: { streams: rings },
    append: async (drafts) => drafts.forEach((draft) => rings[draft.stream].push(draft as Clean)),
    close: async () => {},
  }
}

const readerOf = (sources: Sources): Reader => localReader({ sources, digest: sha256, clock: createSystemClock(), pollMsMin: 2, pollMsMax: 20 })

async function local(open: () => Promise<Opened>): Promise<ReaderUnderTest> {
  const opened = await open()
  return { ...opened, reader: readerOf(opened.sources) }
}

/** A real server around a local reader; closing the remote reader leaves the server's own to us. */
async function remote(open: () => Promise<Opened>, tenant?: string): Promise<ReaderUnderTest> {
  const opened = await open()
  const served = readerOf(opened.sources)
  const handle = nodeReader(served, { token: 'open-sesame', ...(tenant === undefined ? {} : { tenantScope: () => tenant }), basePath: '/api/v1/logs' })
  const server = createServer(handle)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    reader: remoteReader({ url: `http://127.0.0.1:${port}/api/v1/logs`, token: 'open-sesame' }),
    append: opened.append,
    async close() {
      await served.close()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await opened.close()
    },
  }
}

/** Every row of the tenant has two twins, of a rival and of nobody, that differ in nothing but the tenant and the id. */
function withRivals(opened: Opened): Opened {
  return {
    ...opened,
    append: (drafts) => opened.append(drafts.flatMap((draft) => {
      const { tenant_id: _, ...nobodys } = { ...draft, id: draft.id.replace('evt-0', 'evt-3'), boot_id: 'eeeeeeeeeeeeeeee' }
      return [{ ...draft, id: draft.id.replace('evt-0', 'evt-2'), tenant_id: 'rival' }, draft, nobodys as Draft]
    })),
  }
}

describeReader('local, sqlite', () => local(openSqlite), { isChained: true })
describeReader('local, rings', () => local(openRings), { isChained: false })
describeReader('remote, sqlite behind node:http', () => remote(openSqlite), { isChained: true })
describeReader('remote, rings behind node:http', () => remote(openRings), { isChained: false })
describeReader('scoped, sqlite among other tenants', async () => {
  const under = await local(async () => withRivals(await openSqlite()))
  return { ...under, reader: scope(under.reader, { tenant_id: 'acme' }) }
}, { isChained: true, tenant_id: 'acme' })
describeReader('scoped at the server, among other tenants', () => remote(async () => withRivals(await openSqlite()), 'acme'), { isChained: true, tenant_id: 'acme' })
describeReader('remote, scoped at the client', async () => {
  const under = await remote(async () => withRivals(await openSqlite()))
  return { ...under, reader: { ...scope(under.reader, { tenant_id: 'acme' }), close: () => under.reader.close() } }
}, { isChained: true, tenant_id: 'acme' })
