// SPDX-License-Identifier: Apache-2.0
/**
 * Calls of `fetch` that two tracers hear of. OpenTelemetry's instrumentation of undici is played by what it does to a request: it starts a span,
 * lets the SDK's real propagators write, and appends each header; newer versions of it take out first what is there.
 */
import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test, type TestContext } from 'node:test'
import { context, propagation, SpanKind, trace } from '@opentelemetry/api'
import { withRequestID } from '../../request-id.ts'
import { instrumentFetch } from '../../shims/http/outbound.ts'
import { startSdk } from './fixtures/sdk.ts'
import { instrumentOpenTelemetry } from './index.ts'

interface Announced {
  readonly request: { headers: unknown[]; addHeader(name: string, value: string): unknown }
}

function otherTracer(isNewer: boolean): (message: unknown) => void {
  return (message) => {
    const { request } = message as Announced
    const span = trace.getTracer('undici').startSpan('GET', { kind: SpanKind.CLIENT })
    const carrier: Record<string, string> = {}
    propagation.inject(trace.setSpan(context.active(), span), carrier)
    if (isNewer)
      for (const name of propagation.fields())
        for (let at = request.headers.length - 2; at >= 0; at -= 2)
          if (request.headers[at] === name) request.headers.splice(at, 2)
    for (const [name, value] of Object.entries(carrier)) request.addHeader(name, value)
    span.end()
  }
}

/** Answers with the names and values of each request as they were on the wire. */
async function listening(t: TestContext): Promise<{ url: string; heard: string[][] }> {
  const heard: string[][] = []
  const server = createServer((request, response) => {
    heard.push(request.rawHeaders)
    response.end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.closeAllConnections())
  t.after(() => server.close())
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, heard }
}

const valuesOf = (headers: readonly string[], name: string): readonly (string | undefined)[] =>
  headers.flatMap((one, at) => (at % 2 === 0 && one.toLowerCase() === name ? [headers[at + 1]] : []))

for (const isNewer of [false, true])
  for (const isFirst of [true, false])
    test(`fetch has one of each header: we listen ${isFirst ? 'before' : 'behind'} a tracer that ${isNewer ? 'replaces' : 'appends'}`, async (t) => {
      const { url, heard } = await listening(t)
      const sdk = startSdk()
      t.after(() => sdk.stop())
      t.after(instrumentOpenTelemetry())
      const other = otherTracer(isNewer)
      if (isFirst) t.after(instrumentFetch({ hosts: '127.0.0.1' }))
      subscribe('undici:request:create', other)
      t.after(() => void unsubscribe('undici:request:create', other))
      if (!isFirst) t.after(instrumentFetch({ hosts: '127.0.0.1' }))
      await withRequestID('req-1', () =>
        trace.getTracer('app').startActiveSpan('work', async (span) => {
          await (await fetch(url, { headers: { 'x-own': 'kept' } })).text()
          span.end()
        }),
      )
      const [headers = []] = heard
      const calling = sdk
        .spans()
        .find(({ kind }) => kind === SpanKind.CLIENT)
        ?.spanContext()
      assert.deepEqual(valuesOf(headers, 'traceparent'), [
        `00-${calling?.traceId ?? ''}-${calling?.spanId ?? ''}-01`,
      ])
      assert.deepEqual(valuesOf(headers, 'x-request-id'), ['req-1'])
      assert.deepEqual(valuesOf(headers, 'x-own'), ['kept'])
    })

test('where no other tracer hears of the call, the active span is its parent', async (t) => {
  const { url, heard } = await listening(t)
  const sdk = startSdk()
  t.after(() => sdk.stop())
  t.after(instrumentOpenTelemetry())
  t.after(instrumentFetch({ hosts: '127.0.0.1' }))
  const parent = await withRequestID('req-1', () =>
    trace.getTracer('app').startActiveSpan('work', async (span) => {
      await (await fetch(url)).text()
      span.end()
      return span.spanContext()
    }),
  )
  assert.deepEqual(valuesOf(heard[0] ?? [], 'traceparent'), [`00-${parent.traceId}-${parent.spanId}-01`])
})
