// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { context, trace, TraceFlags } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { LoggerProvider, SimpleLogRecordProcessor, type ReadableLogRecord } from '@opentelemetry/sdk-logs'
import { withRequestID } from 'fasten'
import { localReader } from 'fasten/reader'
import { exportRows, type ExportCounts } from 'fasten/reader/otlp'
import { createSystemClock, openForReading, sha256 } from 'fasten/store'
import { startPostgres } from '../../../../fasten/src/store/postgres/fixtures/server.ts'
import { startFleet } from '../../testing/fixtures/start-fleet.ts'
import { addSource } from '../fixtures/arriving.ts'
import { startNode } from '../fixtures/real-node.ts'
import { anyValue, attributes, protobufOf, read, requestOf, type Json } from './fixtures/export-request.ts'

const postgres = await startPostgres()
const databaseUrl = await postgres.freshDatabase()
const env = { FLEET_SECRET: '7'.repeat(64) }
const fleet = await startFleet({ databaseUrl, env })
const second = await startFleet({ databaseUrl, env: { ...env, FLEET_SERVER_ID: 's2' } })
after(async () => {
  await second.close()
  await fleet.close()
  await postgres.remove()
})

interface Answer {
  readonly status: number
  readonly type: string | null
  readonly retryAfter: string | null
  readonly body: unknown
}

async function post(
  credential: string,
  body: Uint8Array,
  {
    url = fleet.url,
    path = '/v1/logs',
    headers = {},
  }: { url?: string; path?: string; headers?: Record<string, string> } = {},
): Promise<Answer> {
  const response = await fetch(`${url}${path}`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${credential}`,
      'content-type': 'application/x-protobuf',
      ...headers,
    },
    body: new Uint8Array(body),
  })
  const bytes = new Uint8Array(await response.arrayBuffer())
  const type = response.headers.get('content-type')
  const isBinary = type === 'application/x-protobuf'
  return {
    status: response.status,
    type,
    retryAfter: response.headers.get('retry-after'),
    body: isBinary
      ? read(response.ok ? 'ExportLogsServiceResponse' : 'Status', bytes)
      : JSON.parse(Buffer.from(bytes).toString()),
  }
}

const json = { headers: { 'content-type': 'application/json' } }
const jsonOf = (request: Json): Buffer => Buffer.from(JSON.stringify(request))
const taken = { status: 200, type: 'application/x-protobuf', retryAfter: null, body: {} }

test('records of an OpenTelemetry SDK are sys rows, under the id of their trace', async () => {
  const source = await addSource(fleet, 'otlp')
  const sent: Promise<unknown>[] = []
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  const provider = new LoggerProvider({
    processors: [
      new SimpleLogRecordProcessor({
        exporter: {
          export(records, done) {
            sent.push(
              post(
                source.credential,
                protobufOf(
                  requestOf(records.map(recordOf), { scope: 'checkout', resource: { 'host.name': 'h1' } }),
                ),
              ),
            )
            done({ code: 0 })
          },
          forceFlush: () => Promise.resolve(),
          shutdown: () => Promise.resolve(),
        },
      }),
    ],
  })
  const span = {
    traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
    spanId: '00f067aa0ba902b7',
    traceFlags: TraceFlags.SAMPLED,
  }
  context.with(trace.setSpanContext(context.active(), span), () =>
    provider.getLogger('checkout').emit({
      severityNumber: 13,
      severityText: 'WARN',
      body: 'card declined',
      timestamp: 1_790_000_000_123,
      attributes: {
        attempt: 2,
        'db.password': 'hunter2',
        nested: { deep: [1, 'two'] },
        raw: new Uint8Array(3),
      },
    }),
  )
  await Promise.all(sent)
  const [row] = await source.rows()
  const { origin, ...rest } = row ?? assert.fail('no row')
  const { arrived_at, ...known } = origin
  assert.deepEqual(known, { kind: 'otlp', proof: 'none', service_id: 'legacy', source: source.source_id })
  assert.match(String(arrived_at), /^\d{4}-/)
  const { fields, level, event, logger, timestamp, tenant_id, service_id, request_id, trace_id, span_id } =
    rest
  assert.deepEqual(
    { fields, level, event, logger, timestamp, tenant_id, service_id, request_id, trace_id, span_id },
    {
      fields: {
        attempt: 2,
        'db.password': '***',
        nested: { deep: [1, 'two'] },
        otel: { resource: { 'host.name': 'h1' } },
        raw: { bytes: 3 },
      },
      level: 'warn',
      event: 'card declined',
      logger: 'checkout',
      timestamp: '2026-09-21T14:13:20.123000Z',
      tenant_id: 'acme',
      service_id: 'till',
      request_id: span.traceId,
      trace_id: span.traceId,
      span_id: span.spanId,
    },
  )
})

/** As an exporter of the SDK writes it. */
const recordOf = (record: ReadableLogRecord): Json => ({
  timeUnixNano: String(BigInt(record.hrTime[0]) * 1_000_000_000n + BigInt(record.hrTime[1])),
  severityNumber: record.severityNumber ?? 0,
  severityText: record.severityText ?? '',
  body: anyValue(record.body),
  attributes: attributes(record.attributes),
  traceId: record.spanContext?.traceId ?? '',
  spanId: record.spanContext?.spanId ?? '',
})

test('rows of fasten that its own export sends are the rows that they were, and once however often they are sent', async () => {
  const source = await addSource(fleet, 'otlp')
  const node = startNode({ tenant_id: 'acme' })
  const { fasten } = node
  fasten.register('shop', {
    VALVE_TURNED: { category: 'valve', action: 'valve.turn', severity: 'info', description: 'A test.' },
  })
  withRequestID('req-9', () => {
    fasten.emit({
      code: 'VALVE_TURNED',
      target: 'valve/1',
      actor: 'user:ada',
      outcome: 'denied',
      session_id: 's-1',
      source: { ip: '203.0.113.7', user_agent: 'curl/8' },
      detail: { n: [1, 2.5, null, { a: true }], big: 9_007_199_254_740_991 },
    })
    fasten.log.child({ logger: 'valves' }).warn('valve_stuck', { valve: 1 })
    fasten.recordApi({
      method: 'GET',
      path: '/valves/1',
      route: '/valves/:id',
      status: 404,
      duration_us: 1_234,
      bytes_out: 9,
    })
  })
  await fasten.checkpoint(60_000)
  const store = await openForReading(join(node.folder, 'rows.db'))
  const reader = localReader({
    sources: { streams: { audit: store, sys: store, api: store } },
    digest: sha256,
    clock: createSystemClock(),
  })
  const send = (from: string | undefined): Promise<ExportCounts> =>
    exportRows(
      {
        reader,
        url: `${fleet.url}/ingest/otlp/v1/logs`,
        headers: { authorization: `Bearer ${source.credential}` },
        cursor: { load: () => from, save: () => {} },
        stopsAtEnd: true,
      },
      new AbortController().signal,
    )
  const counts = await send(undefined)
  assert.deepEqual(await send(undefined), counts)
  assert.equal(counts.refused, 0)
  for (const stream of ['audit', 'sys', 'api'] as const) {
    const { lines, hashes } = await node.read(node.logOf(stream))
    const said = lines.map((line) => JSON.parse(Buffer.from(line).toString()) as Json)
    const at = said.findLastIndex(({ request_id }) => request_id === 'req-9')
    const original = said[at] ?? assert.fail(`no row in ${stream}`)
    const row = (await source.rows(stream)).find(({ origin }) => origin['id'] === original['id'])
    const { origin, ...own } = row ?? assert.fail(`no row in ${stream}`)
    const { arrived_at: _at, ...known } = origin
    const place = [
      'id',
      'log',
      'monotonic_seq',
      'prev_hash',
      'boot_id',
      'boot_seq',
      'service_id',
      'source_node_id',
    ]
    assert.deepEqual(known, {
      kind: 'otlp',
      proof: 'none',
      source: source.source_id,
      hash: hashes[at],
      ...Object.fromEntries(place.map((name) => [name, original[name]])),
    })
    const others = (all: Json): Json =>
      Object.fromEntries(Object.entries(all).filter(([name]) => !place.includes(name)))
    assert.deepEqual(others(own), others(original))
  }
  // What the store said at the beginning of its own log is not said of this one.
  assert.deepEqual(
    (await source.rows('sys'))
      .map(({ event, logger }) => [event, logger])
      .filter(([event]) => event === 'LOG_CREATED'),
    [
      ['LOG_CREATED', 'fasten'],
      ['LOG_CREATED', undefined],
      ['LOG_CREATED', 'fasten'],
    ],
  )
  await reader.close()
  await store.close()
  await node.close()
})

test('the same request again is the same rows, in whatever packing, at whichever server, many times at once', async () => {
  const source = await addSource(fleet, 'otlp')
  // Two lines that are alike in one request are two rows.
  const body = protobufOf(requestOf([{ body: anyValue('tick') }, { body: anyValue('tick') }]))
  const gzip = { headers: { 'content-encoding': 'gzip' } }
  const answers = await Promise.all([
    post(source.credential, body),
    post(source.credential, gzipSync(body), gzip),
    post(source.credential, body, { url: second.url }),
    post(source.credential, body, { url: second.url, path: '/ingest/otlp/v1/logs' }),
  ])
  assert.deepEqual(answers, [taken, taken, taken, taken])
  assert.equal((await source.rows()).length, 2)
})

test('a record with an id of its own is one row in whatever request it comes, and a refusal where it says something else', async () => {
  const source = await addSource(fleet, 'otlp')
  const record = (text: string): Json => ({
    body: anyValue(text),
    attributes: attributes({ 'log.record.uid': 'u-1' }),
  })
  const other = { body: anyValue('other') }
  assert.deepEqual(await post(source.credential, protobufOf(requestOf([record('one')]))), taken)
  assert.deepEqual(await post(source.credential, jsonOf(requestOf([other, record('one')])), json), {
    ...taken,
    type: 'application/json',
  })
  const { body } = await post(
    source.credential,
    protobufOf(requestOf([record('two'), { body: anyValue('third') }])),
  )
  assert.deepEqual(body, {
    partialSuccess: {
      rejectedLogRecords: '1',
      errorMessage:
        'not taken, and kept as evidence: SOURCE_CHANGED: the row "u-1" came before and was another then',
    },
  })
  assert.deepEqual(
    (await source.rows()).map(({ event }) => event),
    ['one', 'other', 'third'],
  )
  assert.deepEqual(await source.evidence(), ['SOURCE_CHANGED'])
})

test('whose a record is, the credential says: a tenant that is not the source’s is refused, and the rest is taken', async () => {
  const stamped = await addSource(fleet, 'otlp')
  const claim = (tenant: string): Json => ({
    body: anyValue(tenant),
    attributes: attributes({ 'fasten.tenant_id': tenant, 'tenant.id': 'globex' }),
  })
  assert.deepEqual(await post(stamped.credential, protobufOf(requestOf([claim('globex')]))), taken)
  assert.deepEqual(
    (await stamped.rows()).map(({ tenant_id }) => tenant_id),
    ['acme'],
  )
  const choosing = await addSource(fleet, 'otlp', { tenants: ['acme', 'beta'] })
  const answer = await post(
    choosing.credential,
    jsonOf(requestOf([claim('beta'), claim('globex'), claim('acme')])),
    json,
  )
  assert.deepEqual(answer.body, {
    partialSuccess: {
      rejectedLogRecords: '1',
      errorMessage: 'not taken, and kept as evidence: WRONG_TENANT: "globex" is no tenant of this source',
    },
  })
  assert.deepEqual(
    (await choosing.rows()).map(({ tenant_id }) => tenant_id),
    ['acme', 'beta'],
  )
  const resource = { 'fasten.tenant_id': 'beta' }
  await post(choosing.credential, protobufOf(requestOf([{ body: anyValue('of a resource') }], { resource })))
  assert.equal((await choosing.rows()).at(-1)?.['tenant_id'], 'beta')
})

test('errors are a Status in the encoding of the request, with the statuses that exporters act on', async () => {
  const source = await addSource(fleet, 'otlp')
  const lines = await addSource(fleet, 'ndjson')
  const good = protobufOf(requestOf([{ body: anyValue('x') }]))
  const status = async (...of: Parameters<typeof post>): Promise<unknown> => {
    const { status: http, type, body } = await post(...of)
    const { code, message } = body as { readonly code: number; readonly message: string }
    return [http, type === 'application/json' ? 'json' : 'protobuf', code, message.split(':', 1)[0]]
  }
  const { credential } = source
  const bomb = gzipSync(Buffer.alloc(30 * 1_048_576))
  const gzip = { 'content-encoding': 'gzip' }
  assert.deepEqual(
    [
      await status('nothing', good),
      await status('nothing', good, json),
      await status(await fleet.key('admin'), good),
      await status(lines.credential, good),
      await status(credential, good, { headers: { 'content-type': 'text/plain' } }),
      await status(credential, good, { headers: { 'content-encoding': 'br' } }),
      await status(credential, good.subarray(0, -1)),
      await status(credential, Buffer.from('[]'), json),
      await status(credential, bomb, { headers: gzip }),
      await status(credential, gzipSync(good).subarray(0, -3), { headers: gzip }),
    ],
    [
      [401, 'protobuf', 16, 'UNAUTHENTICATED'],
      [401, 'json', 16, 'UNAUTHENTICATED'],
      [403, 'protobuf', 7, 'FORBIDDEN'],
      [403, 'protobuf', 7, 'SOURCE_KIND'],
      [415, 'json', 12, 'INVALID_MEDIA_TYPE'],
      [415, 'protobuf', 12, 'ENCODING_UNKNOWN'],
      [400, 'protobuf', 3, 'BODY_MALFORMED'],
      [400, 'json', 3, 'BODY_MALFORMED'],
      [413, 'protobuf', 8, 'BODY_TOO_LARGE'],
      [400, 'protobuf', 3, 'BODY_TRUNCATED'],
    ],
  )
  assert.deepEqual(await source.rows(), [])
  // An exporter throws away what is answered by anything but 429, 502, 503 and 504.
  await fleet.database.pool.query('ALTER TABLE fleet_arrivals RENAME TO fleet_arrivals_away')
  try {
    const { status: http, retryAfter } = await post(credential, good)
    assert.deepEqual([http, retryAfter], [503, '5'])
  } finally {
    await fleet.database.pool.query('ALTER TABLE fleet_arrivals_away RENAME TO fleet_arrivals')
  }
  const many = await Promise.all(
    Array.from({ length: 12 }, (_, at) => post(credential, protobufOf(requestOf([{ body: anyValue(at) }])))),
  )
  const waiting = many.filter(({ status: http }) => http !== 200)
  for (const { status: http, retryAfter } of waiting)
    assert.deepEqual([[429, 503].includes(http), Number(retryAfter) > 0], [true, true])
  assert.equal((await source.rows()).length, 12 - waiting.length)
})

test('a body that is cut off leaves nothing behind, and is taken when it comes whole', async () => {
  const source = await addSource(fleet, 'otlp')
  const body = protobufOf(requestOf([{ body: anyValue('whole') }]))
  const { port } = new URL(fleet.url)
  await new Promise<void>((resolve, reject) => {
    const socket = connect(Number(port), '127.0.0.1', () => {
      socket.write(
        `POST /v1/logs HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${source.credential}\r\ncontent-type: application/x-protobuf\r\n` +
          `content-length: ${body.length}\r\n\r\n`,
      )
      socket.end(body.subarray(0, 9))
    })
    socket.on('close', () => resolve()).on('error', reject)
    socket.resume()
  })
  assert.deepEqual(await source.rows(), [])
  assert.deepEqual(await post(source.credential, body), taken)
  assert.equal((await source.rows()).length, 1)
})
