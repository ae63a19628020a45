// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { streams } from '../../core/row.ts'
import { describeSource } from '../../testing/source-contract.ts'
import { describeStore, type StorePlace } from '../../testing/store-contract.ts'
import type { Clean } from '../../core/row.ts'
import { createMemoryStore } from '../memory.ts'
import { openStore, type StoreTarget } from '../open.ts'
import { sqliteDriverNames, type SqliteDriverName } from './driver.ts'

const child = fileURLToPath(new URL('../fixtures/append-child.ts', import.meta.url))

for (const driver of sqliteDriverNames) describeStore(`SQLite through ${driver}`, () => filePlace(driver))

describeStore(
  'SQLite in memory',
  privatePlace,
  Object.fromEntries(
    [
      'the position is stored with the rows, exactly, and forgotten on demand only',
      'a batch that is tried again is answered with the places it has',
      'rows, heads and positions are there after closing and opening again',
      'a reader that follows positions sees every row once, in the order of the commits',
      'what it says of itself is true',
      'two processes on one place make no fork and no hole',
      'a process killed at any moment leaves whole batches with their positions',
    ].map((title) => [title, 'a private store has one connection, and is not durable']),
  ),
)

describeSource('ring in memory', async (drafts) => {
  const rings = { audit: ring('audit'), sys: ring('sys'), api: ring('api') }
  const add = async (more: typeof drafts): Promise<void> => {
    for (const draft of more) rings[draft.stream].push(draft as Clean)
  }
  await add(drafts)
  const { audit, sys, api } = rings
  return {
    add,
    source: {
      ...audit,
      scan: async (query) => rings[query.stream].scan(query),
      count: async (stream, filter, atMost) => rings[stream].count(stream, filter, atMost),
      position: async (stream) => rings[stream].position(stream),
      heads: async () => [...(await audit.heads()), ...(await sys.heads()), ...(await api.heads())],
    },
    async close() {},
  }
})

function ring(stream: 'audit' | 'sys' | 'api') {
  return createMemoryStore({ stream, rowsMax: 1000 })
}

async function filePlace(driver: SqliteDriverName): Promise<StorePlace> {
  const directory = await mkdtemp(join(tmpdir(), 'fasten-store-'))
  const target: StoreTarget = {
    dsn: { kind: 'sqlite', path: join(directory, 'rows.db'), isMemory: false },
    streams,
    driver,
  }
  return {
    open: () => openStore(target),
    start: (job) =>
      spawn(process.execPath, [child, JSON.stringify(target), JSON.stringify(job)], {
        stdio: ['ignore', 'pipe', 'inherit'],
      }),
    remove: () => rm(directory, { recursive: true }),
  }
}

async function privatePlace(): Promise<StorePlace> {
  return {
    open: () => openStore({ dsn: { kind: 'sqlite', path: ':memory:', isMemory: true }, streams }),
    async remove() {},
  }
}
