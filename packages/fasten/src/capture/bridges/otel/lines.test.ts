// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { Writable } from 'node:stream'
import { test } from 'node:test'
import { trace } from '@opentelemetry/api'
import pino from 'pino'
import winston from 'winston'
import type { Row } from '../../../core/row.ts'
import { bench } from '../../fixtures/instance.ts'
import { runWithContext } from '../../context.ts'
import { pinoBridge } from '../pino.ts'
import { winstonFormat, winstonTransport } from '../winston.ts'
import { startSdk } from './fixtures/sdk.ts'
import { instrumentOpenTelemetry } from './index.ts'

type Ids = Pick<Row, 'request_id' | 'trace_id'>

test('lines of pino and winston show the ids that their rows have, in a span and outside', async (t) => {
  const place = bench(t)
  const fasten = place.start({ stdout: ['none'], sys_dsn: place.dsn })
  const sdk = startSdk()
  t.after(() => sdk.stop())
  t.after(instrumentOpenTelemetry())
  const printed: Ids[] = []
  const write = (line: string): void => void printed.push(JSON.parse(line) as Ids)
  const loud = pino(pinoBridge({ fasten }), { write })
  const stream = new Writable({ write: (chunk, _encoding, done) => (write(String(chunk)), done()) })
  const wordy = winston.createLogger({
    format: winston.format.combine(winstonFormat() as winston.Logform.Format, winston.format.json()),
    transports: [new winston.transports.Stream({ stream }), winstonTransport({ fasten })],
  })
  const both = (): void => {
    loud.info('from pino')
    wordy.info('from winston')
  }
  const inbound = '0af7651916cd43dd8448eb211c80319c'
  const traceId = runWithContext({ request_id: 'req-1', trace_id: inbound }, () => {
    both()
    return trace.getTracer('app').startActiveSpan('work', { root: true }, (span) => {
      both()
      span.end()
      return span.spanContext().traceId
    })
  })
  const expected = [inbound, inbound, traceId, traceId].map((trace_id) => ({ request_id: 'req-1', trace_id }))
  const idsOf = ({ request_id, trace_id }: Partial<Row>): unknown => ({ request_id, trace_id })
  assert.deepEqual(printed.map(idsOf), expected)
  assert.ok(await fasten.flush(20_000))
  assert.deepEqual((await place.rows('sys')).map(idsOf), expected)
})
