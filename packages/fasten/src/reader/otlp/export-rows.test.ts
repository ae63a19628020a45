// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { inspect } from 'node:util'
import { afterEach, beforeEach, describe, test } from 'node:test'
import type { FastenError } from '../../core/error.ts'
import type { Draft } from '../../core/row.ts'
import { createSampleDrafts } from '../../testing/sample-drafts.ts'
import { nodeReader } from '../adapters/node.ts'
import { openSqlite, readerOf, serveOn, type Opened } from '../fixtures/opened.ts'
import type { Reader } from '../reader.ts'
import { remoteReader } from '../remote.ts'
import { exportRows, type ExportCounts, type ExportCursor, type ExportOptions } from './export-rows.ts'
import { openCollector, type Collector } from './fixtures/collector.ts'

interface MemoryCursor extends ExportCursor {
  place: string | undefined
}

describe('exporting rows as OTLP logs', { timeout: 120_000 }, () => {
  let opened: Opened
  let reader: Reader
  let collector: Collector
  let cursor: MemoryCursor
  let stop: AbortController
  let troubles: FastenError[]
  const never = new AbortController().signal

  beforeEach(async () => {
    opened = await openSqlite()
    reader = readerOf(opened.sources)
    collector = await openCollector()
    stop = new AbortController()
    troubles = []
    cursor = memoryCursor()
  })
  afterEach(async () => {
    stop.abort()
    await reader.close()
    await collector.close()
    await opened.close()
    assert.deepEqual(collector.problems, [], 'everything that was sent has the form of the protocol')
  })

  const once = (more: Partial<ExportOptions> = {}, signal = never): Promise<ExportCounts> =>
    exportRows(
      {
        reader,
        cursor,
        url: collector.url,
        stopsAtEnd: true,
        onTrouble: (error) => troubles.push(error),
        ...more,
      },
      signal,
    )
  const store = async (count: number, boot_id = '00000000000000aa'): Promise<readonly string[]> => {
    const samples = createSampleDrafts({ boot_id })
    const drafts = Array.from({ length: count }, (_, at): Draft =>
      samples.of((['audit', 'sys', 'api'] as const)[at % 3] ?? 'audit'),
    )
    await opened.append(drafts)
    return drafts.map(({ id }) => id)
  }
  /** Ids of the application's rows, without those that the store wrote itself. */
  const ids = (): readonly unknown[] =>
    collector
      .taken()
      .filter(({ attributes }) => attributes['fasten.monotonic_seq'] !== 0)
      .map(({ attributes }) => attributes['log.record.uid'])

  test('a row of each stream says all that it says, under the names that others know', async () => {
    const samples = createSampleDrafts({ tenant_id: 'acme' })
    const trace = { trace_id: '4bf92f3577b34da6a3ce929d0e0e4736', span_id: '00f067aa0ba902b7' }
    const source = { ip: '203.0.113.7', user_agent: 'curl/8' }
    await opened.append([
      samples.audit({
        ...trace,
        source,
        severity: 'critical',
        outcome: 'denied',
        detail: { ok: true, price: 1.5, qty: 3, tags: ['a', null] },
      }),
      samples.sys({
        level: 'error',
        fields: { err: { message: 'too far', name: 'RangeError', stack: 'at x' }, took: 12 },
      }),
      samples.api({ source, status: 503, error: 'TypeError' }),
    ])
    await once()
    const [audit, api, sys] = collector
      .taken()
      .filter(({ attributes }) => attributes['fasten.monotonic_seq'] === 1)
    const heads = new Map((await reader.logs()).map(({ log, head_hash }) => [log, head_hash]))
    const common = (stream: string, seq: number): Record<string, unknown> => ({
      'log.record.uid': `evt-000000000AA${String(seq).padStart(15, '0')}`,
      'fasten.hash': heads.get(`acme/gateway/edge-1/${stream}`),
      'fasten.request_id': `req-${seq}`,
      'fasten.tenant_id': 'acme',
      'fasten.stream': stream,
      'fasten.log': `acme/gateway/edge-1/${stream}`,
      'fasten.monotonic_seq': 1,
      'fasten.boot_id': '00000000000000aa',
      'fasten.boot_seq': seq,
    })
    const resource = { 'service.name': 'gateway', 'service.instance.id': 'edge-1' }
    const withoutLink = (record: typeof audit): unknown => {
      const { 'fasten.prev_hash': link, ...attributes } = record?.attributes ?? {}
      assert.match(String(link), /^[0-9a-f]{64}$/)
      return { ...record, attributes }
    }
    const at = (micros: number): object => ({
      timeUnixNano: `1930089600${String(micros).padStart(6, '0')}000`,
      observedTimeUnixNano: `1930089600${String(micros).padStart(6, '0')}000`,
    })
    assert.deepEqual(withoutLink(audit), {
      ...at(0),
      severityNumber: 18,
      severityText: 'critical',
      eventName: 'ORDER_PLACED',
      body: 'u-42 ORDER_PLACED order/42 denied',
      traceId: trace.trace_id,
      spanId: trace.span_id,
      resource,
      scope: 'fasten',
      attributes: {
        ...common('audit', 0),
        'user.id': 'u-42',
        'client.address': '203.0.113.7',
        'user_agent.original': 'curl/8',
        'fasten.code': 'ORDER_PLACED',
        'fasten.action': 'order.place',
        'fasten.severity': 'critical',
        'fasten.domain': 'sales',
        'fasten.category': 'order',
        'fasten.actor': 'u-42',
        'fasten.actor_kind': 'user',
        'fasten.target': 'order/42',
        'fasten.method': 'http',
        'fasten.outcome': 'denied',
        'fasten.retention_class': 'medium',
        'fasten.detail': { qty: 3, price: 1.5, tags: ['a', null], ok: true },
      },
    })
    assert.deepEqual(withoutLink(sys), {
      ...at(1),
      severityNumber: 17,
      severityText: 'error',
      eventName: 'order_placed',
      body: 'order_placed',
      resource,
      scope: 'billing',
      attributes: {
        ...common('sys', 1),
        'exception.type': 'RangeError',
        'exception.message': 'too far',
        'exception.stacktrace': 'at x',
        'fasten.fields': { err: { name: 'RangeError', message: 'too far', stack: 'at x' }, took: 12 },
      },
    })
    assert.equal(api?.severityNumber, 17)
    assert.equal(api.eventName, 'fasten.access')
    const { attributes } = api
    assert.deepEqual(
      [attributes['http.response.status_code'], attributes['error.type'], attributes['client.address']],
      [503, 'TypeError', '203.0.113.7'],
    )
  })

  test('every row goes once, in batches, compressed; the next run sends what came since', async () => {
    const first = await store(30)
    const counts = await once({ batchRows: 8 })
    assert.deepEqual(ids().toSorted(), first.toSorted())
    assert.equal(counts.sent, collector.taken().length)
    assert.ok(collector.received.every(({ records }) => records.length <= 8))
    assert.equal(collector.received[0]?.headers['content-encoding'], 'gzip')
    const second = await store(4, '00000000000000ab')
    await once({ gzip: false })
    assert.deepEqual(ids().slice(first.length).toSorted(), second)
    assert.equal(collector.received.at(-1)?.headers['content-encoding'], undefined)
    assert.deepEqual(await once(), { sent: 0, refused: 0 })
  })

  test('it follows: what is stored later is sent later, until the signal aborts', async () => {
    const running = once({ stopsAtEnd: false, lingerMs: 10 }, stop.signal)
    const first = await store(2)
    await collector.until(() => ids().length === 2)
    const second = await store(2, '00000000000000ab')
    await collector.until(() => ids().length === 4)
    stop.abort()
    await running
    assert.deepEqual(ids(), [...first, ...second])
  })

  test('the first run can leave out what is there already', async () => {
    await store(3)
    const running = once({ stopsAtEnd: false, lingerMs: 10, from: 'now' }, stop.signal)
    // The place of the beginning is kept before the first row, so that a crash leaves nothing out.
    while (cursor.place === undefined) await new Promise(setImmediate)
    const later = await store(2, '00000000000000ab')
    await collector.until(() => ids().length === 2)
    stop.abort()
    await running
    assert.deepEqual(ids(), later)
  })

  test('a receiver that asks to wait, is away, or breaks off gets everything in the end', async () => {
    const answers = [
      { status: 429, headers: { 'retry-after': '0' } },
      {
        status: 503,
        headers: { date: 'Thu, 26 Nov 2026 10:00:00 GMT', 'retry-after': 'Thu, 26 Nov 2026 10:00:00 GMT' },
      },
      null,
    ]
    collector.reply = () => answers.shift()
    const stored = await store(3)
    const { sent } = await once()
    assert.equal(sent, collector.taken().length)
    assert.deepEqual(ids().toSorted(), stored.toSorted())
    assert.equal(collector.received.length, 4)
    assert.deepEqual(
      troubles.map(({ code }) => code),
      ['OTLP_UNREACHABLE'],
      'said once',
    )
  })

  test('a wait that the receiver asked for is kept, and ends with the signal; the cursor stays', async () => {
    collector.reply = () => ({ status: 429, headers: { 'retry-after': '3600' } })
    await store(1)
    const running = once({}, stop.signal)
    await collector.until(() => collector.received.length === 1)
    const { place } = cursor
    stop.abort()
    assert.deepEqual(await running, { sent: 0, refused: 0 })
    assert.equal(cursor.place, place)
    collector.reply = () => undefined
    await once()
    assert.equal(ids().length, 1)
  })

  test('rows that were taken while the cursor could not be kept are sent again, under the same ids', async () => {
    const stored = await store(3)
    const save = cursor.save
    cursor.save = (place) => {
      if (collector.taken().length > 0) throw new TypeError('the disk is full')
      return save(place)
    }
    await assert.rejects(once(), /the disk is full/)
    cursor.save = save
    await once()
    assert.equal(ids().length, 6)
    assert.deepEqual(new Set(ids()), new Set(stored))
  })

  test('rows that the receiver rejected in a partial success are counted and told, not sent again', async () => {
    collector.reply = () => ({
      status: 200,
      body: { partialSuccess: { rejectedLogRecords: '2', errorMessage: 'too old' } },
    })
    await store(3)
    const { sent, refused } = await once()
    assert.equal(refused, 2)
    assert.equal(sent, collector.taken().length - 2)
    assert.equal(collector.received.length, 1)
    assert.match(troubles[0]?.message ?? '', /rejected 2 of its \d rows: too old/)
  })

  for (const status of [400, 413])
    test(`a row that is answered with ${status} keeps no other: all go but that one`, async () => {
      const stored = await store(9)
      const poison = stored[4]
      collector.reply = ({ records }) =>
        records.some(({ attributes }) => attributes['log.record.uid'] === poison)
          ? { status, body: { message: 'no' } }
          : undefined
      await assert.rejects(once(), { code: 'OTLP_REFUSED', at: poison })
      const { refused } = await once({ onRefused: 'skip' })
      assert.equal(refused, 1)
      assert.deepEqual(new Set(ids()), new Set(stored.filter((id) => id !== poison)))
      assert.equal(troubles.at(-1)?.at, poison)
      assert.deepEqual(await once(), { sent: 0, refused: 0 })
    })

  for (const status of [302, 401, 404, 500])
    test(`${status} ends it with the cursor where it was, and says nothing of the credential`, async () => {
      collector.reply = () => ({ status, headers: { location: 'http://127.0.0.1:1/' } })
      await store(1)
      const error: unknown = await once({
        headers: { authorization: 'Bearer sesame' },
        url: `${collector.url}`,
      }).catch((reason: unknown) => reason)
      assert.equal((error as FastenError).code, 'OTLP_REFUSED')
      assert.equal(collector.received[0]?.headers.authorization, 'Bearer sesame')
      assert.doesNotMatch(inspect(error, { depth: 9 }), /sesame/)
      collector.reply = () => undefined
      await once()
      assert.equal(ids().length, 1)
    })

  test('rows that a filter leaves out move the cursor all the same', async () => {
    await store(6)
    const filter = { code: 'NEVER_SEEN' }
    assert.deepEqual(await once({ streams: ['audit'], filter }), { sent: 0, refused: 0 })
    const { place } = cursor
    await store(3, '00000000000000ab')
    await once({ streams: ['audit'], filter })
    assert.notEqual(cursor.place, place)
    assert.deepEqual(collector.received, [])
    await assert.rejects(once({ streams: ['sys'] }), { code: 'BAD_CURSOR' })
  })

  test('a reader over HTTP is exported like a store', async (t) => {
    const stored = await store(12)
    const served = await serveOn(
      nodeReader({ sources: () => opened.sources }, { token: 'sesame', basePath: '/rows' }),
    )
    t.after(() => served.close())
    const remote = remoteReader({ url: `${served.origin}/rows`, token: 'sesame' })
    t.after(() => remote.close())
    await once({ reader: remote, batchRows: 5 })
    assert.deepEqual(ids().toSorted(), stored.toSorted())
    assert.deepEqual(await once({ reader: remote }), { sent: 0, refused: 0 })
  })

  test('wrong addresses are told at once', async () => {
    await assert.rejects(once({ url: 'collector:4318' }), /http or https address/)
    await assert.rejects(once({ url: 'http://user:pass@collector/v1/logs' }), {
      name: 'TypeError',
      message: /as a header/,
    })
  })
})

function memoryCursor(): MemoryCursor {
  const cursor: MemoryCursor = {
    place: undefined,
    load: () => cursor.place,
    save: (place) => void (cursor.place = place),
  }
  return cursor
}
