// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises'
import { currentContext, currentRequestID, runWithContext } from '../../context.ts'
import { recordingRuns } from './fixtures/run-recorder.ts'
import { instrument, job, jobRun, mintRunID } from './index.ts'

const runId = /^scheduler-shop-[0-9a-f]{12}$/

describe('a function as a job', () => {
  test('a run has an id, a context, and a row at each end', async () => {
    const { fasten, rows } = recordingRuns()
    const sweep = job('sweep', async (n: number) => [n, currentContext()] as const, { fasten })
    const [n, context] = await sweep(7)
    assert.equal(n, 7)
    assert.match(context?.request_id ?? '', runId)
    assert.deepEqual(context, {
      request_id: context?.request_id,
      method: 'scheduler',
      actor_kind: 'scheduler',
    })
    const run_id = context?.request_id
    assert.deepEqual(
      rows.map(({ level, event, fields, context: { request_id } = {} }) => ({
        level,
        event,
        request_id,
        fields: { ...fields, duration_ms: typeof fields.duration_ms },
      })),
      [
        {
          level: 'info',
          event: 'job_run_started',
          request_id: run_id,
          fields: { job: 'sweep', run_id, duration_ms: 'undefined' },
        },
        {
          level: 'info',
          event: 'job_run_succeeded',
          request_id: run_id,
          fields: { job: 'sweep', run_id, duration_ms: 'number' },
        },
      ],
    )
    assert.equal(currentContext(), undefined)
  })

  test('this, arguments, name, arity and what comes back are the function’s own', async () => {
    const { fasten } = recordingRuns()
    function add(this: { base: number }, a: number, b: number): number {
      return this.base + a + b
    }
    const wrapped = instrument(add, { fasten })
    assert.deepEqual([wrapped.name, wrapped.length, wrapped.call({ base: 1 }, 2, 3)], ['add', 2, 6])
    const promise = Promise.resolve(5)
    assert.ok(instrument(() => promise, { fasten })() instanceof Promise)
    // oxlint-disable-next-line no-thenable -- query builders are such things
    const lazy = { then: (resolve: (value: number) => void) => resolve(6) }
    assert.equal(await instrument(() => lazy, { fasten })(), 6)
    assert.equal(instrument(wrapped, { fasten, name: 'again' }), wrapped)
  })

  test('whatever is thrown comes back as it is, and its row tells of it', async () => {
    const { fasten, rows } = recordingRuns()
    class Odd extends Error {}
    const thrown: readonly unknown[] = [
      new Odd('no'),
      'text',
      7,
      null,
      undefined,
      { code: 1 },
      Object.create(null),
    ]
    for (const value of thrown) {
      const fails = job(
        'fails',
        () => {
          throw value
        },
        { fasten },
      )
      assert.throws(fails, (failure) => failure === value)
      const rejects = job('rejects', async () => Promise.reject(value as Error), { fasten })
      await rejects().then(assert.fail, (failure: unknown) => assert.equal(failure, value))
    }
    const failed = rows.filter(({ event }) => event === 'job_run_failed')
    assert.deepEqual(
      failed.map(({ level, fields: { error, err } }) => [level, error, err]),
      thrown.flatMap((value, index) => {
        const error = ['Odd', 'string', 'number', 'null', 'undefined', 'object', 'object'][index]
        return [
          ['error', error, value],
          ['error', error, value],
        ]
      }),
    )
    assert.equal(rows.length, 4 * thrown.length)
  })

  test('a rejection that nobody handles is seen by the process', async () => {
    const { fasten } = recordingRuns()
    const failure = new Error('nobody handles this')
    const others = process.listeners('unhandledRejection')
    process.removeAllListeners('unhandledRejection')
    try {
      for (const overlap of ['allow', 'skip', 'queue'] as const) {
        const seen = Promise.withResolvers<unknown>()
        process.once('unhandledRejection', seen.resolve)
        void job('lost', async () => Promise.reject(failure), { fasten, overlap } as { overlap: 'skip' })()
        assert.equal(await seen.promise, failure, overlap)
      }
    } finally {
      for (const other of others) process.on('unhandledRejection', other)
    }
  })

  test('inside a request it is asked for there, and the run names who asked', async () => {
    const { fasten, rows } = recordingRuns()
    const request = {
      request_id: 'order-7',
      trace_id: 'a'.repeat(32),
      span_id: 'b'.repeat(16),
      baggage: 'shop=1',
      tenant_id: 'acme',
      actor: 'ada',
      method: 'http',
    }
    const ship = job('ship', async () => currentContext(), { fasten })
    const context = await runWithContext(request, () => ship())
    const [enqueued, started, ended] = rows
    assert.deepEqual(
      [enqueued?.event, enqueued?.context, enqueued?.fields],
      ['job_enqueued', request, { job: 'ship' }],
    )
    assert.deepEqual(
      { ...context, request_id: '', span_id: '' },
      {
        request_id: '',
        span_id: '',
        trace_id: request.trace_id,
        trace_flags: 0,
        parent_span_id: request.span_id,
        baggage: 'shop=1',
        tenant_id: 'acme',
        caused_by: enqueued?.id,
        method: 'scheduler',
        actor_kind: 'scheduler',
      },
    )
    assert.match(context?.request_id ?? '', runId)
    assert.notEqual(context?.span_id, request.span_id)
    assert.deepEqual([started?.fields.enqueued_by, ended?.fields.enqueued_by], ['order-7', 'order-7'])
  })

  test('it keeps the request’s id where it is told to, and has a run id all the same', async () => {
    const { fasten, rows } = recordingRuns()
    const ship = job('ship', () => currentRequestID(), {
      fasten,
      keepsRequestId: true,
      context: { actor: 'robot' },
    })
    assert.equal(
      runWithContext({ request_id: 'order-7' }, () => ship()),
      'order-7',
    )
    assert.match(ship() ?? '', runId)
    assert.match(rows[1]?.fields.run_id ?? '', runId)
    assert.deepEqual([rows[1]?.context?.request_id, rows[1]?.context?.actor], ['order-7', 'robot'])
  })

  test('no run takes the id of another run, and it names it all the same', () => {
    const { fasten, rows } = recordingRuns()
    const ship = job('ship', () => currentRequestID(), { fasten, keepsRequestId: true })
    const asking = mintRunID('shop')
    const own = runWithContext({ request_id: asking }, () => ship())
    assert.match(own ?? '', runId)
    assert.notEqual(own, asking)
    assert.equal(rows[1]?.fields.enqueued_by, asking)
  })

  test('a clock that is set while a run goes on changes no duration', async (t) => {
    const { fasten, rows } = recordingRuns()
    t.mock.timers.enable({ apis: ['Date'], now: Date.UTC(2026, 0, 1) })
    for (const to of [Date.UTC(2025, 0, 1), Date.UTC(2027, 0, 1)])
      await job(
        'stepped',
        async () => {
          t.mock.timers.setTime(to)
          await turn()
        },
        { fasten, expectedMs: 3_600_000 },
      )()
    assert.deepEqual(
      rows.map(({ event, fields: { duration_ms = 0 } }) => [
        event,
        duration_ms >= 0 && duration_ms < 3_600_000,
      ]),
      [0, 1].flatMap(() => [
        ['job_run_started', true],
        ['job_run_succeeded', true],
      ]),
    )
  })

  test('without rows it still runs in a context of its own', () => {
    const { fasten, rows } = recordingRuns()
    assert.match(job('quiet', () => currentRequestID(), { fasten, records: false })() ?? '', runId)
    assert.deepEqual(rows, [])
  })

  test('a run that lasts longer than expected says so when it does, and ends all the same', async () => {
    const { fasten, rows, until } = recordingRuns()
    const let_go = Promise.withResolvers<number>()
    const running = job('slow', () => let_go.promise, { fasten, expectedMs: 1 })()
    await until(() => rows.length === 2)
    assert.deepEqual(
      [rows[1]?.event, rows[1]?.level, rows[1]?.fields.expected_ms],
      ['job_run_overran', 'warn', 1],
    )
    let_go.resolve(9)
    assert.equal(await running, 9)
    assert.equal(rows[2]?.event, 'job_run_succeeded')

    const blocking = job(
      'blocking',
      () => {
        const end = performance.now() + 3
        while (performance.now() < end);
      },
      { fasten, expectedMs: 1 },
    )
    blocking()
    assert.deepEqual(
      rows.slice(3).map(({ event }) => event),
      ['job_run_started', 'job_run_overran', 'job_run_succeeded'],
    )
  })

  test('a time longer than a timer can wait is not waited for', async () => {
    const { fasten, rows } = recordingRuns()
    await job('yearly', () => sleep(5), { fasten, expectedMs: 365 * 86_400_000 })()
    assert.deepEqual(
      rows.map(({ event }) => event),
      ['job_run_started', 'job_run_succeeded'],
    )
  })

  test('two runs at once never share an id, and the one that is skipped says which run stood in the way', async () => {
    const { fasten, rows, eventsOf } = recordingRuns()
    const first = Promise.withResolvers<string>()
    const skipping = job('tick', () => first.promise, { fasten, overlap: 'skip' })
    const running = skipping()
    assert.equal(skipping(), undefined)
    first.resolve('done')
    assert.equal(await running, 'done')
    await skipping()
    const [started, skipped] = rows
    assert.deepEqual(
      [skipped?.event, skipped?.level, skipped?.fields.reason, skipped?.fields.running],
      ['job_run_skipped', 'warn', 'overlap', started?.fields.run_id],
    )
    assert.deepEqual(eventsOf(skipped?.fields.run_id), ['job_run_skipped'])
    assert.equal(skipped?.context?.request_id, skipped?.fields.run_id)
    assert.deepEqual(eventsOf(started?.fields.run_id), ['job_run_started', 'job_run_succeeded'])
    assert.equal(rows.length, 5)
  })

  test('runs that wait for their turn come one after another, and not without end', async () => {
    const { fasten, rows } = recordingRuns()
    let open = 0
    const one = job(
      'queued',
      async (n: number) => {
        assert.equal(++open, 1)
        await turn()
        open--
        if (n === 1) throw new Error('the next one runs all the same')
        return n
      },
      { fasten, overlap: 'queue', waitingMax: 2 },
    )
    const results = await Promise.allSettled([0, 1, 2, 3].map((n) => one(n)))
    assert.deepEqual(
      results.map((result) => (result.status === 'fulfilled' ? result.value : 'failed')),
      [0, 'failed', 2, undefined],
    )
    assert.deepEqual(
      rows.map(({ event, fields: { reason } }) => [event, reason].join(' ').trim()),
      [
        'job_run_skipped queue_full',
        'job_run_started',
        'job_run_succeeded',
        'job_run_started',
        'job_run_failed',
        'job_run_started',
        'job_run_succeeded',
      ],
    )
  })

  test('a job that calls itself is a run that a run asked for', async () => {
    const { fasten, rows } = recordingRuns()
    const count = job(
      'count',
      async (n: number): Promise<number> => (n === 0 ? 0 : 1 + (await count(n - 1))),
      { fasten },
    )
    assert.equal(await count(2), 2)
    const started = rows.filter(({ event }) => event === 'job_run_started')
    const ids = started.map(({ fields }) => fields.run_id)
    assert.equal(new Set(ids).size, 3)
    assert.deepEqual(
      started.map(({ fields }) => fields.enqueued_by),
      [undefined, ids[0], ids[1]],
    )
  })

  test('20,000 runs in the air together never see another’s id, and their rows do not mix', async () => {
    const { fasten, rows } = recordingRuns()
    let crossed = 0
    const look = job(
      'look',
      async (n: number) => {
        const own = currentRequestID()
        for (let turns = 0; turns < 3; turns++) {
          await (turns === 1 ? sleep(n % 5) : turn())
          if (currentRequestID() !== own) crossed++
        }
        if (n % 10 === 0) throw new Error(String(n))
        return own
      },
      { fasten },
    )
    const results = await Promise.allSettled(Array.from({ length: 20_000 }, (_, n) => look(n)))
    assert.equal(crossed, 0)
    const ends = new Map<string | undefined, string>()
    for (const { event, fields, context } of rows) {
      assert.equal(context?.request_id, fields.run_id)
      ends.set(fields.run_id, `${ends.get(fields.run_id) ?? ''} ${event}`)
    }
    assert.equal(ends.size, 20_000)
    const told = Map.groupBy(ends.values(), (events) => events)
    assert.deepEqual(
      [
        told.get(' job_run_started job_run_succeeded')?.length,
        told.get(' job_run_started job_run_failed')?.length,
      ],
      [18_000, 2_000],
    )
    assert.equal(results.filter(({ status }) => status === 'rejected').length, 2_000)
  })

  test('what is wrong in the options is told at once', () => {
    const fn = (): void => {}
    const wrong: readonly [object, RegExp][] = [
      [{ expectedMs: 0 }, /^TypeError: expectedMs: 0 is no number/],
      [{ expectedMs: '5' }, /^TypeError: expectedMs/],
      [{ overlap: 'never' }, /^TypeError: overlap: "never" is none of allow, skip, queue/],
      [{ overlap: 'queue', waitingMax: -1 }, /^TypeError: waitingMax: -1/],
      [{ name: '' }, /^TypeError: name/],
      [{ records: 'yes' }, /^TypeError: records/],
      [{ fasten: {} }, /^TypeError: fasten/],
      [{ context: 1 }, /^TypeError: context/],
    ]
    for (const [options, message] of wrong) assert.throws(() => instrument(fn, options), message)
    assert.throws(() => instrument('x' as never), /^TypeError/)
  })
})

test('jobRun is a run’s context for schedulers that tell of their runs themselves', () => {
  assert.match(mintRunID(), /^scheduler-svc-[0-9a-f]{12}$/)
  const id = mintRunID('shop')
  assert.deepEqual(jobRun(id, currentContext), {
    request_id: id,
    method: 'scheduler',
    actor_kind: 'scheduler',
  })
  assert.equal(jobRun('nightly-7', currentRequestID), 'nightly-7')
  for (const bad of [undefined, 'a b', '', 'x'.repeat(200)])
    assert.match(jobRun(bad, currentRequestID) ?? '', /^scheduler-svc-[0-9a-f]{12}$/)
})
