// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { trace } from '@opentelemetry/api'
import type { StreamName } from '../../../core/row.ts'
import { bench } from '../../fixtures/instance.ts'
import { createHttpShim } from '../../shims/http/options.ts'
import { withRequest } from '../../shims/http/with-request.ts'
import { startSdk } from './fixtures/sdk.ts'
import { instrumentOpenTelemetry } from './index.ts'

/** Trace ids of the rows of one request that came with none: a row, a span with a row in it, the access. */
async function traces(t: TestContext, hasSpan: boolean): Promise<readonly (string | undefined)[]> {
  const place = bench(t)
  const fasten = place.start({ stdout: ['none'], sys_dsn: place.dsn, api_dsn: place.dsn })
  const shim = createHttpShim({ fasten, startTrace: 'every' })
  withRequest(shim, { method: 'GET', target: '/', headers: {} }, () => {
    fasten.log.info('before')
    if (!hasSpan) return fasten.log.info('later')
    trace.getTracer('app').startActiveSpan('work', (span) => {
      fasten.log.info('within')
      span.end()
    })
  })
  assert.ok(await fasten.flush(20_000))
  const ids = async (stream: StreamName): Promise<(string | undefined)[]> =>
    (await place.rows(stream)).map(({ trace_id }) => trace_id)
  return [...(await ids('sys')), ...(await ids('api'))]
}

test('a request is in one trace: rows before its first span are in none', async (t) => {
  const sdk = startSdk()
  t.after(() => sdk.stop())
  t.after(instrumentOpenTelemetry())
  const [before, within, access] = await traces(t, true)
  assert.equal(before, undefined)
  assert.equal(within, sdk.spans()[0]?.spanContext().traceId)
  assert.equal(access, within)
})

test('a request in which no span ever starts has a trace for its access', async (t) => {
  const sdk = startSdk()
  t.after(() => sdk.stop())
  t.after(instrumentOpenTelemetry())
  const [before, later, access] = await traces(t, false)
  assert.deepEqual([before, later], [undefined, undefined])
  assert.match(access ?? '', /^[0-9a-f]{32}$/)
})

test('with the bridge and no SDK a trace begins with the request, as without the bridge', async (t) => {
  t.after(instrumentOpenTelemetry())
  const [before, within, access] = await traces(t, true)
  assert.match(before ?? '', /^[0-9a-f]{32}$/)
  assert.deepEqual([within, access], [before, before])
})
