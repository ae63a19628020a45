// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { context, ROOT_CONTEXT, SeverityNumber, trace, type SpanContext } from '@opentelemetry/api'
import { InMemoryLogRecordExporter, LoggerProvider, SimpleLogRecordProcessor } from '@opentelemetry/sdk-logs'
import { bench } from '../../fixtures/instance.ts'
import { withRequestID } from '../../request-id.ts'
import { startSdk } from './fixtures/sdk.ts'
import { createLogRecordProcessor, instrumentOpenTelemetry } from './index.ts'

test('log records carry the request id, and are kept as sys rows in their trace where that is wanted', async (t) => {
  const place = bench(t)
  const fasten = place.start({ sys_dsn: place.dsn, stdout: ['none'] })
  const sdk = startSdk()
  const stop = instrumentOpenTelemetry()
  t.after(async () => {
    stop()
    await sdk.stop()
  })
  const exporter = new InMemoryLogRecordExporter()
  const provider = new LoggerProvider({
    processors: [
      createLogRecordProcessor({ records: true, fasten }),
      new SimpleLogRecordProcessor({ exporter }),
    ],
  })
  const logger = provider.getLogger('orders')
  const elsewhere: SpanContext = {
    traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
    spanId: '00f067aa0ba902b7',
    traceFlags: 1,
  }
  const span = withRequestID('req-1', () =>
    trace.getTracer('app').startActiveSpan('work', (active) => {
      logger.emit({
        eventName: 'order_paid',
        severityNumber: SeverityNumber.WARN2,
        attributes: { amount: 3 },
      })
      // A record may name another context than the one it is written in.
      logger.emit({ body: 'late', context: trace.setSpanContext(ROOT_CONTEXT, elsewhere) })
      active.end()
      return active.spanContext()
    }),
  )
  trace.getTracer('app').startActiveSpan('alone', (active) => {
    logger.emit({ body: { deep: true }, severityNumber: SeverityNumber.FATAL })
    active.end()
  })
  logger.emit({ body: 'outside' })
  provider.getLogger('fasten').emit({ body: 'a row already' })

  const alone = sdk.spans().at(-1)?.spanContext().traceId
  assert.deepEqual(
    exporter.getFinishedLogRecords().map(({ attributes }) => attributes['fasten.request_id']),
    ['req-1', 'req-1', alone, undefined, undefined],
  )
  await fasten.flush(20_000)
  const rows = await place.rows('sys')
  assert.deepEqual(
    rows.map((row) => (row.stream === 'sys' ? [row.level, row.event, row.fields, row.logger] : [])),
    [
      ['warn', 'order_paid', { amount: 3 }, 'orders'],
      ['info', 'late', {}, 'orders'],
      ['fatal', 'log', { body: { deep: true } }, 'orders'],
      ['info', 'outside', {}, 'orders'],
    ],
  )
  assert.deepEqual(
    rows.map(({ request_id, trace_id, span_id }) => [request_id, trace_id, span_id]).slice(0, 3),
    [
      ['req-1', span.traceId, span.spanId],
      ['req-1', elsewhere.traceId, elsewhere.spanId],
      [alone, alone, sdk.spans().at(-1)?.spanContext().spanId],
    ],
  )
  assert.equal(context.active(), ROOT_CONTEXT)
})

test('without the bridge records of our requests are stamped all the same', (t) => {
  const exporter = new InMemoryLogRecordExporter()
  const provider = new LoggerProvider({
    processors: [createLogRecordProcessor({ attribute: 'rid' }), new SimpleLogRecordProcessor({ exporter })],
  })
  t.after(() => provider.shutdown())
  withRequestID('req-1', () => provider.getLogger('x').emit({ body: 'hello' }))
  provider.getLogger('x').emit({ body: 'nobody' })
  assert.deepEqual(
    exporter.getFinishedLogRecords().map(({ attributes }) => attributes),
    [{ rid: 'req-1' }, {}],
  )
})
