// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { draftText } from '../core/leaf.ts'
import { streams, type Clean, type Draft, type Row, type StreamName } from '../core/row.ts'
import { matches } from '../store/matches.ts'
import type { RowSource, ScanFilter, ScanQuery, StoredRow } from '../store/ports.ts'
import { createSampleDrafts, sampleTime } from './sample-drafts.ts'

export interface SourceUnderTest {
  readonly source: RowSource
  /** Adds rows behind those that are there. */
  add(drafts: readonly Draft[]): Promise<void>
  close(): Promise<void>
}

/** What every `RowSource` promises about scanning, whether or not its rows are stored. */
export function describeSource(name: string, open: (drafts: readonly Draft[]) => Promise<SourceUnderTest>): void {
  const it = (title: string, work: (under: SourceUnderTest) => Promise<void>): void => {
    test(title, async () => {
      const under = await open(assorted())
      try {
        await work(under)
      } finally {
        await under.close()
      }
    })
  }

  describe(`source contract: ${name}`, () => {
    it('a filter passes exactly the rows it means, in every order', async ({ source }) => {
      const all = await everything(source)
      await fc.assert(fc.asyncProperty(anyQuery, async ({ stream, filter, order }) => {
        const found = await source.scan({ stream, filter, order, limit: 10_000 })
        const expected = all[stream].filter((stored) => passes(filter, stored)).toSorted(comparison(order))
        assert.deepEqual(found.map(idOf), expected.map(idOf))
        assert.equal(await source.count(stream, filter, 10_000), expected.length)
      }), { numRuns: 150 })
    })

    it('pages by the last row seen join up to the whole, while rows are added', async ({ source, add }) => {
      const late = createSampleDrafts({ boot_id: '00000000000000f9' })
      for (const order of ['newest', 'oldest', 'stored'] as const) {
        const whole = (await source.scan({ stream: 'audit', order, limit: 10_000 })).map(idOf)
        const seen: string[] = []
        let after: ScanQuery['after']
        for (;;) {
          const page: readonly StoredRow[] = await source.scan({ stream: 'audit', order, limit: 7, ...(after === undefined ? {} : { after }) })
          seen.push(...page.map(idOf))
          const last = page.at(-1)
          if (last === undefined) break
          after = { timestamp: last.sorted_at ?? last.row.timestamp, position: last.position }
          // Before, among and behind what is being paged through.
          if (seen.length < 40) await add([1, 25, 90].map((micros) => late.audit({ timestamp: sampleTime(micros) })))
        }
        assert.equal(new Set(seen).size, seen.length, `${order}: a row came twice`)
        const before = new Set(whole)
        assert.deepEqual(seen.filter((id) => before.has(id)), whole, order)
      }
    })

    it('a filter may be combined with paging, offset and limit', async ({ source }) => {
      const filter = { code: 'ORDER_*' }
      const whole = (await source.scan({ stream: 'audit', filter, order: 'newest', limit: 10_000 })).map(idOf)
      assert.ok(whole.length > 12)
      const skipped = await source.scan({ stream: 'audit', filter, order: 'newest', offset: 5, limit: 4 })
      assert.deepEqual(skipped.map(idOf), whole.slice(5, 9))
      const last = skipped.at(-1)
      const after = { timestamp: last?.row.timestamp ?? '', position: last?.position ?? 0 }
      const next = await source.scan({ stream: 'audit', filter, order: 'newest', after, offset: 1, limit: 3 })
      assert.deepEqual(next.map(idOf), whole.slice(10, 13))
    })

    it('counting gives up where it is told, and only there', async ({ source }) => {
      const rows = (await source.scan({ stream: 'sys', order: 'stored', limit: 10_000 })).length
      assert.deepEqual(
        [await source.count('sys', {}, rows), await source.count('sys', {}, rows - 1), await source.count('sys', {}, Infinity)], [rows, null, rows])
    })

    it('the newest position is that of the newest row', async ({ source, add }) => {
      for (const stream of streams) {
        const rows = await source.scan({ stream, order: 'stored', limit: 10_000 })
        assert.equal(await source.position(stream), rows.at(-1)?.position)
      }
      const before = await source.position('api')
      await add([createSampleDrafts({ boot_id: '00000000000000f8' }).api()])
      assert.ok((await source.position('api')) > before)
      assert.deepEqual(await source.scan({ stream: 'api', filter: { after_position: await source.position('api') }, order: 'stored', limit: 5 }), [])
    })

    it('sources are summed up over a window', async ({ source }) => {
      const all = await everything(source)
      const [since, until] = [sampleTime(10), sampleTime(60)]
      const inside = all.audit.filter(({ row }) => row.timestamp >= since && row.timestamp <= until)
      const summary = await source.summary('audit', since, until)
      assert.equal(summary.reduce((sum, { rows }) => sum + rows, 0), inside.length)
      for (const { tenant_id, service_id, source_node_id, rows, first_seen, last_seen } of summary) {
        const own = inside.filter(({ row }) =>
          row.service_id === service_id && row.source_node_id === source_node_id && (row.tenant_id ?? null) === tenant_id)
        const times = own.map(({ row }) => row.timestamp).toSorted()
        assert.deepEqual([rows, first_seen, last_seen], [own.length, times[0], times.at(-1)])
      }
      const total = await source.summary('audit', undefined, undefined)
      assert.equal(total.reduce((sum, { rows }) => sum + rows, 0), all.audit.length)
    })
  })
}

/** Rows that differ in everything a filter looks at, with colliding times and several sources. */
function assorted(): Draft[] {
  const sources = [
    createSampleDrafts({ boot_id: '00000000000000f1' }),
    createSampleDrafts({ boot_id: '00000000000000f2', source_node_id: 'edge-2', tenant_id: 'acme' }),
    createSampleDrafts({ boot_id: '00000000000000f3', service_id: 'billing', tenant_id: 'Acme' }),
  ]
  return Array.from({ length: 150 }, (_, index): Draft => {
    const pick = <T>(values: readonly T[], stride: number): T => values[Math.floor(index / stride) % values.length] as T
    const samples = pick(sources, 1)
    const timestamp = sampleTime((index * 7) % 83)
    const request_id = pick(words.request_id, 2)
    const traced = index % 4 === 0 ? { trace_id: pick(words.trace_id, 3) } : {}
    if (index % 5 === 3) {
      return samples.sys({
        timestamp, request_id, ...traced, level: pick(['info', 'error'], 3), event: pick(words.event, 2),
        fields: { note: pick(words.text, 2) }, ...(index % 3 === 0 ? { caused_by: 'evt-00112233445566778899' } : {}),
      })
    }
    if (index % 5 === 4) {
      return samples.api({
        timestamp, request_id, ...traced, method: pick(['GET', 'POST'], 2), path: pick(words.path, 3), status: pick([200, 404, 502], 2),
        ...(index % 3 === 0 ? { actor: pick(words.actor, 2), error: 'timeout' } : {}),
      })
    }
    return samples.audit({
      timestamp, request_id, ...traced, code: pick(words.code, 1), action: pick(words.action, 2), actor: pick(words.actor, 3),
      severity: pick(['info', 'warn'], 4), outcome: pick(['success', 'denied'], 2), target: pick(words.path, 2),
      detail: { note: pick(words.text, 1), '10': index }, ...(index % 6 === 0 ? { pii_in_detail: true as const, reason: pick(words.text, 3) } : {}),
    })
  })
}

const words = {
  request_id: ['req-1', 'req-2', 'boot-aa'],
  trace_id: ['0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203331b7ad6b7169203331'],
  code: ['ORDER_PLACED', 'ORDER_CANCELLED', 'ORDERLY', 'USER_LOGIN', 'order_placed'],
  action: ['order.place', 'order.cancel', 'login', 'order%', 'order_x'],
  actor: ['u-1', 'U-1', 'ünal', "o'hara", ''],
  event: ['boom', 'started'],
  path: ['/a', '/a/b', '/ä*', '/100%'],
  text: ['Refund FAILED', 'refund failed', 'Überweisung ÜBER', '100%_done', "it's; DROP TABLE audit_log", 'back\\slash "quoted"', ''],
} as const

const maybe = <T>(values: readonly T[]): fc.Arbitrary<T | undefined> => fc.option(fc.constantFrom(...values), { nil: undefined, freq: 1 })

/** Mostly one or two members, so that rows are left over. */
const anyFilter: fc.Arbitrary<ScanFilter> = fc.subarray<keyof ScanFilter>([
  'request_id', 'trace_id', 'tenant_id', 'service_id', 'source_node_id', 'log', 'since', 'until', 'after_position', 'text', 'code', 'action',
  'severity', 'actor', 'target', 'outcome', 'has', 'level', 'event', 'method', 'path', 'status',
], { maxLength: 3 }).chain((names) => fc.record({
  request_id: maybe(words.request_id), trace_id: maybe(words.trace_id), tenant_id: maybe(['acme', 'Acme', 'nobody']),
  service_id: maybe(['gateway', 'billing']), source_node_id: maybe(['edge-1', 'edge-2']),
  log: maybe(['_/gateway/edge-1/audit', 'acme/gateway/edge-2/sys', '_/no/where/audit']),
  since: maybe([10, 40].map(sampleTime)), until: maybe([40, 60].map(sampleTime)), after_position: maybe([0, 20, 1000]),
  text: maybe(['refund', 'FAILED', 'über', 'Über', '100%', '_', "';", '\\', '"code":"ORDER', '', 'k']),
  code: maybe([...words.code, 'ORDER_*', 'ORDER*', '*', 'O%*', 'none*']), action: maybe([...words.action, 'order.*', 'order*', 'order_*']),
  severity: maybe(['info', 'warn']), actor: maybe(words.actor), target: maybe(words.path), outcome: maybe(['success', 'denied']),
  has: maybe([['trace_id'], ['pii_in_detail', 'reason'], ['caused_by'], ['detail'], ['tenant_id'], ['no_such'], ['__proto__'], ['a"b'], []]),
  level: maybe(['info', 'error']), event: maybe(words.event), method: maybe(['GET', 'http']), path: maybe(words.path), status: maybe([200, 404]),
}).map((values) => Object.fromEntries(names.flatMap((name) => {
  const value = values[name as keyof typeof values]
  return value === undefined ? [] : [[name, value]]
}))))

const anyQuery = fc.record({
  stream: fc.constantFrom<StreamName>('audit', 'audit', 'sys', 'api'),
  filter: anyFilter,
  order: fc.constantFrom<ScanQuery['order']>('newest', 'oldest', 'stored'),
})

async function everything(source: RowSource): Promise<Record<StreamName, readonly StoredRow[]>> {
  const scan = (stream: StreamName): Promise<readonly StoredRow[]> => source.scan({ stream, order: 'stored', limit: 10_000 })
  return { audit: await scan('audit'), sys: await scan('sys'), api: await scan('api') }
}

function passes(filter: ScanFilter, { row, leaf, position }: StoredRow): boolean {
  return matches(filter, { row, position, leafText: () => leaf ?? textWithoutPlace(row) })
}

function textWithoutPlace({ log: _log, monotonic_seq: _seq, prev_hash: _prev, ...draft }: Row): string {
  return draftText(draft as Clean).replaceAll('\0', '')
}

function comparison(order: ScanQuery['order']): (a: StoredRow, b: StoredRow) => number {
  const keyOf = ({ row, position }: StoredRow): string => `${order === 'stored' ? '' : row.timestamp} ${String(position).padStart(16, '0')}`
  const sign = order === 'newest' ? -1 : 1
  return (a, b) => sign * (keyOf(a) < keyOf(b) ? -1 : keyOf(a) > keyOf(b) ? 1 : 0)
}

const idOf = ({ row }: StoredRow): string => row.id
