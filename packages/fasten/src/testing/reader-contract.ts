// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { logName } from '../core/log-name.ts'
import { streams, type Draft, type StreamName } from '../core/row.ts'
import type { PageQuery, Reader, ReaderRow, TailEvent } from '../reader/reader.ts'
import type { ScanFilter } from '../store/ports.ts'
import {
  createSampleDrafts,
  sampleTime,
  sampleWindow,
  type SampleDrafts,
  type SampleOptions,
} from './sample-drafts.ts'

export interface ReaderUnderTest {
  readonly reader: Reader
  /** Stores or rings the drafts in order; resolves when the reader can see them. */
  append(drafts: readonly Draft[]): Promise<void>
  close(): Promise<void>
}

export interface ReaderContractOptions {
  /** Whether rows are hashed and have a place in a log; false for rings. */
  readonly isChained: boolean
  /** Tenant of every sample, for readers that see only one. */
  readonly tenant_id?: string
}

/**
 * What every reader promises, asked of a fresh one for each case. Adapter authors run it in their own test file:
 * `describeReader('mine', open, { isChained: true })`.
 */
export function describeReader(
  name: string,
  open: () => Promise<ReaderUnderTest>,
  options: ReaderContractOptions,
): void {
  const { isChained, tenant_id } = options
  const samples = (more: SampleOptions = {}): SampleDrafts =>
    createSampleDrafts({ ...(tenant_id === undefined ? {} : { tenant_id }), ...more })

  const it = (title: string, work: (under: ReaderUnderTest) => Promise<void>): void => {
    test(title, async () => {
      const under = await open()
      try {
        await work(under)
      } finally {
        await under.reader.close()
        await under.close()
      }
    })
  }

  describe(`reader contract: ${name}`, () => {
    it('an empty store has empty answers', async ({ reader }) => {
      for (const stream of streams) {
        const page = await reader.page({ stream, filter: {}, limit: 10 })
        assert.deepEqual([page.rows, page.next_cursor, page.total, page.total_kind], [[], null, 0, 'exact'])
      }
      const thread = await reader.thread('req-1')
      assert.deepEqual([thread.rows, thread.counts], [[], { audit: 0, sys: 0, api: 0 }])
      assert.equal(await reader.row({ id: 'evt-01JZ5T8Q3MZV4W7J8E6KX0D2RA' }), null)
      assert.equal(await reader.row({ log: '_/a/b/audit', monotonic_seq: 0 }), null)
      assert.deepEqual(await reader.topology(), [])
      assert.deepEqual(await reader.logs(), [])
      assert.equal((await reader.verify({})).verdict, 'INCOMPLETE')
    })

    it('rows come back whole, newest first, with what they may claim', async ({ reader, append }) => {
      const drafts = samples()
      const sent = [
        drafts.audit(),
        drafts.audit({ code: 'USER_LOGIN', tenant_id: tenant_id ?? 'acme', reason: 'night shift' }),
      ]
      await append(sent)
      const { rows, completeness } = await reader.page({ stream: 'audit', filter: sampleWindow, limit: 10 })
      assert.deepEqual(rows.map(draftOf), sent.toReversed())
      for (const row of rows) {
        assert.equal(row.verification, isChained ? 'verified' : 'ring')
        assert.equal(row.hash === null, !isChained)
        if (isChained) assert.equal(row.log, logName({ ...row }))
      }
      assert.equal(completeness, isChained ? 'store' : 'ring')
    })

    it('api rows tell their duration in milliseconds too', async ({ reader, append }) => {
      const drafts = samples()
      await append([drafts.api({ duration_us: 12_600 }), drafts.api({ duration_us: 400 })])
      const { rows } = await reader.page({ stream: 'api', filter: sampleWindow, limit: 10 })
      assert.deepEqual(
        rows.map(({ duration_ms }) => duration_ms),
        [0, 13],
      )
    })

    for (const order of ['newest', 'oldest'] as const) {
      it(`pages of the ${order} rows of several nodes neither skip nor repeat while rows are stored`, async ({
        reader,
        append,
      }) => {
        // Three logs whose timestamps interleave and collide.
        const nodes = ['a', 'b', 'c'].map((node, index) =>
          samples({ source_node_id: node, boot_id: `00000000000000b${index}` }),
        )
        const before = nodes.flatMap((drafts) =>
          Array.from({ length: 20 }, (_, turn) => drafts.audit({ timestamp: sampleTime(1000 + (turn % 7)) })),
        )
        await append(before)
        const seen: string[] = []
        let cursor: string | undefined
        for (let page = 0; page < 50; page++) {
          const found = await reader.page({
            stream: 'audit',
            filter: sampleWindow,
            limit: 7,
            order,
            ...(cursor === undefined ? {} : { cursor }),
          })
          seen.push(...found.rows.map(({ id }) => id))
          if (found.next_cursor === null) break
          cursor = found.next_cursor
          // One row at the newest end, one in the middle, one at the oldest.
          const late = nodes[page % nodes.length]
          if (late !== undefined)
            await append(
              [2000, 1003, 1].map((micros) => late.audit({ timestamp: sampleTime(micros + page) })),
            )
        }
        assert.equal(new Set(seen).size, seen.length, 'a row came twice')
        assert.deepEqual(seen.toSorted(), before.map(({ id }) => id).toSorted())
        const times = seen.map((id) => before.find((draft) => draft.id === id)?.timestamp ?? '')
        assert.deepEqual(times, order === 'newest' ? times.toSorted().toReversed() : times.toSorted())
      })
    }

    it('a cursor is refused with another filter, another order, or when it is none', async ({
      reader,
      append,
    }) => {
      const drafts = samples()
      await append([drafts.audit(), drafts.audit(), drafts.audit()])
      const ask = (more: Partial<PageQuery>): Promise<unknown> =>
        reader.page({ stream: 'audit', filter: sampleWindow, limit: 1, ...more })
      const { next_cursor } = await reader.page({ stream: 'audit', filter: sampleWindow, limit: 1 })
      assert.ok(next_cursor !== null)
      const cursor = next_cursor
      await ask({ cursor })
      for (const wrong of [
        { cursor, filter: { ...sampleWindow, code: 'USER_LOGIN' } },
        { cursor, order: 'oldest' as const },
        { cursor, stream: 'sys' as const },
        { cursor: `${cursor.slice(0, -6)}AAAAAA` },
        { cursor: 'bm9uZQ' },
        { cursor: 'eyJhIjoxfQ' },
      ])
        await assert.rejects(ask(wrong), { code: 'BAD_CURSOR' }, JSON.stringify(wrong))
    })

    it('an offset skips, and a limit out of range is refused', async ({ reader, append }) => {
      const drafts = samples()
      const sent = Array.from({ length: 6 }, () => drafts.audit())
      await append(sent)
      const { rows, next_cursor } = await reader.page({
        stream: 'audit',
        filter: sampleWindow,
        limit: 2,
        offset: 2,
      })
      assert.deepEqual(
        rows.map(({ id }) => id),
        [sent[3]?.id, sent[2]?.id],
      )
      const rest = await reader.page({
        stream: 'audit',
        filter: sampleWindow,
        limit: 10,
        cursor: next_cursor ?? '',
      })
      assert.deepEqual(
        rest.rows.map(({ id }) => id),
        [sent[1]?.id, sent[0]?.id],
      )
      for (const limit of [0, -1, 1001, 1.5, Number.NaN])
        await assert.rejects(reader.page({ stream: 'audit', filter: {}, limit }))
    })

    it('totals are exact, a lower bound, or unknown, and say which', async ({ reader, append }) => {
      const drafts = samples()
      await append(Array.from({ length: 12 }, () => drafts.sys()))
      const total = async (kind: 'none' | 'bounded' | 'exact'): Promise<unknown> => {
        const page = await reader.page({ stream: 'sys', filter: sampleWindow, limit: 5, total: kind })
        return [page.total, page.total_kind]
      }
      assert.deepEqual(await total('exact'), [12, 'exact'])
      assert.deepEqual(await total('bounded'), [12, 'exact'])
      assert.deepEqual(await total('none'), [null, 'unknown'])
    })

    it('every filter selects what it says', async ({ reader, append }) => {
      const drafts = samples()
      const trace_id = '0af7651916cd43dd8448eb211c80319c'
      const sent = {
        audit: [
          drafts.audit(),
          drafts.audit({
            code: 'ORDER_CANCELLED',
            action: 'order.cancel',
            severity: 'warn',
            outcome: 'denied',
            actor: 'bot',
            actor_kind: 'agent',
          }),
          drafts.audit({
            code: 'USER_LOGIN',
            action: 'login',
            domain: 'identity',
            category: 'session',
            method: 'ui',
            target: 'user/7',
            on_behalf_of: 'u-7',
            trace_id,
          }),
          drafts.audit({
            pii_in_detail: true,
            reason: 'asked',
            source_node_id: 'edge-2',
            service_id: 'billing',
          }),
        ],
        sys: [
          drafts.sys(),
          drafts.sys({ level: 'error', event: 'boom', logger: 'http', trace_id }),
          drafts.sys({ caused_by: 'evt-00112233445566778899' }),
        ],
        api: [
          drafts.api(),
          drafts.api({
            method: 'GET',
            path: '/orders/42',
            route: '/orders/:id',
            status: 502,
            actor: 'u-42',
            error: 'timeout',
          }),
        ],
      }
      await append([...sent.audit, ...sent.sys, ...sent.api])
      const cases: readonly [StreamName, ScanFilter, (row: Draft) => boolean][] = [
        ['audit', { code: 'ORDER_PLACED' }, is('code', 'ORDER_PLACED')],
        ['audit', { code: 'ORDER_*' }, starts('code', 'ORDER_')],
        ['audit', { action: 'order.*' }, starts('action', 'order.')],
        ['audit', { severity: 'warn' }, is('severity', 'warn')],
        ['audit', { outcome: 'denied' }, is('outcome', 'denied')],
        ['audit', { actor: 'bot' }, is('actor', 'bot')],
        ['audit', { actor_kind: 'agent' }, is('actor_kind', 'agent')],
        ['audit', { domain: 'identity' }, is('domain', 'identity')],
        ['audit', { category: 'session' }, is('category', 'session')],
        ['audit', { method: 'ui' }, is('method', 'ui')],
        ['audit', { target: 'user/7' }, is('target', 'user/7')],
        ['audit', { on_behalf_of: 'u-7' }, is('on_behalf_of', 'u-7')],
        ['audit', { has: ['pii_in_detail'] }, is('pii_in_detail', true)],
        ['audit', { has: ['pii_in_detail', 'reason'] }, is('reason', 'asked')],
        ['audit', { has: ['trace_id'] }, is('trace_id', trace_id)],
        ['audit', { source_node_id: 'edge-2' }, is('source_node_id', 'edge-2')],
        ['audit', { service_id: 'billing' }, is('service_id', 'billing')],
        ['audit', { request_id: 'req-1' }, is('request_id', 'req-1')],
        ['audit', { id: sent.audit[1]?.id ?? '' }, is('id', sent.audit[1]?.id)],
        ['audit', { code: 'ORDER_PLACED', outcome: 'denied' }, () => false],
        ['audit', { level: 'error' }, () => false],
        [
          'audit',
          { since: sent.audit[1]?.timestamp ?? '', until: sent.audit[2]?.timestamp ?? '' },
          (row) => row === sent.audit[1] || row === sent.audit[2],
        ],
        ['sys', { level: 'error' }, is('level', 'error')],
        ['sys', { event: 'boom' }, is('event', 'boom')],
        ['sys', { logger: 'http' }, is('logger', 'http')],
        ['sys', { trace_id }, is('trace_id', trace_id)],
        ['sys', { has: ['caused_by'] }, is('caused_by', 'evt-00112233445566778899')],
        ['sys', { caused_by: ['evt-00112233445566778899'] }, is('caused_by', 'evt-00112233445566778899')],
        ['sys', { caused_by: ['evt-7', 'evt-8'] }, () => false],
        ['api', { method: 'GET' }, is('method', 'GET')],
        ['api', { path: '/orders/42' }, is('path', '/orders/42')],
        ['api', { route: '/orders/:id' }, is('route', '/orders/:id')],
        ['api', { status: 502 }, is('status', 502)],
        ['api', { actor: 'u-42' }, is('actor', 'u-42')],
        ['api', { has: ['error'] }, is('error', 'timeout')],
        [
          'audit',
          { not: [{ actor: 'bot' }, { code: 'USER_*' }] },
          left(is('actor', 'bot'), starts('code', 'USER_')),
        ],
        ['sys', { not: [{ has: ['caused_by'] }] }, left(is('caused_by', 'evt-00112233445566778899'))],
        ['api', { not: [{ status: 502 }] }, left(is('status', 502))],
      ]
      for (const [stream, filter, passes] of cases) {
        const { rows } = await reader.page({ stream, filter: { ...sampleWindow, ...filter }, limit: 100 })
        const expected = sent[stream].filter((draft) => passes(draft)).map(({ id }) => id)
        assert.deepEqual(
          rows.map(({ id }) => id).toSorted(),
          expected.toSorted(),
          `${stream} ${JSON.stringify(filter)}`,
        )
      }
    })

    it('text is found whatever its case, as words, as JSON, and with backslashes', async ({
      reader,
      append,
    }) => {
      const drafts = samples()
      const [one, two, three] = [
        drafts.sys({ fields: { note: 'Refund FAILED' } }),
        drafts.sys({ fields: { path: 'C:\\temp' } }),
        drafts.sys({ fields: { qty: 3, rate: '100%_' } }),
      ]
      await append([one, two, three])
      const ids = async (text: string): Promise<unknown> =>
        (
          await reader.page({ stream: 'sys', filter: { ...sampleWindow, text }, limit: 10, total: 'none' })
        ).rows.map(({ id }) => id)
      assert.deepEqual(await ids('refund failed'), [one.id])
      assert.deepEqual(await ids('C:\\TEMP'), [two.id])
      assert.deepEqual(await ids('"qty":3'), [three.id])
      assert.deepEqual(await ids('100%_'), [three.id])
      assert.deepEqual(await ids('100%%'), [])
      assert.deepEqual(await ids('nowhere'), [])
    })

    it('a text search pages through all of its matches', async ({ reader, append }) => {
      const drafts = samples()
      const sent = Array.from({ length: 30 }, (_, index) =>
        drafts.sys({ fields: { note: index % 3 === 0 ? 'needle' : 'straw' } }),
      )
      await append(sent)
      const seen: string[] = []
      let cursor: string | null = null
      do {
        const page: { rows: readonly ReaderRow[]; next_cursor: string | null } = await reader.page({
          stream: 'sys',
          filter: { ...sampleWindow, text: 'NEEDLE' },
          limit: 3,
          total: 'none',
          ...(cursor === null ? {} : { cursor }),
        })
        seen.push(...page.rows.map(({ id }) => id))
        cursor = page.next_cursor
      } while (cursor !== null)
      assert.deepEqual(
        seen,
        sent
          .filter((_, index) => index % 3 === 0)
          .map(({ id }) => id)
          .toReversed(),
      )
    })

    it('a thread joins the streams in the order of the process, whatever its clock did', async ({
      reader,
      append,
    }) => {
      const drafts = samples()
      const other = samples({ source_node_id: 'edge-9', boot_id: '00000000000000ff' })
      const request_id = '4f1c2a9be07d'
      const story = [
        drafts.sys({ request_id, timestamp: sampleTime(500) }),
        drafts.audit({ request_id, timestamp: sampleTime(510) }),
        // The clock stepped back.
        drafts.sys({ request_id, timestamp: sampleTime(100) }),
        drafts.api({ request_id, timestamp: sampleTime(520) }),
      ]
      const elsewhere = other.audit({ request_id, timestamp: sampleTime(515) })
      await append([...story, elsewhere, drafts.audit({ request_id: 'another' })])
      const thread = await reader.thread(request_id)
      const order = thread.rows.map(({ id }) => id)
      assert.deepEqual(
        order.filter((id) => id !== elsewhere.id),
        story.map(({ id }) => id),
      )
      assert.ok(order.includes(elsewhere.id))
      assert.deepEqual(thread.counts, { audit: 2, sys: 2, api: 1 })
      assert.deepEqual(thread.totals, { audit: 2, sys: 2, api: 1 })
      assert.deepEqual(thread.truncated, { audit: false, sys: false, api: false })
      const cut = await reader.thread(request_id, 1)
      assert.deepEqual(
        [cut.counts, cut.truncated],
        [
          { audit: 1, sys: 1, api: 1 },
          { audit: true, sys: true, api: false },
        ],
      )
    })

    it('one row is found by its id, and by its place', async ({ reader, append }) => {
      const drafts = samples()
      const sent = [drafts.audit(), drafts.sys(), drafts.api()]
      await append(sent)
      for (const draft of sent) {
        const row = await reader.row({ id: draft.id })
        assert.ok(row !== null && row.verification !== 'expired')
        assert.deepEqual(draftOf(row), draft)
        if (!isChained) continue
        const { log, monotonic_seq } = row
        assert.deepEqual(await reader.row({ log, monotonic_seq }), row)
        assert.equal(await reader.row({ log, monotonic_seq: monotonic_seq + 1000 }), null)
      }
    })

    it('sources are counted where the rows came from', async ({ reader, append }) => {
      const [one, two] = [samples(), samples({ source_node_id: 'edge-2', boot_id: '00000000000000cc' })]
      const sent = [one.audit(), one.audit(), one.sys(), two.audit()]
      await append(sent)
      const sources = await reader.topology(sampleWindow.since, sampleWindow.until)
      assert.deepEqual(sources, [
        {
          source_node_id: 'edge-1',
          service_id: 'gateway',
          tenant_id: tenant_id ?? null,
          rows: 3,
          first_seen: sent[0]?.timestamp,
          last_seen: sent[2]?.timestamp,
        },
        {
          source_node_id: 'edge-2',
          service_id: 'gateway',
          tenant_id: tenant_id ?? null,
          rows: 1,
          first_seen: sent[3]?.timestamp,
          last_seen: sent[3]?.timestamp,
        },
      ])
    })

    it('logs, verdict and report agree', async ({ reader, append }) => {
      const drafts = samples()
      await append([drafts.audit(), drafts.audit(), drafts.sys()])
      const [logs, verdict, report] = [await reader.logs(), await reader.verify({}), await reader.doctor()]
      assert.equal(report.store.reachable, true)
      if (!isChained) {
        assert.deepEqual([logs, verdict.verdict, report.chain.breaks], [[], 'INCOMPLETE', null])
        return
      }
      const size = logs.reduce((sum, log) => sum + log.size, 0)
      assert.deepEqual(
        logs.map(({ stream }) => stream),
        ['audit', 'sys'],
      )
      assert.deepEqual(
        [verdict.verdict, verdict.rows_checked, verdict.logs.map(({ log }) => log)],
        ['PASS', size, logs.map(({ log }) => log)],
      )
      assert.deepEqual(
        [report.store.rows, report.chain.verified, report.chain.breaks, report.chain.reason],
        [size, size, 0, null],
      )
      const [audit] = logs
      const part = await reader.verify({ log: audit?.log ?? '', from_seq: 1, to_seq: 1 })
      assert.deepEqual([part.verdict, part.rows_checked], ['PASS', 1])
      const sys = await reader.verify({ stream: 'sys' })
      assert.deepEqual(
        sys.logs.map(({ log }) => log),
        [logs[1]?.log],
      )
      const none = await reader.verify({ log: '_/no/where/audit' })
      assert.deepEqual(
        [none.verdict, none.rows_checked, none.notes],
        ['INCOMPLETE', 0, ['the store holds no log named "_/no/where/audit"']],
      )
    })

    it('a row that was emitted and is not here is told, and is no damage', async ({ reader, append }) => {
      if (!isChained) return
      const drafts = samples({ boot_id: '00000000000000ab' })
      const emitted = [
        drafts.audit(),
        drafts.sys(),
        drafts.audit(),
        drafts.sys(),
        drafts.api(),
        drafts.audit(),
      ]
      await append(emitted.filter((_, index) => index !== 2 && index !== 4))
      const { verdict, emission, notes } = await reader.verify({})
      assert.equal(verdict, 'PASS')
      assert.equal((await reader.verify({ stream: 'audit' })).emission, undefined, 'a part cannot know')
      // Numbers run over all tenants, so who sees one tenant only cannot tell a hole from a neighbour.
      if (tenant_id !== undefined) return assert.equal(emission, undefined)
      const gap = {
        boot_id: '00000000000000ab',
        rows_emitted: 6,
        rows_missing: 2,
        stretches: [
          { from_boot_seq: 2, to_boot_seq: 2 },
          { from_boot_seq: 4, to_boot_seq: 4 },
        ],
      }
      assert.deepEqual(emission, {
        boots: 1,
        rows_emitted: 6,
        rows_missing: 2,
        gaps_total: 1,
        gaps: [gap],
      })
      assert.ok(
        notes.includes(
          '2 of 6 rows that boot 00000000000000ab emitted are not in this store: refused, in quarantine, in a spool, or stored elsewhere',
        ),
        notes.join('\n'),
      )
    })

    it('a tail shows each new row of its streams once, in order', async ({ reader, append }) => {
      const drafts = samples()
      await append([drafts.audit(), drafts.sys()])
      const tail = follow(reader, { streams: ['audit', 'sys'], filter: {} })
      await tail.ready
      const sent = [drafts.audit(), drafts.sys(), drafts.api(), drafts.audit()]
      for (const draft of sent) await append([draft])
      await tail.until(3)
      assert.deepEqual(
        tail.ids().toSorted(),
        sent
          .filter(({ stream }) => stream !== 'api')
          .map(({ id }) => id)
          .toSorted(),
      )
      const audit = tail.rows().filter(({ stream }) => stream === 'audit')
      assert.deepEqual(
        audit.map(({ id }) => id),
        [sent[0]?.id, sent[3]?.id],
      )
      for (const row of tail.rows()) assert.equal(row.verification, isChained ? 'verified' : 'ring')
      await tail.stop()
    })

    it('a tail starts with a backlog and obeys its filter', async ({ reader, append }) => {
      const drafts = samples()
      const before = Array.from({ length: 5 }, (_, index) =>
        drafts.audit({ outcome: index % 2 === 0 ? 'denied' : 'success' }),
      )
      await append(before)
      const filter = { outcome: 'denied', not: [{ target: 'left out' }] }
      const tail = follow(reader, { streams: ['audit'], filter, backlog: 2 })
      await tail.until(2)
      await append([
        drafts.audit(),
        drafts.audit({ outcome: 'denied', target: 'left out' }),
        drafts.audit({ outcome: 'denied', target: 'last' }),
      ])
      await tail.until(3)
      assert.deepEqual(tail.ids().slice(0, 2), [before[2]?.id, before[4]?.id])
      const last = tail.rows()[2]
      assert.equal(last?.stream === 'audit' && last.target, 'last')
      await tail.stop()
    })

    it('a tail taken up again loses and repeats nothing, wherever it broke off', async ({
      reader,
      append,
    }) => {
      const drafts = samples()
      const query = { streams: ['audit', 'sys'] as const, filter: {} }
      const first = follow(reader, query)
      await first.ready
      const sent: Draft[] = []
      for (let turn = 0; turn < 6; turn++) {
        const batch = [drafts.audit(), drafts.sys(), drafts.sys()]
        sent.push(...batch)
        await append(batch)
      }
      await first.until(sent.length)
      await first.stop()
      const whole = first.events()
      for (const [index, { id }] of whole.entries()) {
        if (index % 5 !== 0) continue
        const again = follow(reader, { ...query, resume: id })
        await again.until(whole.length - index - 1)
        await again.stop()
        const seen = [...whole.slice(0, index + 1), ...again.events()].map(({ row }) => row.id)
        assert.deepEqual(seen.toSorted(), sent.map((draft) => draft.id).toSorted(), `resumed after ${index}`)
      }
    })

    it('a tail that saw no row yet can be taken up again too', async ({ reader, append }) => {
      const drafts = samples()
      const first = follow(reader, { streams: ['audit'], filter: {} })
      const place = await first.ready
      await first.stop()
      const missed = drafts.audit()
      await append([missed])
      const again = follow(reader, { streams: ['audit'], filter: {}, resume: place })
      await again.until(1)
      assert.deepEqual(again.ids(), [missed.id])
      await again.stop()
    })

    it('a resume token of another tail is refused', async ({ reader, append }) => {
      const drafts = samples()
      await append([drafts.audit()])
      const tail = follow(reader, { streams: ['audit'], filter: {} })
      const resume = await tail.ready
      await tail.stop()
      for (const wrong of [
        { streams: ['sys'] as const, filter: {}, resume },
        { streams: ['audit'] as const, filter: { code: 'A' }, resume },
        { streams: ['audit'] as const, filter: {}, resume: 'bm9uZQ' },
      ]) {
        const refused = follow(reader, wrong)
        await assert.rejects(refused.until(1), { code: 'BAD_CURSOR' })
        await refused.stop()
      }
    })

    it('a tail ends quietly when it is called off', async ({ reader }) => {
      const tail = follow(reader, { streams, filter: {} })
      await tail.ready
      await tail.stop()
      assert.deepEqual(tail.events(), [])
    })
  })
}

/** A tail that runs on its own and can be waited for. Rows that a store writes of its own accord are left out. */
function follow(reader: Reader, query: Parameters<Reader['tail']>[0]) {
  const controller = new AbortController()
  const events: TailEvent[] = []
  const failures: Error[] = []
  let wake: () => void = () => {}
  let place: (id: string) => void = () => {}
  const ready = new Promise<string>((resolve) => (place = resolve))
  const run = async (): Promise<void> => {
    try {
      for await (const event of reader.tail({ ...query, onPlace: (id) => place(id) }, controller.signal)) {
        if (!isSample(event.row)) continue
        events.push(event)
        wake()
      }
    } catch (error) {
      failures.push(error instanceof Error ? error : new TypeError(String(error)))
      wake()
    }
  }
  const done = run()
  return {
    /** Resolves with a resume token once the tail stands. */
    ready,
    async until(count: number): Promise<void> {
      while (events.length < count && failures.length === 0)
        await new Promise<void>((resolve) => (wake = resolve))
      const [failure] = failures
      if (failure !== undefined) throw failure
    },
    async stop(): Promise<void> {
      controller.abort()
      await done
    },
    events: (): readonly TailEvent[] => events,
    rows: (): readonly ReaderRow[] => events.map(({ row }) => row),
    ids: (): readonly string[] => events.map(({ row }) => row.id),
  }
}

const isSample = (row: ReaderRow): boolean => row.timestamp.startsWith('2031-03-01T')

/** The row without what the log and the reader added. */
function draftOf(row: ReaderRow): Draft {
  const {
    log: _log,
    monotonic_seq: _seq,
    prev_hash: _prev,
    hash: _hash,
    verification: _state,
    duration_ms: _ms,
    ...draft
  } = row
  return draft
}

function is(name: string, value: unknown): (draft: Draft) => boolean {
  return (draft) => (draft as unknown as Readonly<Record<string, unknown>>)[name] === value
}

function left(...out: readonly ((draft: Draft) => boolean)[]): (draft: Draft) => boolean {
  return (draft) => out.every((passes) => !passes(draft))
}

function starts(name: string, prefix: string): (draft: Draft) => boolean {
  return (draft) => String((draft as unknown as Readonly<Record<string, unknown>>)[name]).startsWith(prefix)
}
