// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatMicros } from 'fasten/core'
import fc from 'fast-check'
import pino from 'pino'
import winston from 'winston'
import { NoRow, type Said } from '../claims/own-members.ts'
import { claimOfLine } from './claim-of-line.ts'

/** What a claim says, without what is absent. */
function told(line: unknown): Readonly<Record<string, unknown>> {
  const { members, timestamp, origin, ...rest } = claimOfLine(line as Said)
  const time = timestamp === undefined ? {} : { timestamp: formatMicros(timestamp) }
  const of = Object.keys(origin).length === 0 ? {} : { origin }
  return JSON.parse(JSON.stringify({ ...rest, ...members, ...time, ...of })) as Record<string, unknown>
}

const trace_id = '4bf92f3577b34da6a3ce929d0e0e4736'
const span_id = '00f067aa0ba902b7'
const timestamp = '2026-11-26T12:00:00.123000Z'
const sys = (more: Readonly<Record<string, unknown>>): unknown => ({
  stream: 'sys',
  level: 'info',
  fields: {},
  ...more,
})

test('what pino and winston really write', async () => {
  const lines: string[] = []
  const logger = pino({ name: 'checkout' }, { write: (text: string) => void lines.push(text) })
  logger.child({ request_id: 'r-1' }).warn({ order: 7, err: new RangeError('too far') }, 'card declined')
  logger.fatal('over')
  const [first, second] = lines.map((text) => JSON.parse(text) as Record<string, unknown>)
  const { fields, timestamp: at, ...rest } = told(first)
  assert.deepEqual(rest, {
    stream: 'sys',
    level: 'warn',
    event: 'card declined',
    logger: 'checkout',
    request_id: 'r-1',
  })
  const { pid, hostname, err, ...own } = fields as Record<string, unknown>
  assert.deepEqual(own, { order: 7 })
  assert.equal((err as { type: string }).type, 'RangeError')
  assert.deepEqual(
    [typeof pid, typeof hostname, String(at).slice(0, 4)],
    ['number', 'string', new Date().toISOString().slice(0, 4)],
  )
  assert.equal(told(second)['level'], 'fatal')

  const written: string[] = []
  const stream = new (await import('node:stream')).Writable({
    write: (chunk: Buffer, _encoding, done) => (written.push(String(chunk)), done()),
  })
  const { combine, timestamp: stamp, json } = winston.format
  const other = winston.createLogger({
    format: combine(stamp(), json()),
    transports: [new winston.transports.Stream({ stream })],
  })
  other.info('saved', { size: 3, service: 'billing' })
  const { timestamp: when, ...said } = told(JSON.parse(written[0] ?? ''))
  assert.match(String(when), /^\d{4}-.*000Z$/)
  assert.deepEqual(said, sys({ event: 'saved', fields: { size: 3 }, origin: { service_id: 'billing' } }))
})

const shapes: Readonly<Record<string, readonly [line: unknown, expected: unknown]>> = {
  bunyan: [
    {
      name: 'api',
      hostname: 'h',
      pid: 1,
      level: 40,
      msg: 'slow',
      time: '2026-11-26T12:00:00.123Z',
      req_id: 'abc',
      v: 0,
    },
    sys({
      level: 'warn',
      event: 'slow',
      logger: 'api',
      timestamp,
      request_id: 'abc',
      fields: { hostname: 'h', pid: 1, v: 0 },
    }),
  ],
  structlog: [
    {
      event: 'user_created',
      level: 'debug',
      timestamp: '2026-11-26T12:00:00.123Z',
      user: 'u-1',
      logger: 'app.users',
    },
    sys({ level: 'debug', event: 'user_created', logger: 'app.users', timestamp, fields: { user: 'u-1' } }),
  ],
  'python-json-logger': [
    {
      asctime: 'x',
      name: 'app',
      levelname: 'CRITICAL',
      message: 'gone',
      timestamp: '2026-11-26 12:00:00,123',
      otelTraceID: trace_id,
    },
    sys({
      level: 'fatal',
      event: 'gone',
      logger: 'app',
      timestamp,
      trace_id,
      fields: { asctime: 'x', levelname: 'CRITICAL' },
    }),
  ],
  ECS: [
    {
      '@timestamp': '2026-11-26T12:00:00.123Z',
      log: { level: 'ERROR', logger: 'o.s.Boot' },
      message: 'failed',
      trace: { id: trace_id },
      span: { id: span_id },
      service: { name: 'shop', version: '1' },
      http: { request: { id: 'r-2' } },
      event: { dataset: 'x' },
    },
    sys({
      level: 'error',
      event: 'failed',
      logger: 'o.s.Boot',
      timestamp,
      trace_id,
      span_id,
      request_id: 'r-2',
      origin: { service_id: 'shop' },
      fields: {
        log: { level: 'ERROR', logger: 'o.s.Boot' },
        trace: { id: trace_id },
        span: { id: span_id },
        service: { name: 'shop', version: '1' },
        http: { request: { id: 'r-2' } },
        event: { dataset: 'x' },
      },
    }),
  ],
  'ECS with dots': [
    {
      '@timestamp': '2026-11-26T12:00:00.123Z',
      'log.level': 'info',
      message: 'm',
      'trace.id': trace_id,
      'service.name': 's',
    },
    sys({ event: 'm', timestamp, trace_id, origin: { service_id: 's' } }),
  ],
  'Google Cloud': [
    {
      severity: 'NOTICE',
      message: 'm',
      timestamp: { seconds: 1_795_694_400, nanos: 123_000_000 },
      'logging.googleapis.com/trace': `projects/p/traces/${trace_id}`,
      'logging.googleapis.com/spanId': span_id,
    },
    sys({ event: 'm', timestamp, trace_id, span_id, fields: { severity: 'NOTICE' } }),
  ],
  zap: [
    { level: 'dpanic', ts: 1_795_694_400.123, caller: 'a.go:1', msg: 'm' },
    sys({ level: 'fatal', event: 'm', timestamp, fields: { level: 'dpanic', caller: 'a.go:1' } }),
  ],
  journald: [
    { __REALTIME_TIMESTAMP: '1795694400123000', PRIORITY: '4', MESSAGE: 'm', _PID: '1' },
    sys({ level: 'warn', event: 'm', timestamp, fields: { PRIORITY: '4', _PID: '1' } }),
  ],
  docker: [
    { log: 'plain text\n', stream: 'stdout', time: '2026-11-26T12:00:00.123456789Z' },
    sys({ event: 'plain text\n', timestamp: '2026-11-26T12:00:00.123456Z', fields: { stream: 'stdout' } }),
  ],
  'our own lines': [
    {
      shape: 'sys',
      timestamp,
      level: 'error',
      event: 'job_run_failed',
      request_id: 'scheduler-shop-0123456789ab',
      service_id: 'shop',
      source_node_id: 'n1',
      logger: 'jobs',
      fields: { job: 'nightly' },
    },
    sys({
      level: 'error',
      event: 'job_run_failed',
      logger: 'jobs',
      timestamp,
      request_id: 'scheduler-shop-0123456789ab',
      origin: { service_id: 'shop', source_node_id: 'n1' },
      fields: { job: 'nightly' },
    }),
  ],
  'an audit row of somebody': [
    {
      stream: 'audit',
      code: 'ORDER_PAID',
      actor: 'user:ada',
      target: 'order:7',
      outcome: 'won',
      severity: 'warn',
      amount: 12,
    },
    {
      stream: 'audit',
      code: 'ORDER_PAID',
      action: 'order_paid',
      severity: 'warn',
      domain: 'unregistered',
      category: 'unregistered',
      actor: 'user:ada',
      actor_kind: 'service',
      target: 'order:7',
      method: 'sdk',
      outcome: 'unknown',
      retention_class: 'medium',
      detail: { _beside: { amount: 12 }, _corrected: { outcome: 'won' } },
    },
  ],
  'an access': [
    { stream: 'api', method: 'get', path: '/a?token=x', status: 200, duration_us: 7, tenant_id: 'acme' },
    { stream: 'api', method: 'GET', path: '/a', status: 200, duration_us: 7, tenant_id: 'acme' },
  ],
  'what a store says of its own log': [
    {
      stream: 'audit',
      code: 'RETENTION_SWEPT',
      domain: 'fasten',
      boot_id: 'fa57e40000000000',
      detail: { from: 0, to: 9 },
    },
    sys({
      event: 'RETENTION_SWEPT',
      logger: 'fasten',
      origin: { boot_id: 'fa57e40000000000' },
      fields: { from: 0, to: 9 },
    }),
  ],
  'names that are not what they seem': [
    {
      stream: 'api',
      level: 'loud',
      time: 'noon',
      ts: -1,
      trace_id: 'none',
      request_id: 'boot-x-1',
      tenant_id: 7,
      event: '',
      msg: {},
      __proto__x: 1,
    },
    sys({
      event: 'log',
      inbound_request_id: 'boot-x-1',
      fields: {
        stream: 'api',
        level: 'loud',
        time: 'noon',
        ts: -1,
        trace_id: 'none',
        tenant_id: 7,
        event: '',
        msg: {},
        __proto__x: 1,
      },
    }),
  ],
  nothing: [{}, sys({ event: 'log' })],
}
for (const [name, [line, expected]] of Object.entries(shapes))
  test(`a line of ${name}`, () => assert.deepEqual(told(line), expected))

test('a line that says to be a row and is none is no row', () => {
  for (const line of [
    { stream: 'audit', code: 'no code' },
    { stream: 'audit', code: 7 },
    { stream: 'api', path: '/a', method: 'GET', status: 'ok' },
  ])
    assert.throws(() => claimOfLine(line), NoRow)
})

test('whatever JSON comes is a row of bounded size, and what did not fit is counted', () => {
  const json = fc.oneof(
    fc.dictionary(fc.string(), fc.jsonValue()),
    fc.dictionary(
      fc.constantFrom(
        'stream',
        'shape',
        'time',
        'level',
        'msg',
        'event',
        'trace_id',
        '__proto__',
        'log',
        'service',
      ),
      fc.jsonValue(),
    ),
  )
  fc.assert(
    fc.property(json, (line) => {
      const parsed = JSON.parse(JSON.stringify(line)) as Said
      try {
        claimOfLine(parsed)
      } catch (error) {
        assert.ok(error instanceof NoRow, String(error))
      }
    }),
  )
  const many = Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`a${index}`, index]))
  const { fields } = told({ msg: 'many', token: 'x', ...many }) as {
    readonly fields: Record<string, unknown>
  }
  assert.ok(JSON.stringify(fields).length < 42_000)
  assert.equal(Object.keys(fields).length - 1 + Number(fields['_left_out']), 10_001)
  const { fields: cut, event } = told({
    msg: 'word '.repeat(40_000),
    a: { b: 'é\u0000'.repeat(30_000) },
    last: 1,
  }) as {
    readonly event: string
    readonly fields: Readonly<Record<string, unknown>>
  }
  assert.ok(Buffer.byteLength(JSON.stringify(cut)) < 42_000)
  assert.deepEqual([event.length, cut['_cut'], cut['_left_out']], [200_000, 2, undefined])
})
