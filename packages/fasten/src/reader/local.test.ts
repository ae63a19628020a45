// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'
import { after, before, describe, test } from 'node:test'
import fc from 'fast-check'
import type { Draft, StreamName, VerificationState } from '../core/row.ts'
import { createMemoryStore } from '../store/memory.ts'
import { createSystemClock, sha256 } from '../store/platform.ts'
import type { NodeStatus } from '../store/sources.ts'
import { createSampleDrafts, sampleTime, sampleWindow } from '../testing/sample-drafts.ts'
import { openSqlite, readerOf, type Opened } from './fixtures/opened.ts'
import { localReader } from './local.ts'
import type { Page, PageQuery, Reader } from './reader.ts'
import { createReaderRouter } from './router.ts'
import { openBeside } from '../store/sqlite/fixtures/beside.ts'

async function allPages(
  reader: Reader,
  query: PageQuery,
  between: () => Promise<void> = async () => {},
): Promise<string[]> {
  const ids: string[] = []
  let cursor: string | null = null
  do {
    const page: Page = await reader.page({ ...query, ...(cursor === null ? {} : { cursor }) })
    ids.push(...page.rows.map(({ id }) => id))
    cursor = page.next_cursor
    await between()
  } while (cursor !== null)
  return ids
}

describe('pages', () => {
  test('over any mixture of logs, times and inserts in between, each row of the beginning comes once', async () => {
    const step = fc.record({ node: fc.integer({ min: 0, max: 2 }), micros: fc.integer({ min: 0, max: 6 }) })
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 1, maxLength: 25 }),
        fc.array(step, { maxLength: 25 }),
        fc.integer({ min: 1, max: 7 }),
        fc.constantFrom('newest', 'oldest'),
        async (first, later, limit, order) => {
          const opened = await openSqlite()
          try {
            const nodes = [0, 1, 2].map((index) =>
              createSampleDrafts({ source_node_id: `n${index}`, boot_id: `00000000000000b${index}` }),
            )
            const draftOf = ({ node, micros }: { node: number; micros: number }): Draft =>
              (nodes[node] ?? createSampleDrafts()).audit({ timestamp: sampleTime(micros) })
            const stored = first.map(draftOf)
            const queue = later.map(draftOf)
            await opened.append(stored)
            const seen = await allPages(
              readerOf(opened.sources),
              { stream: 'audit', filter: sampleWindow, limit, order },
              async () => {
                const next = queue.splice(0, 3)
                if (next.length > 0) await opened.append(next)
              },
            )
            assert.deepEqual(seen.toSorted(), stored.map(({ id }) => id).toSorted())
          } finally {
            await opened.close()
          }
        },
      ),
      { numRuns: 40 },
    )
  })

  test('a row whose timestamp column was changed hides no other row', async () => {
    const opened = await openSqlite()
    const drafts = createSampleDrafts()
    const sent = Array.from({ length: 9 }, () => drafts.audit())
    await opened.append(sent)
    const database = openBeside(opened.path)
    // By its leaf the fifth row is in the middle; by its column it is the oldest of all, or the newest.
    for (const lie of ['2031-03-01T00:00:00.000000Z', '2031-03-01T23:00:00.000000Z']) {
      database.prepare('UPDATE audit_log SET timestamp = ? WHERE id = ?').run(lie, sent[4]?.id ?? '')
      for (const limit of [1, 2, 3]) {
        for (const order of ['newest', 'oldest'] as const) {
          const seen = await allPages(readerOf(opened.sources), {
            stream: 'audit',
            filter: sampleWindow,
            limit,
            order,
          })
          assert.deepEqual(seen.toSorted(), sent.map(({ id }) => id).toSorted(), `${lie} ${limit} ${order}`)
        }
      }
    }
    database.close()
    await opened.close()
  })

  test('rows too large for one answer come in shorter pages, none lost', async () => {
    const opened = await openSqlite()
    const drafts = createSampleDrafts()
    const sent = Array.from({ length: 300 }, () => drafts.audit({ detail: { filler: 'x'.repeat(60_000) } }))
    await opened.append(sent)
    const reader = readerOf(opened.sources)
    const first = await reader.page({ stream: 'audit', filter: sampleWindow, limit: 1000 })
    assert.ok(first.rows.length < 300 && first.rows.length > 50, String(first.rows.length))
    assert.equal(first.total, 300)
    const seen = await allPages(reader, { stream: 'audit', filter: sampleWindow, limit: 1000 })
    assert.deepEqual(seen, sent.map(({ id }) => id).toReversed())
    await opened.close()
  })

  test('a search through many rows goes slice by slice and finds all', async () => {
    const opened = await openSqlite()
    const [one, two] = [
      createSampleDrafts(),
      createSampleDrafts({ source_node_id: 'edge-2', boot_id: '00000000000000cc' }),
    ]
    // Two logs, thousands of rows to each microsecond, so that slices end in the middle of an instant.
    const sent = Array.from({ length: 12_500 }, (_, index) =>
      (index % 2 === 0 ? one : two).audit({
        timestamp: sampleTime(Math.floor(index / 3_500)),
        target: index % 1000 === 7 ? 'Needle' : 'straw',
      }),
    )
    for (let from = 0; from < sent.length; from += 2500) await opened.append(sent.slice(from, from + 2500))
    const reader = readerOf(opened.sources)
    const expected = sent.filter(({ target }) => target === 'Needle').map(({ id }) => id)
    for (const order of ['newest', 'oldest'] as const) {
      const seen = await allPages(reader, {
        stream: 'audit',
        filter: { ...sampleWindow, text: 'needle' },
        limit: 4,
        order,
        total: 'none',
      })
      assert.deepEqual(seen.toSorted(), expected.toSorted())
      assert.equal(seen.length, 13)
    }
    const skipped = await reader.page({
      stream: 'audit',
      filter: { ...sampleWindow, text: 'needle' },
      limit: 100,
      offset: 10,
      total: 'none',
    })
    assert.equal(skipped.rows.length, 3)
    const gone = new AbortController()
    gone.abort()
    await assert.rejects(
      reader.page({ stream: 'audit', filter: { ...sampleWindow, text: 'needle' }, limit: 4 }, gone.signal),
      { name: 'AbortError' },
    )
    await opened.close()
  })
})

describe('what rows may claim', () => {
  let opened: Opened
  let reader: Reader
  let database: DatabaseSync
  const drafts = createSampleDrafts()
  const sent = Array.from({ length: 12 }, () => drafts.audit())
  before(async () => {
    opened = await openSqlite()
    reader = readerOf(opened.sources)
    await opened.append(sent)
    database = openBeside(opened.path)
  })
  after(async () => {
    database.close()
    await opened.close()
  })
  const states = async (): Promise<VerificationState[]> =>
    (await reader.page({ stream: 'audit', filter: {}, limit: 100, order: 'oldest' })).rows
      .filter((row) => row.stream === 'audit' && row.code !== 'LOG_CREATED')
      .map(({ verification }) => verification)
  const stateOf = async (index: number): Promise<string | undefined> =>
    (await reader.row({ id: sent[index]?.id ?? '' }))?.verification

  /** Makes one change, looks, and takes it back. */
  const damaged = async (
    change: string,
    parameters: readonly (string | number | null)[],
    look: () => Promise<void>,
  ): Promise<void> => {
    database.exec('CREATE TABLE keep AS SELECT * FROM audit_log')
    try {
      database.prepare(change).run(...parameters)
      await look()
    } finally {
      database.exec('DELETE FROM audit_log; INSERT INTO audit_log SELECT * FROM keep; DROP TABLE keep')
    }
  }
  const idOf = (index: number): string => sent[index]?.id ?? ''

  test('rows far apart are judged too, up to a bound, and untouched ones are never called broken', async () => {
    const other = await openSqlite()
    const scattered = createSampleDrafts()
    const rows = Array.from({ length: 6000 }, (_, index) =>
      scattered.audit({ outcome: index % 12 === 0 ? 'denied' : 'success' }),
    )
    for (let from = 0; from < rows.length; from += 2000) await other.append(rows.slice(from, from + 2000))
    const page = await readerOf(other.sources).page({
      stream: 'audit',
      filter: { outcome: 'denied' },
      limit: 1000,
    })
    const counts = Map.groupBy(page.rows, ({ verification }) => verification)
    assert.deepEqual(
      [counts.get('verified')?.length, counts.get('chained')?.length, counts.size],
      [400, 100, 2],
    )
    await other.close()
  })

  test('untouched rows are verified', async () => {
    assert.deepEqual(new Set(await states()), new Set(['verified']))
    assert.equal(await stateOf(0), 'verified')
  })

  test('one edited byte of a leaf', () =>
    damaged(
      "UPDATE audit_log SET leaf = replace(leaf, 'order/42', 'order/43') WHERE id = ?",
      [idOf(5)],
      async () => {
        assert.equal(await stateOf(5), 'broken')
        assert.equal((await states()).filter((state) => state === 'broken').length, 1)
        // Looked at alone, its successor is judged as it is among the others.
        assert.equal(await stateOf(6), 'verified')
      },
    ))

  test('an edited leaf with a matching new hash shows at its successor', async () => {
    const row = database.prepare('SELECT leaf FROM audit_log WHERE id = ?').get(idOf(5)) as { leaf: string }
    const leaf = row.leaf.replace('order/42', 'order/43')
    const hash = sha256(Buffer.concat([Buffer.from([0]), Buffer.from(leaf)]))
    await damaged(
      'UPDATE audit_log SET leaf = ?, hash = ?, target = ? WHERE id = ?',
      [leaf, hash, 'order/43', idOf(5)],
      async () => {
        assert.equal(await stateOf(6), 'broken')
        assert.ok((await states()).includes('broken'))
      },
    )
  })

  test('an edited column', () =>
    damaged('UPDATE audit_log SET actor = ? WHERE id = ?', ['mallory', idOf(5)], async () => {
      assert.equal(await stateOf(5), 'broken')
    }))

  test('a missing hash, and a missing leaf', async () => {
    await damaged("UPDATE audit_log SET hash = '' WHERE id = ?", [idOf(5)], async () =>
      assert.equal(await stateOf(5), 'broken'),
    )
    await damaged("UPDATE audit_log SET leaf = '' WHERE id = ?", [idOf(5)], async () =>
      assert.equal(await stateOf(5), 'broken'),
    )
    await damaged("UPDATE audit_log SET leaf = '{\"torn' WHERE id = ?", [idOf(5)], async () =>
      assert.equal(await stateOf(5), 'broken'),
    )
  })

  test('a row behind a deleted one claims no more than it can', () =>
    damaged('DELETE FROM audit_log WHERE id = ?', [idOf(5)], async () => {
      assert.equal(await stateOf(6), 'chained')
      assert.equal(await stateOf(7), 'verified')
      assert.equal((await reader.verify({})).verdict, 'FAIL')
      const { chain } = await reader.doctor()
      assert.deepEqual([chain.breaks, chain.first_break_at], [1, 6])
    }))

  test('a row that claims the place of another', async () => {
    const row = database.prepare('SELECT leaf FROM audit_log WHERE id = ?').get(idOf(5)) as { leaf: string }
    const leaf = row.leaf.replace('order/42', 'order/99').replace(idOf(5), 'evt-0FORGED0000000000000000000')
    const hash = sha256(Buffer.concat([Buffer.from([0]), Buffer.from(leaf)]))
    // The forged row hashes well and names the true predecessor, but it lies behind the end of the log.
    const columns = (database.prepare('PRAGMA table_info(audit_log)').all() as { name: string }[]).map(
      ({ name }) => name,
    )
    const changed: Readonly<Record<string, string>> = {
      position: '9999',
      monotonic_seq: '999',
      id: "'evt-0FORGED0000000000000000000'",
      leaf: '?',
      hash: '?',
      target: "'order/99'",
    }
    const copied = columns.map((name) => changed[name] ?? name).join(', ')
    const change = `INSERT INTO audit_log (${columns.join(', ')}) SELECT ${copied} FROM audit_log WHERE id = ?`
    const inOrder = columns.indexOf('hash') < columns.indexOf('leaf') ? [hash, leaf] : [leaf, hash]
    await damaged(change, [...inOrder, idOf(5)], async () => {
      assert.equal((await reader.row({ id: 'evt-0FORGED0000000000000000000' }))?.verification, 'broken')
    })
  })

  test('two rows that changed places', () =>
    damaged(
      'UPDATE audit_log SET monotonic_seq = CASE monotonic_seq WHEN 3 THEN -4 WHEN 4 THEN -3 END WHERE monotonic_seq IN (3, 4)',
      [],
      async () => {
        database.exec('UPDATE audit_log SET monotonic_seq = -monotonic_seq WHERE monotonic_seq < 0')
        assert.deepEqual([await stateOf(2), await stateOf(3)], ['broken', 'broken'])
      },
    ))
})

describe('verify', () => {
  test('a store that is written to meanwhile is not accused', async () => {
    const opened = await openSqlite()
    const drafts = createSampleDrafts()
    await opened.append(Array.from({ length: 1500 }, () => drafts.audit()))
    const reader = readerOf(opened.sources)
    const enough = new AbortController()
    const writing = (async () => {
      while (!enough.signal.aborted) {
        await opened.append(Array.from({ length: 20 }, () => drafts.audit()))
        await new Promise((resolve) => setImmediate(resolve))
      }
    })()
    for (let turn = 0; turn < 5; turn++) {
      const verdict = await reader.verify({})
      assert.equal(verdict.verdict, 'PASS', JSON.stringify(verdict.logs[0]?.breaks))
    }
    enough.abort()
    await writing
    await opened.close()
  })

  test('rows beyond the head, and a cut end, are named', async () => {
    const opened = await openSqlite()
    const drafts = createSampleDrafts()
    await opened.append(Array.from({ length: 5 }, () => drafts.audit()))
    const reader = readerOf(opened.sources)
    const database = openBeside(opened.path)
    const kinds = async (): Promise<unknown> =>
      (await reader.verify({})).logs.flatMap(({ breaks }) =>
        breaks.map(({ kind, from_index }) => `${kind} ${from_index}`),
      )
    database.exec('DELETE FROM audit_log WHERE monotonic_seq = 5')
    assert.deepEqual(await kinds(), ['rows_missing 5'])
    database.exec('UPDATE fasten_logs SET size = 3')
    // The head still names the newest row that it once had.
    assert.deepEqual(await kinds(), ['head_mismatch 2', 'beyond_head 3'])
    database.close()
    await opened.close()
  })

  test('gives up when it is called off', async () => {
    const opened = await openSqlite()
    const drafts = createSampleDrafts()
    await opened.append(Array.from({ length: 1200 }, () => drafts.audit()))
    await assert.rejects(readerOf(opened.sources).verify({}, AbortSignal.abort()), { name: 'AbortError' })
    await opened.close()
  })
})

describe('streams that live in different places', () => {
  const status = (isDegraded: boolean): NodeStatus => ({
    service_id: 'gateway',
    source_node_id: 'edge-1',
    tenant_id: null,
    failure_strategy: 'queue',
    worker_pid: 7,
    stdout_active: true,
    sys_ring_depth: 1,
    api_ring_depth: 0,
    queue: { accepted: 3 },
    isDegraded,
  })

  test('each says where its rows are, and the report what the process says', async () => {
    const opened = await openSqlite()
    const ring = createMemoryStore({ stream: 'sys', rowsMax: 10 })
    const drafts = createSampleDrafts()
    await opened.append([drafts.audit({ request_id: 'one' })])
    ring.push(drafts.sys({ request_id: 'one' }) as never)
    const readerWith = (isDegraded: boolean): Reader =>
      localReader({
        sources: { streams: { ...opened.sources.streams, sys: ring }, status: () => status(isDegraded) },
        digest: sha256,
        clock: createSystemClock(),
      })
    const where = async (reader: Reader): Promise<unknown> => (await reader.thread('one')).completeness
    assert.deepEqual(await where(readerWith(false)), { audit: 'store', sys: 'ring', api: 'store' })
    assert.deepEqual(await where(readerWith(true)), {
      audit: 'store-degraded',
      sys: 'ring',
      api: 'store-degraded',
    })
    const report = await readerWith(false).doctor()
    assert.deepEqual(
      [report.queue, report.transport, report.redactor, report.init],
      [
        { accepted: 3 },
        { stdout_active: true, syslog_ring_depth: 1, api_ring_depth: 0 },
        { active: true },
        {
          service_id: 'gateway',
          node_id: 'edge-1',
          tenant_id: null,
          failure_strategy: 'queue',
          worker_pid: 7,
        },
      ],
    )
    await opened.close()
  })

  test('a tail of a ring starts again with the process behind it', async () => {
    const follow = async (
      ring: ReturnType<typeof createMemoryStore>,
      resume: string | undefined,
      count: number,
    ): Promise<{ ids: string[]; last: string }> => {
      const reader = localReader({
        sources: { streams: { audit: ring, sys: ring, api: ring } },
        digest: sha256,
        clock: createSystemClock(),
        pollMsMin: 1,
        pollMsMax: 5,
      })
      const ids: string[] = []
      let last = ''
      const gone = new AbortController()
      for await (const { id, row } of reader.tail(
        { streams: ['sys'], filter: {}, ...(resume === undefined ? { backlog: 10 } : { resume }) },
        gone.signal,
      )) {
        ids.push(row.id)
        last = id
        if (ids.length === count) gone.abort()
      }
      return { ids, last }
    }
    const fill = (
      boot_id: string,
      count: number,
    ): { ring: ReturnType<typeof createMemoryStore>; ids: string[] } => {
      const ring = createMemoryStore({ stream: 'sys', rowsMax: 10 })
      const drafts = createSampleDrafts({ boot_id })
      const rows = Array.from({ length: count }, () => drafts.sys())
      for (const row of rows) ring.push(row as never)
      return { ring, ids: rows.map(({ id }) => id) }
    }
    const old = fill('00000000000000e1', 3)
    const { last } = await follow(old.ring, undefined, 2)
    assert.deepEqual((await follow(old.ring, last, 1)).ids, [old.ids[2]])
    // The new process has already ringed more rows than the token counted.
    const fresh = fill('00000000000000e2', 5)
    assert.deepEqual((await follow(fresh.ring, last, 5)).ids, fresh.ids)
  })

  test('a store that cannot be asked is an error in pages and a finding in the report', async () => {
    const opened = await openSqlite()
    const reader = readerOf(opened.sources)
    const drafts = createSampleDrafts()
    await opened.append([drafts.audit()])
    for (const end of ['', '-wal', '-shm']) rmSync(`${opened.path}${end}`, { force: true })
    await assert.rejects(reader.page({ stream: 'audit', filter: {}, limit: 1 }), { name: 'FastenError' })
    const { store, chain } = await reader.doctor()
    assert.deepEqual([store.reachable, store.rows, chain.breaks], [false, null, null])
    assert.ok(store.last_error !== null && store.last_error.length > 0)
    const handle = createReaderRouter(reader, { authorize: 'open' })
    const response = await handle(new Request('http://reader.invalid/audit'))
    assert.deepEqual(
      [response.status, response.headers.get('content-type')],
      [503, 'application/problem+json'],
    )
    await opened.close()
  })

  test('closing ends its tails', async () => {
    const opened = await openSqlite()
    const reader = readerOf(opened.sources)
    const ended = (async () => {
      for await (const _ of reader.tail(
        { streams: ['audit' satisfies StreamName], filter: {} },
        new AbortController().signal,
      ))
        assert.fail('no row was stored')
      return 'ended'
    })()
    await reader.close()
    assert.equal(await ended, 'ended')
    await opened.close()
  })
})
