// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import { once } from 'node:events'
import { setImmediate as turn } from 'node:timers/promises'
import { test, type TestContext } from 'node:test'
import * as api from '@opentelemetry/api'
import { context, propagation, ROOT_CONTEXT, trace, TraceFlags } from '@opentelemetry/api'
import { AlwaysOffSampler, type Sampler } from '@opentelemetry/sdk-trace'
import type { AuditRow, Row, StreamName } from '../../../core/row.ts'
import { carry, receive } from '../../carriers/carrier.ts'
import { createHeaderCarrier } from '../../carriers/header-carrier.ts'
import { currentContext, currentRequestID, runWithContext } from '../../context.ts'
import type { OwnedFasten } from '../../create.ts'
import { bench } from '../../fixtures/instance.ts'
import { withRequestID } from '../../request-id.ts'
import { propagationHeaders } from '../../shims/http/outbound.ts'
import { startSdk, type StartedSdk } from './fixtures/sdk.ts'
import { instrumentOpenTelemetry, type OpenTelemetryOptions, type OtelApi } from './index.ts'

const headers = createHeaderCarrier<Record<string, string>>({
  name: 'plain',
  method: 'queue',
  get: (message, name) => message[name],
  set: (message, name, value) => ({ ...message, [name]: value }),
})
const sent = {
  'x-request-id': 'req-1',
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  baggage: 'basket=blue%20one;ttl=1,request_id=req-1',
}

interface Joined extends StartedSdk {
  readonly fasten: OwnedFasten
  /** Rows of the application, once all of them are stored. */
  rows(stream?: StreamName): Promise<readonly Row[]>
}

function joined(
  t: TestContext,
  { sampler, ...options }: OpenTelemetryOptions & { readonly sampler?: Sampler } = {},
): Joined {
  const place = bench(t)
  const fasten = place.start({ api_dsn: place.dsn, sys_dsn: place.dsn, stdout: ['none'] })
  const sdk = startSdk(sampler === undefined ? {} : { sampler })
  const stop = instrumentOpenTelemetry(options)
  t.after(async () => {
    stop()
    await sdk.stop()
  })
  return {
    ...sdk,
    fasten,
    async rows(stream) {
      assert.ok(await fasten.flush(20_000))
      return place.rows(stream)
    },
  }
}

const created = { code: 'USER_CREATED', target: 'u-1' }
const traceOf = ({ request_id, trace_id, span_id }: Partial<Row>) => ({ request_id, trace_id, span_id })

test('rows of all streams lie in the active span, whatever trace their request came with', async (t) => {
  const { fasten, rows } = joined(t)
  const ids = receive(headers, sent, () =>
    trace.getTracer('app').startActiveSpan('work', { root: true }, (span) => {
      fasten.emit(created)
      fasten.log.info('looked')
      fasten.recordApi({ method: 'GET', path: '/', status: 200, duration_us: 1 })
      span.end()
      return span.spanContext()
    }),
  )
  const expected = { request_id: 'req-1', trace_id: ids.traceId, span_id: ids.spanId }
  for (const stream of ['audit', 'sys', 'api'] as const)
    assert.deepEqual((await rows(stream)).map(traceOf), [expected], stream)
})

test('spans are stamped with the request id, those of libraries that know nothing of us too', async (t) => {
  const { spans } = joined(t, {})
  await receive(headers, sent, async () => {
    await turn()
    const outer = trace.getTracer('some-driver').startSpan('query')
    context.with(trace.setSpan(context.active(), outer), () =>
      trace.getTracer('some-driver').startSpan('row').end(),
    )
    outer.end()
  })
  trace.getTracer('app').startSpan('alone').end()
  const stamped = spans().map(({ name, attributes }) => [name, attributes['fasten.request_id']])
  const alone = spans()
    .find(({ name }) => name === 'alone')
    ?.spanContext().traceId
  assert.deepEqual(stamped, [
    ['row', 'req-1'],
    ['query', 'req-1'],
    ['alone', alone],
  ])
})

test('what came in through a carrier of ours goes on in OpenTelemetry: trace, parent and baggage', (t) => {
  const { spans, fasten } = joined(t)
  receive(headers, sent, () => {
    assert.equal(propagation.getActiveBaggage()?.getEntry('basket')?.value, 'blue one')
    trace.getTracer('app').startActiveSpan('handle', (span) => {
      fasten.emit(created)
      const out = carry(headers, {})
      assert.equal(out['traceparent'], `00-${span.spanContext().traceId}-${span.spanContext().spanId}-01`)
      assert.equal(out['baggage'], sent.baggage)
      span.end()
    })
  })
  const [span] = spans()
  assert.equal(span?.spanContext().traceId, '0af7651916cd43dd8448eb211c80319c')
  assert.equal(span?.parentSpanContext?.spanId, 'b7ad6b7169203331')
})

test('without a span of this process rows keep the trace of their request, and a span of their own', async (t) => {
  const { fasten, rows } = joined(t)
  receive(headers, sent, () => fasten.emit(created))
  const [row] = await rows()
  assert.equal(row?.trace_id, '0af7651916cd43dd8448eb211c80319c')
  assert.match(row.span_id ?? '', /^[0-9a-f]{16}$/)
  assert.notEqual(row.span_id, 'b7ad6b7169203331', 'the span of the sender is not ours')
})

test('with the bridge and no SDK everything is as it is without the bridge', async (t) => {
  const place = bench(t)
  const fasten = place.start({ stdout: ['none'] })
  t.after(instrumentOpenTelemetry())
  receive(headers, sent, () => {
    fasten.emit(created)
    assert.match(
      propagationHeaders()['traceparent'] ?? '',
      /^00-0af7651916cd43dd8448eb211c80319c-(?!b7ad)\w{16}-01$/,
    )
    // The API's own spans of an absent SDK have no ids, and mean nothing.
    trace.getTracer('app').startActiveSpan('none', () => fasten.emit(created))
  })
  assert.equal(currentContext(), undefined)
  assert.equal(currentRequestID(), null)
  await fasten.flush(20_000)
  const rows = await place.rows()
  assert.deepEqual(
    new Set(rows.map(({ trace_id }) => trace_id)),
    new Set(['0af7651916cd43dd8448eb211c80319c']),
  )
  assert.deepEqual(new Set(rows.map(({ request_id }) => request_id)), new Set(['req-1']))
})

test('a trace that is not sampled joins rows all the same, and outbound calls say that it is not', async (t) => {
  const { fasten, rows, spans } = joined(t, { sampler: new AlwaysOffSampler() })
  const ids = withRequestID('req-7', () =>
    trace.getTracer('app').startActiveSpan('dropped', (span) => {
      assert.equal(span.isRecording(), false)
      fasten.emit(created)
      assert.equal(
        propagationHeaders()['traceparent'],
        `00-${span.spanContext().traceId}-${span.spanContext().spanId}-00`,
      )
      return span.spanContext()
    }),
  )
  assert.deepEqual((await rows()).map(traceOf), [
    { request_id: 'req-7', trace_id: ids.traceId, span_id: ids.spanId },
  ])
  assert.deepEqual(spans(), [])
})

test('the tracestate of the active span goes with it, and no other', (t) => {
  joined(t)
  const remote = {
    traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
    spanId: '00f067aa0ba902b7',
    traceFlags: TraceFlags.SAMPLED,
    isRemote: true,
    traceState: api.createTraceState('vendor=1'),
  }
  receive(headers, { ...sent, tracestate: 'ours=2' }, () => {
    assert.equal(propagationHeaders()['tracestate'], 'ours=2')
    context.with(trace.setSpanContext(ROOT_CONTEXT, remote), () =>
      trace.getTracer('app').startActiveSpan('work', (span) => {
        assert.equal(propagationHeaders()['tracestate'], 'vendor=1')
        span.end()
      }),
    )
  })
})

test('audit rows are events of their span: code, row and outcome, nothing that a reader of traces may not see', async (t) => {
  const { fasten, rows, spans } = joined(t)
  trace.getTracer('app').startActiveSpan('work', (span) => {
    fasten.emit({ ...created, actor: 'alice', outcome: 'denied', detail: { secret: 1 } })
    fasten.log.info('no event')
    span.end()
  })
  const [row] = await rows()
  assert.deepEqual(
    spans()[0]?.events.map(({ name, attributes }) => ({ name, attributes })),
    [{ name: 'USER_CREATED', attributes: { 'log.record.uid': row?.id, 'fasten.outcome': 'denied' } }],
  )
})

test('events and links can be left out', (t) => {
  const { fasten, spans } = joined(t, { spanEvents: false, links: false })
  const cause = trace.getTracer('app').startActiveSpan('first', (span) => {
    span.end()
    return fasten.emit(created).id
  })
  trace.getTracer('app').startActiveSpan('second', { root: true }, (span) => {
    fasten.emit({ ...created, caused_by: cause })
    span.end()
  })
  assert.deepEqual(
    spans().map(({ events, links }) => [events, links]),
    [
      [[], []],
      [[], []],
    ],
  )
})

test('a row caused by one of another trace links the spans', (t) => {
  const { fasten, spans } = joined(t)
  const cause = trace.getTracer('app').startActiveSpan('first', (span) => {
    const { id } = fasten.emit(created)
    span.end()
    return id
  })
  trace.getTracer('app').startActiveSpan('second', { root: true }, (span) => {
    runWithContext({ request_id: 'req-2', caused_by: cause }, () => fasten.log.info('job_run_started'))
    span.end()
  })
  const [first, second] = spans()
  assert.deepEqual(
    second?.links.map(({ context: to, attributes }) => [to.traceId, to.spanId, attributes]),
    [[first?.spanContext().traceId, first?.spanContext().spanId, { 'fasten.caused_by': cause }]],
  )
  assert.deepEqual(first?.links, [])
})

test('a span that begins a trace of its own for a message links to the sender', (t) => {
  const { spans } = joined(t)
  const caused_by = 'evt-01J0000000000000000000000A'
  receive(headers, { ...sent, 'x-caused-by': caused_by }, () =>
    trace.getTracer('app').startActiveSpan('run', { root: true }, (span) => {
      trace.getTracer('app').startSpan('inner').end()
      span.end()
    }),
  )
  assert.deepEqual(
    spans().map(({ name, links }) => [
      name,
      links.map(({ context: to, attributes }) => [to.spanId, attributes]),
    ]),
    [
      ['inner', []],
      ['run', [['b7ad6b7169203331', { 'fasten.caused_by': caused_by }]]],
    ],
  )
})

test('work that only OpenTelemetry knows of has the id of its header, its baggage, or its trace', async (t) => {
  const { fasten, rows } = joined(t)
  const remote = (carrier: Record<string, string>): api.Context => propagation.extract(ROOT_CONTEXT, carrier)
  const { traceparent, baggage } = sent
  const found = [
    { traceparent, baggage: 'request_id=from-baggage', 'x-request-id': 'from-header' },
    { traceparent, baggage: 'request_id=from-baggage' },
    { traceparent, baggage },
    { traceparent },
    { traceparent, 'x-request-id': 'boot-posing as one of ours' },
    {},
  ].map((carrier) =>
    context.with(remote(carrier), () => {
      fasten.emit(created)
      return currentRequestID()
    }),
  )
  const { trace_id } = { trace_id: '0af7651916cd43dd8448eb211c80319c' }
  assert.deepEqual(found, ['from-header', 'from-baggage', 'req-1', trace_id, trace_id, null])
  const stored = await rows()
  assert.deepEqual(
    stored.slice(0, 5).map((row) => [row.request_id, row.trace_id]),
    found.slice(0, 5).map((id) => [id, trace_id]),
  )
  assert.equal(stored[4]?.inbound_request_id, 'boot-posing as one of ours')
  assert.match(stored[5]?.request_id ?? '', /^(orphan|boot)-shop-/)
})

test('where the id is looked for can be chosen, and a lookup that throws finds nothing', (t) => {
  joined(t, {
    requestIdFrom: [
      () => {
        throw new TypeError('no such table')
      },
      (_, span) => `looked-up-${span?.spanId ?? ''}`,
    ],
  })
  const warned = once(process, 'warning')
  trace.getTracer('app').startActiveSpan('work', (span) => {
    assert.equal(currentRequestID(), `looked-up-${span.spanContext().spanId}`)
    span.end()
  })
  return warned.then(([warning]: unknown[]) => {
    assert.equal((warning as { code?: string }).code, 'FASTEN_OTEL_LOOKUP')
  })
})

test('a lookup that asks something else than the context is asked each time', async (t) => {
  const { fasten, rows } = joined(t, { requestIdFrom: [() => theirs.getStore()] })
  const theirs = new AsyncLocalStorage<string>()
  const expected = ['one', 'two', 'three']
  // No span and no context manager entry: all of them run in the same context of OpenTelemetry, the root.
  await Promise.all(
    expected.map((id) =>
      theirs.run(id, async () => {
        await turn()
        fasten.emit({ ...created, target: id })
      }),
    ),
  )
  assert.deepEqual(
    (await rows()).map((row) => [row.request_id, (row as AuditRow).target]),
    expected.map((id) => [id, id]),
  )
})

test('a context of ours goes before what OpenTelemetry says', (t) => {
  joined(t)
  context.with(propagation.extract(ROOT_CONTEXT, sent), () =>
    withRequestID('mine', () => assert.equal(currentRequestID(), 'mine')),
  )
})

test('the bridge is taken out, and put back', (t) => {
  const { fasten: _ } = joined(t)
  const first = instrumentOpenTelemetry()
  const second = instrumentOpenTelemetry()
  const inside = (): string | null => trace.getTracer('app').startActiveSpan('work', () => currentRequestID())
  first()
  assert.notEqual(inside(), null, 'the first was replaced, so taking it out changes nothing')
  second()
  assert.equal(inside(), null)
})

test('wrong options are told at once, and the API can be handed in', () => {
  assert.throws(
    () => instrumentOpenTelemetry({ requestIdFrom: ['cookie' as never] }),
    /none of header, baggage, trace/,
  )
  const given: OtelApi = api
  instrumentOpenTelemetry({ api: given })()
})

test(
  '20,000 pieces of work at once: no row and no span has an id of another',
  { timeout: 120_000 },
  async (t) => {
    const rows: Pick<Row & { path: string }, 'path' | 'request_id' | 'trace_id' | 'span_id'>[] = []
    const place = bench(t)
    const fasten = place.start({
      stdout: ['api'],
      writable: {
        write(text) {
          for (const line of text.trimEnd().split('\n')) rows.push(JSON.parse(line) as (typeof rows)[0])
        },
      },
    })
    const sdk = startSdk()
    const stop = instrumentOpenTelemetry()
    t.after(async () => {
      stop()
      await sdk.stop()
    })
    /** What each piece of work is to be found with. Not in the rows: sixteen digits of a span id can look like the number of a card. */
    const expected = new Map<string, string>()
    const crossed: string[] = []
    const compare = (what: string, id: string, found: string): void => {
      if (found !== expected.get(id))
        crossed.push(`${what} of ${id}: ${found} for ${expected.get(id) ?? 'none'}`)
    }
    const work = (at: number): Promise<void> =>
      withRequestID(`req-${at}`, () =>
        trace.getTracer('app').startActiveSpan('work', async (span) => {
          const id = `req-${at}`
          const { traceId, spanId } = span.spanContext()
          expected.set(id, `${id} ${traceId} ${spanId}`)
          for (let turns = at % 3; turns >= 0; turns--) await turn()
          fasten.recordApi({ method: 'GET', path: `/${id}`, status: 200, duration_us: 1 })
          const [, trace_id = '', span_id = ''] = (propagationHeaders()['traceparent'] ?? '').split('-')
          compare('call', id, `${currentRequestID() ?? ''} ${trace_id} ${span_id}`)
          span.end()
        }),
      )
    await Promise.all(Array.from({ length: 20_000 }, (_, at) => work(at)))
    // The last lines are written with the turn.
    await turn()
    await turn()
    for (const { path, request_id, trace_id = '', span_id = '' } of rows)
      compare('row', path.slice(1), `${request_id} ${trace_id} ${span_id}`)
    for (const span of sdk.spans()) {
      const id = String(span.attributes['fasten.request_id'])
      compare('span', id, `${id} ${span.spanContext().traceId} ${span.spanContext().spanId}`)
    }
    assert.deepEqual(crossed.slice(0, 10), [], `${crossed.length} in all`)
    assert.deepEqual([rows.length, sdk.spans().length, expected.size], [20_000, 20_000, 20_000])
    assert.equal(new Set(rows.map(({ path }) => path)).size, 20_000, 'one row each')
  },
)
