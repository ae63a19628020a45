// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { draftText } from '../core/leaf.ts'
import { streams, type Clean, type Draft, type Row, type StreamName } from '../core/row.ts'
import { matches } from '../store/matches.ts'
import type { Exclusion, RowSource, ScanFilter, ScanQuery, StoredRow } from '../store/ports.ts'
import { createSampleDrafts, sampleTime } from './sample-drafts.ts'

export interface SourceUnderTest {
  readonly source: RowSource
  /** Adds rows behind those that are there. */
  add(drafts: readonly Draft[]): Promise<void>
  close(): Promise<void>
}

/** What every `RowSource` promises about scanning, whether or not its rows are stored. */
export function describeSource(
  name: string,
  open: (drafts: readonly Draft[]) => Promise<SourceUnderTest>,
): void {
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
      const choose = createChoice(20_310_301)
      for (let round = 0; round < 200; round++) {
        const query = anyQuery(choose)
        const { stream, filter, order } = query
        const found = await source.scan({ ...query, limit: 10_000 })
        const expected = all[stream].filter((stored) => passes(filter, stored)).toSorted(comparison(order))
        assert.deepEqual(found.map(idOf), expected.map(idOf), `round ${round}: ${JSON.stringify(query)}`)
        assert.equal(await source.count(stream, filter, 10_000), expected.length)
      }
    })

    it('what is selected and what is left are all rows', async ({ source }) => {
      const { not: _, ...single } = wanted
      for (const stream of streams) {
        const all = (await source.scan({ stream, order: 'stored', limit: 10_000 })).map(idOf)
        for (const [member, values] of Object.entries(single)) {
          for (const value of values.slice(0, 3)) {
            const one: Exclusion = { [member]: value }
            const [passed, left] = await Promise.all(
              [one, { not: [one] }].map((filter) =>
                source.scan({ stream, filter, order: 'stored', limit: 10_000 }),
              ),
            )
            assert.deepEqual(
              left?.map(idOf),
              all.filter((id) => passed?.every(({ row }) => row.id !== id)),
              `${stream} ${JSON.stringify(one)}`,
            )
          }
        }
      }
    })

    it('pages by the last row seen join up to the whole, while rows are added', async ({ source, add }) => {
      const late = createSampleDrafts({ boot_id: '00000000000000f9' })
      for (const order of ['newest', 'oldest', 'stored'] as const) {
        const whole = (await source.scan({ stream: 'audit', order, limit: 10_000 })).map(idOf)
        const seen: string[] = []
        let after: ScanQuery['after']
        for (;;) {
          const page: readonly StoredRow[] = await source.scan({
            stream: 'audit',
            order,
            limit: 7,
            ...(after === undefined ? {} : { after }),
          })
          seen.push(...page.map(idOf))
          const last = page.at(-1)
          if (last === undefined) break
          after = { timestamp: last.sorted_at ?? last.row.timestamp, position: last.position }
          // Before, among and behind what is being paged through.
          if (seen.length < 40)
            await add([1, 25, 90].map((micros) => late.audit({ timestamp: sampleTime(micros) })))
        }
        assert.equal(new Set(seen).size, seen.length, `${order}: a row came twice`)
        const before = new Set(whole)
        assert.deepEqual(
          seen.filter((id) => before.has(id)),
          whole,
          order,
        )
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
        [
          await source.count('sys', {}, rows),
          await source.count('sys', {}, rows - 1),
          await source.count('sys', {}, Infinity),
        ],
        [rows, null, rows],
      )
    })

    it('the newest position is that of the newest row', async ({ source, add }) => {
      for (const stream of streams) {
        const rows = await source.scan({ stream, order: 'stored', limit: 10_000 })
        assert.equal(await source.position(stream), rows.at(-1)?.position)
      }
      const before = await source.position('api')
      await add([createSampleDrafts({ boot_id: '00000000000000f8' }).api()])
      assert.ok((await source.position('api')) > before)
      assert.deepEqual(
        await source.scan({
          stream: 'api',
          filter: { after_position: await source.position('api') },
          order: 'stored',
          limit: 5,
        }),
        [],
      )
    })

    it('sources are summed up over a window', async ({ source }) => {
      const all = await everything(source)
      const [since, until] = [sampleTime(10), sampleTime(60)]
      const inside = all.audit.filter(({ row }) => row.timestamp >= since && row.timestamp <= until)
      const summary = await source.summary('audit', since, until)
      assert.equal(
        summary.reduce((sum, { rows }) => sum + rows, 0),
        inside.length,
      )
      for (const { tenant_id, service_id, source_node_id, rows, first_seen, last_seen } of summary) {
        const own = inside.filter(
          ({ row }) =>
            row.service_id === service_id &&
            row.source_node_id === source_node_id &&
            (row.tenant_id ?? null) === tenant_id,
        )
        const times = own.map(({ row }) => row.timestamp).toSorted()
        assert.deepEqual([rows, first_seen, last_seen], [own.length, times[0], times.at(-1)])
      }
      const total = await source.summary('audit', undefined, undefined)
      assert.equal(
        total.reduce((sum, { rows }) => sum + rows, 0),
        all.audit.length,
      )
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
    const pick = <T>(values: readonly T[], stride: number): T =>
      values[Math.floor(index / stride) % values.length] as T
    const samples = pick(sources, 1)
    const timestamp = sampleTime((index * 7) % 83)
    const request_id = pick(words.request_id, 2)
    const traced = index % 4 === 0 ? { trace_id: pick(words.trace_id, 3) } : {}
    if (index % 5 === 3) {
      return samples.sys({
        timestamp,
        request_id,
        ...traced,
        level: pick(['info', 'error'], 3),
        event: pick(words.event, 2),
        fields: { note: pick(words.text, 2) },
        ...(index % 3 === 0 ? { caused_by: 'evt-00112233445566778899' } : {}),
      })
    }
    if (index % 5 === 4) {
      return samples.api({
        timestamp,
        request_id,
        ...traced,
        method: pick(['GET', 'POST'], 2),
        path: pick(words.path, 3),
        status: pick([200, 404, 502], 2),
        ...(index % 3 === 0 ? { actor: pick(words.actor, 2), error: 'timeout' } : {}),
      })
    }
    return samples.audit({
      timestamp,
      request_id,
      ...traced,
      code: pick(words.code, 1),
      action: pick(words.action, 2),
      actor: pick(words.actor, 3),
      severity: pick(['info', 'warn'], 4),
      outcome: pick(['success', 'denied'], 2),
      target: pick(words.path, 2),
      detail: { note: pick(words.text, 1), '10': index },
      ...(index % 6 === 0 ? { pii_in_detail: true as const, reason: pick(words.text, 3) } : {}),
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
  text: [
    'Refund FAILED',
    'refund failed',
    'Überweisung ÜBER',
    '100%_done',
    "it's; DROP TABLE audit_log",
    'back\\slash "quoted"',
    '',
  ],
} as const

/** What each member may be asked for: values that occur, that nearly occur, and that do not. */
const wanted = {
  request_id: words.request_id,
  trace_id: words.trace_id,
  tenant_id: ['acme', 'Acme', 'nobody'],
  service_id: ['gateway', 'billing'],
  source_node_id: ['edge-1', 'edge-2'],
  log: ['_/gateway/edge-1/audit', 'acme/gateway/edge-2/sys', '_/no/where/audit'],
  since: [sampleTime(10), sampleTime(40)],
  until: [sampleTime(40), sampleTime(60)],
  after_position: [0, 20, 1000],
  text: ['refund', 'FAILED', 'über', 'Über', '100%', '_', "';", '\\', '"code":"ORDER', '', 'k'],
  code: [...words.code, 'ORDER_*', 'ORDER*', '*', 'O%*', 'none*'],
  action: [...words.action, 'order.*', 'order*', 'order_*'],
  severity: ['info', 'warn'],
  actor: words.actor,
  target: words.path,
  outcome: ['success', 'denied'],
  has: [
    ['trace_id'],
    ['pii_in_detail', 'reason'],
    ['caused_by'],
    ['detail'],
    ['tenant_id'],
    ['no_such'],
    ['__proto__'],
    ['a"b'],
    [],
  ],
  level: ['info', 'error'],
  event: words.event,
  method: ['GET', 'http'],
  path: words.path,
  status: [200, 404],
  not: [
    [],
    [{}],
    [{ code: 'ORDER_*' }, { outcome: 'denied' }],
    [{ actor: 'ünal' }, { level: 'info' }],
    [{ log: 'acme/gateway/edge-2/sys' }],
    [{ has: ['tenant_id', 'trace_id'] }],
    [{ status: 404 }],
    [{ actor: 'u\0' }],
  ],
} as const satisfies { readonly [N in keyof ScanFilter]: readonly unknown[] }

type Choose = <T>(values: readonly T[]) => T

/** Up to three members, so that rows are left over. */
function anyQuery(choose: Choose): { stream: StreamName; filter: ScanFilter; order: ScanQuery['order'] } {
  const names = [0, 1, 2]
    .slice(0, choose([0, 1, 1, 2, 2, 3]))
    .map(() => choose(Object.keys(wanted) as (keyof typeof wanted)[]))
  return {
    stream: choose(['audit', 'audit', 'sys', 'api']),
    filter: Object.fromEntries(names.map((name) => [name, choose<unknown>(wanted[name])])),
    order: choose(['newest', 'oldest', 'stored']),
  }
}

/** The same choices in every run (Lehmer's generator), so that a failure can be looked at again. */
function createChoice(seed: number): Choose {
  let state = seed
  return <T>(values: readonly T[]): T => {
    state = (state * 48_271) % 2_147_483_647
    return values[state % values.length] as T
  }
}

async function everything(source: RowSource): Promise<Record<StreamName, readonly StoredRow[]>> {
  const scan = (stream: StreamName): Promise<readonly StoredRow[]> =>
    source.scan({ stream, order: 'stored', limit: 10_000 })
  return { audit: await scan('audit'), sys: await scan('sys'), api: await scan('api') }
}

function passes(filter: ScanFilter, { row, leaf, position }: StoredRow): boolean {
  return matches(filter, { row, position, leafText: () => leaf ?? textWithoutPlace(row) })
}

function textWithoutPlace({ log: _log, monotonic_seq: _seq, prev_hash: _prev, ...draft }: Row): string {
  return draftText(draft as Clean).replaceAll('\0', '')
}

function comparison(order: ScanQuery['order']): (a: StoredRow, b: StoredRow) => number {
  const keyOf = ({ row, position }: StoredRow): string =>
    `${order === 'stored' ? '' : row.timestamp} ${String(position).padStart(16, '0')}`
  const sign = order === 'newest' ? -1 : 1
  return (a, b) => sign * (keyOf(a) < keyOf(b) ? -1 : keyOf(a) > keyOf(b) ? 1 : 0)
}

const idOf = ({ row }: StoredRow): string => row.id
