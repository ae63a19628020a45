// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MetricReader, MeterProvider } from '@opentelemetry/sdk-metrics'
import client, { type OpenMetricsContentType } from 'prom-client'
import { runWithContext } from '../../context.ts'
import { exemplarNow, instrumentPromClient } from './index.ts'

const trace = { trace_id: '0af7651916cd43dd8448eb211c80319c', span_id: 'b7ad6b7169203331' }
const registry = (): client.Registry<OpenMetricsContentType> => {
  const made = new client.Registry<OpenMetricsContentType>()
  made.setContentType(client.Registry.OPENMETRICS_CONTENT_TYPE)
  return made
}

test('an exemplar has the ids of the work in progress, and never more than 128 characters', () => {
  const within = (id: string, more = {}): object => runWithContext({ request_id: id, ...more }, exemplarNow)
  assert.deepEqual(exemplarNow(), {})
  assert.deepEqual(within('req-1'), { request_id: 'req-1' })
  assert.deepEqual(within('req-1', trace), { request_id: 'req-1', ...trace })
  const long = 'r'.repeat(78)
  assert.deepEqual(within(long, trace), { trace_id: trace.trace_id, request_id: long })
  assert.deepEqual(within(`${long}r`, trace), { ...trace })
  assert.deepEqual(within('r'.repeat(118)), { request_id: 'r'.repeat(118) })
  assert.deepEqual(within('r'.repeat(119)), {})
})

test('prom-client: histograms and counters get exemplars by themselves, and prom-client takes them', async (t) => {
  const undo = instrumentPromClient(client)
  t.after(undo)
  assert.equal(instrumentPromClient(client), undo, 'once')
  const registers = [registry()]
  const seconds = new client.Histogram({
    name: 'took_seconds',
    help: 'x',
    labelNames: ['route'],
    buckets: [1, 5],
    enableExemplars: true,
    registers,
  })
  const orders = new client.Counter({ name: 'orders', help: 'x', enableExemplars: true, registers })
  const plain = new client.Histogram({ name: 'plain', help: 'x', buckets: [1], registers })
  runWithContext({ request_id: 'req-1', ...trace }, () => {
    seconds.observe({ labels: { route: '/a' }, value: 0.5 })
    seconds.observe({ labels: { route: '/a' }, value: 3, exemplarLabels: { route: '/mine' } })
    orders.inc({ value: 2 })
    plain.observe(0.5)
  })
  seconds.observe({ labels: { route: '/b' }, value: 0.5 })
  const text = (await registers[0]?.metrics()) ?? ''
  const all = `trace_id="${trace.trace_id}",request_id="req-1",span_id="${trace.span_id}"`
  assert.ok(text.includes(`took_seconds_bucket{le="1",route="/a"} 1 # {${all}} 0.5 `), text)
  assert.match(text, /took_seconds_bucket\{le="5",route="\/a"\} 2 # \{route="\/mine"\} 3 /)
  assert.match(text, /took_seconds_bucket\{le="1",route="\/b"\} 1\n/)
  assert.ok(text.includes(`orders_total 2 # {${all}} 2 `), text)
  assert.match(text, /plain_bucket\{le="1"\} 1\n/)

  undo()
  runWithContext({ request_id: 'req-2' }, () => orders.inc({ value: 1 }))
  assert.doesNotMatch((await registers[0]?.metrics()) ?? '', /req-2/)
})

test('what is not prom-client is told', () => {
  assert.throws(() => instrumentPromClient({ Histogram: Map, Counter: Map }), /not prom-client 15/)
})

class HandReader extends MetricReader {
  protected override onForceFlush(): Promise<void> {
    return Promise.resolve()
  }
  protected override onShutdown(): Promise<void> {
    return Promise.resolve()
  }
}

test("OpenTelemetry's own metrics have no exemplars in this SDK; the day they do, this test says so", async (t) => {
  const reader = new HandReader()
  const provider = new MeterProvider({ readers: [reader] })
  t.after(() => provider.shutdown())
  runWithContext({ request_id: 'req-1', ...trace }, () =>
    provider.getMeter('app').createHistogram('took').record(3, { route: '/a' }),
  )
  const { resourceMetrics } = await reader.collect()
  const [point] = resourceMetrics.scopeMetrics[0]?.metrics[0]?.dataPoints ?? []
  assert.deepEqual(point?.attributes, { route: '/a' })
  assert.equal('exemplars' in point, false)
})
