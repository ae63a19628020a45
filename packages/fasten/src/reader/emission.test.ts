// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { createFasten } from '../capture/create.ts'
import type { Verdict } from '../core/verdict.ts'
import { openForReading } from '../store/open.ts'
import type { RowSource, Store } from '../store/ports.ts'
import { createSampleDrafts } from '../testing/sample-drafts.ts'
import { openSqlite, readerOf } from './fixtures/opened.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fasten-emission-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const path = (name: string): string => join(folder, name)

/** Ten requests of a service: an audit row, a log line and an access each. The boot id that they carry. */
async function run(more: Parameters<typeof createFasten>[0] = {}): Promise<string> {
  const main = `sqlite:///${path('main.db')}`
  const fasten = createFasten({
    service_id: 'shop',
    node_id: 'edge-1',
    audit_dsn: main,
    sys_dsn: main,
    stdout: ['none'],
    notices: { write: () => true },
    exit_hooks: false,
    // A crowded machine is no failure.
    flush_timeout_ms: 60_000,
    ...more,
  })
  for (let index = 0; index < 10; index++) {
    fasten.emit({ code: 'DOCTOR_PROBE', target: `order/${index}` })
    fasten.log.info('order_placed', { index })
    fasten.recordApi({ method: 'POST', path: '/orders', status: 201, duration_us: 900 })
  }
  assert.ok(await fasten.flush(60_000))
  await fasten.close()
  const store = await openForReading(path('main.db'))
  try {
    const [row] = await store.scan({
      stream: 'audit',
      filter: { code: 'DOCTOR_PROBE' },
      order: 'stored',
      limit: 1,
    })
    return row?.row.boot_id ?? assert.fail('nothing was stored')
  } finally {
    await store.close()
  }
}

async function verify(audit: string, api: string = audit): Promise<Verdict> {
  const stores: Store[] = []
  const open = async (name: string): Promise<Store> => {
    const store = await openForReading(path(name))
    stores.push(store)
    return store
  }
  try {
    const main = await open(audit)
    const other = api === audit ? main : await open(api)
    return await readerOf({ streams: { audit: main, sys: main, api: other } }).verify({})
  } finally {
    for (const store of stores) await store.close()
  }
}

describe('what was emitted, in stores that capture has written', () => {
  it('rows kept in another file are missing from the one, and not from both together', async () => {
    const boot_id = await run({ api_dsn: `sqlite:///${path('api.db')}` })
    const [main, api, both] = [
      await verify('main.db'),
      await verify('api.db'),
      await verify('main.db', 'api.db'),
    ]
    assert.deepEqual([main.verdict, api.verdict, both.verdict], ['PASS', 'PASS', 'PASS'])
    assert.deepEqual(
      main.notes.filter((note) => note.includes('emitted')),
      [
        `9 of 29 rows that boot ${boot_id} emitted are not in this store: refused, in quarantine, in a spool, or stored elsewhere`,
      ],
    )
    assert.deepEqual(main.emission?.gaps[0]?.stretches.slice(0, 2), [
      { from_boot_seq: 2, to_boot_seq: 2 },
      { from_boot_seq: 5, to_boot_seq: 5 },
    ])
    assert.deepEqual([api.emission?.rows_emitted, api.emission?.rows_missing], [30, 20])
    assert.deepEqual(both.emission, { boots: 1, rows_emitted: 30, rows_missing: 0, gaps_total: 0, gaps: [] })
    assert.deepEqual(
      both.notes.filter((note) => note.includes('emitted')),
      [],
    )
  })

  it('rows of rings take no number, so what was never meant for a store is not missing', async () => {
    await run()
    assert.deepEqual((await verify('main.db')).emission, {
      boots: 1,
      rows_emitted: 20,
      rows_missing: 0,
      gaps_total: 0,
      gaps: [],
    })
  })

  it('a second process beside the first is counted by itself', async () => {
    await run()
    await run()
    const { emission } = await verify('main.db')
    assert.deepEqual([emission?.boots, emission?.rows_emitted, emission?.rows_missing], [2, 40, 0])
  })
})

describe('what was emitted, while it is being stored', () => {
  it('rows that came in while others were read are no gap, and rows behind those are no claim', async () => {
    const opened = await openSqlite()
    const drafts = createSampleDrafts()
    const [first, second, third, fourth, lost, last, later] = [
      drafts.audit(),
      drafts.sys(),
      drafts.audit(),
      drafts.sys(),
      drafts.audit(),
      drafts.sys(),
      drafts.audit(),
    ]
    assert.ok(lost)
    const store = opened.sources.streams.audit
    await opened.append([first, second])
    let looks = 0
    const busy: RowSource = {
      ...store,
      // One log after the other is looked up, and a batch is stored in between.
      async heads() {
        if (looks++ > 0) return store.heads()
        const audit = (await store.heads()).filter(({ stream }) => stream === 'audit')
        await opened.append([third, fourth, last])
        const sys = (await store.heads()).filter(({ stream }) => stream === 'sys')
        await opened.append([later])
        return [...audit, ...sys]
      },
    }
    const { verdict, rows_checked, emission } = await readerOf({
      streams: { audit: busy, sys: busy, api: busy },
    }).verify({})
    assert.deepEqual([verdict, rows_checked], ['PASS', 6])
    assert.deepEqual(emission?.gaps, [
      {
        boot_id: '00000000000000aa',
        rows_emitted: 6,
        rows_missing: 1,
        stretches: [{ from_boot_seq: 4, to_boot_seq: 4 }],
      },
    ])
    await opened.close()
  })
})
