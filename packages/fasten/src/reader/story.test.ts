// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Draft } from '../core/row.ts'
import { createSampleDrafts } from '../testing/sample-drafts.ts'
import { nodeReader } from './adapters/node.ts'
import { openSqlite, readerOf, serveOn } from './fixtures/opened.ts'
import type { Reader } from './reader.ts'
import { remoteReader } from './remote.ts'
import { scope } from './scope.ts'
import { readStory } from './story.ts'

const gateway = createSampleDrafts({ source_node_id: 'gateway', boot_id: '00000000000000a1' })
const worker = createSampleDrafts({ source_node_id: 'worker', boot_id: '00000000000000a2' })

/** A request that queues a job; the job runs twice and queues another; a stranger shares nothing but the time. */
function drafts(): { readonly all: readonly Draft[]; readonly story: readonly Draft[] } {
  const access = gateway.api({ request_id: 'req-1' })
  const queued = gateway.sys({ request_id: 'req-1', event: 'job_enqueued' })
  const failed = worker.sys({
    request_id: 'scheduler-w-1',
    event: 'job_run_failed',
    caused_by: queued.id,
    fields: { nested: { caused_by: access.id } },
  })
  const again = worker.audit({ request_id: 'scheduler-w-2', caused_by: queued.id })
  const next = worker.sys({ request_id: 'scheduler-w-2', event: 'job_enqueued', caused_by: queued.id })
  const last = gateway.audit({ request_id: 'scheduler-g-3', caused_by: next.id })
  // What the last run caused in the first request: a circle, read once.
  const circle = gateway.audit({ request_id: 'req-1', caused_by: last.id })
  const stranger = worker.sys({ request_id: 'other', fields: { caused_by: access.id } })
  const story = [access, queued, failed, again, next, last, circle]
  return { all: [...story, stranger], story }
}

async function withRows(
  all: readonly Draft[],
  work: (reader: Reader, remote: Reader) => Promise<void>,
): Promise<void> {
  const opened = await openSqlite()
  const reader = readerOf(opened.sources)
  const served = await serveOn(nodeReader(reader, { authorize: 'open' }))
  const remote = remoteReader({ url: served.origin })
  try {
    await opened.append(all)
    await work(reader, remote)
  } finally {
    await served.close()
    await opened.close()
  }
}

const idsOf = (rows: readonly { readonly id: string }[]): readonly string[] =>
  rows.map(({ id }) => id).toSorted()

describe('the story of a request', () => {
  test('has the rows it caused under other ids, over any number of steps, each once', async () => {
    const { all, story } = drafts()
    await withRows(all, async (reader, remote) => {
      for (const each of [reader, remote]) {
        const told = await readStory(each, 'req-1')
        assert.deepEqual(idsOf(told.rows), idsOf(story))
        assert.deepEqual(told.followed, ['scheduler-w-1', 'scheduler-w-2', 'scheduler-g-3'])
        assert.deepEqual([told.unfollowed, told.follows], [0, true])
        assert.deepEqual(told.counts, { audit: 3, sys: 3, api: 1 })
        assert.deepEqual(told.totals, told.counts)
      }
    })
  })

  test('counts what it does not follow, and is the thread alone when nothing may be followed', async () => {
    const { all } = drafts()
    await withRows(all, async (reader) => {
      const told = await readStory(reader, 'req-1', { requestsMax: 0 })
      assert.deepEqual(idsOf(told.rows), idsOf((await reader.thread('req-1')).rows))
      assert.deepEqual([told.followed, told.unfollowed], [[], 2])
    })
  })

  test('never leaves its tenant', async () => {
    const own = gateway.audit({ request_id: 'req-1', tenant_id: 'acme' })
    const foreign = worker.audit({ request_id: 'run-9', tenant_id: 'other', caused_by: own.id })
    await withRows([own, foreign], async (reader) => {
      assert.deepEqual((await readStory(reader, 'req-1')).followed, ['run-9'])
      const scoped = await readStory(scope(reader, { tenant_id: 'acme' }), 'req-1')
      assert.deepEqual([scoped.followed, idsOf(scoped.rows)], [[], [own.id]])
    })
  })

  test('a server that does not know the question, or passes over it, is told from one without effects', async () => {
    const { all } = drafts()
    await withRows(all, async (reader) => {
      const passing: Reader = {
        ...reader,
        page: ({ filter: { caused_by: _asked, ...filter }, ...query }) => reader.page({ ...query, filter }),
      }
      const told = await readStory(passing, 'req-1')
      assert.deepEqual([told.follows, told.followed], [false, []])
      assert.deepEqual(idsOf(told.rows), idsOf((await reader.thread('req-1')).rows))
    })
  })

  test('hundreds of causes are asked about in questions that fit', async () => {
    const first = Array.from({ length: 250 }, () => gateway.sys({ request_id: 'req-1' }))
    const caused = first.map(({ id }, index) => worker.sys({ request_id: `run-${index}`, caused_by: id }))
    await withRows([...first, ...caused], async (_reader, remote) => {
      const told = await readStory(remote, 'req-1')
      assert.deepEqual([told.followed.length, told.unfollowed, told.rows.length], [100, 150, 350])
    })
  })
})
