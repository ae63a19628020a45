// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { PgBoss } from 'pg-boss'
import { startPostgres } from '../../../store/postgres/fixtures/server.ts'
import { describeCarrier } from '../../../testing/carrier-contract.ts'
import { currentContext, currentRequestID, runWithContext } from '../../context.ts'
import { recordingRuns, type RunRecording } from '../scheduler/fixtures/run-recorder.ts'
import { createArrivals, payloadBytes, payloadData } from './fixtures/payload.ts'
import { ended, forgedData, request, told } from './fixtures/request.ts'
import { bossCarrier, eachJob, instrumentPgBoss } from './pg-boss.ts'

const postgres = await startPostgres()
const connectionString = await postgres.freshDatabase()
let queues = 0

async function startBoss(): Promise<PgBoss> {
  const boss = new PgBoss({ connectionString, supervise: false, schedule: false, max: 4 })
  boss.on('error', () => {
    // The server goes away under the last of them.
  })
  await boss.start()
  return boss
}

describe('pg-boss', { timeout: 240_000 }, () => {
  const arrivals = createArrivals<{ data: unknown }>()
  let raw: PgBoss | undefined
  let shared: PgBoss | undefined
  after(async () => {
    await raw?.stop({ graceful: false })
    await shared?.stop({ graceful: false })
    await postgres.remove()
  })

  describeCarrier<{ data: unknown }>('pg-boss', async () => {
    if (raw === undefined) {
      raw = await startBoss()
      for (let number = 0; number < 10; number++) {
        await raw.createQueue(`carrier-${number}`)
        await raw.work(`carrier-${number}`, { batchSize: 500, pollingIntervalSeconds: 0.5 }, async (jobs) => {
          for (const { data } of jobs) {
            const { number: index, sent } = data as { number: number; sent: unknown }
            arrivals.arrive(index, { data: sent })
          }
        })
      }
    }
    return {
      carrier: bossCarrier,
      // A text stands for data that is one, and an object's text for that object.
      message: (payload) => ({
        data: typeof payload === 'string' && payload.startsWith('{') ? parsed(payload) : payloadData(payload),
      }),
      payloadOf: ({ data }) => payloadBytes(data),
      async transmit({ data }) {
        const { number, arrived } = arrivals.expect()
        await raw?.send(`carrier-${number % 10}`, { number, sent: data })
        return arrived
      },
      forged: forgedData,
      rewritesText: true,
      interleaved: 300,
    }
  })

  const it = (
    title: string,
    work: (recording: RunRecording, boss: PgBoss, queue: string) => Promise<void>,
    options: object = {},
  ): void => {
    test(title, { timeout: 60_000 }, async () => {
      shared ??= await startBoss()
      const queue = `queue-${++queues}`
      await shared.createQueue(queue, { retryDelay: 0, retryLimit: 1 })
      const recording = recordingRuns()
      const undo = instrumentPgBoss(shared, { fasten: recording.fasten, ...options })
      try {
        await work(recording, shared, queue)
      } finally {
        await shared.offWork(queue)
        undo()
      }
    })
  }

  it('a job runs for the request that sent it, and its data is as it was sent', async ({
    rows,
    until,
  }, boss, queue) => {
    const seen: unknown[] = []
    const data = { order: 7 }
    await boss.work(queue, { pollingIntervalSeconds: 0.5 }, async ([job]) => {
      seen.push(job?.data, currentContext())
    })
    const id = await runWithContext(request, () => boss.send(queue, data))
    await until(() => ended(rows) === 1)
    const [enqueued, started] = rows
    assert.deepEqual([data, seen[0]], [{ order: 7 }, { order: 7 }])
    assert.equal((seen[1] as { caused_by?: string }).caused_by, enqueued?.id)
    assert.deepEqual(
      { ...started?.fields, run_id: '' },
      { job: queue, run_id: '', job_id: id, attempt: 1, attempts_max: 2, enqueued_by: 'order-7' },
    )
    assert.equal(started?.context?.trace_id, request.trace_id)
    assert.equal(started?.context?.request_id, started?.fields.run_id)
  })

  it('attempts are linked', async ({ rows, until }, boss, queue) => {
    let calls = 0
    await boss.work(queue, { pollingIntervalSeconds: 0.5 }, async () => {
      if (++calls === 1) throw new RangeError('first')
    })
    await boss.send(queue)
    await until(() => ended(rows) === 2)
    assert.deepEqual(told(rows), [
      `job_enqueued ${queue}`,
      `job_run_started ${queue} 1`,
      `job_run_failed ${queue} 1 RangeError`,
      `job_run_started ${queue} 2`,
      `job_run_succeeded ${queue} 2`,
    ])
    assert.equal(rows[3]?.fields.retry_of, rows[1]?.fields.run_id)
    assert.notEqual(rows[3]?.fields.run_id, rows[1]?.fields.run_id)
  })

  it('a batch is one run that names all causes', async ({ rows, until }, boss, queue) => {
    for (const n of [1, 2, 3]) await boss.send(queue, { n })
    const seen: unknown[] = []
    await boss.work(queue, { batchSize: 3, pollingIntervalSeconds: 0.5 }, async (jobs) => {
      seen.push(...jobs.map(({ data }) => data))
    })
    await until(() => ended(rows) === 1)
    assert.equal(seen.length, 3)
    assert.ok(seen.every((data) => JSON.stringify(Object.keys(data as object)) === '["n"]'))
    const enqueued = rows.filter(({ event }) => event === 'job_enqueued').map(({ id }) => id)
    const started = rows.find(({ event }) => event === 'job_run_started')
    assert.deepEqual([started?.fields.jobs, started?.fields.causes?.toSorted()], [3, enqueued])
    assert.equal(started?.context?.caused_by, undefined)
  })

  it('each job of a batch can have a run of its own', async ({ rows, until, fasten }, boss, queue) => {
    for (const n of [1, 2, 3])
      await runWithContext({ request_id: `order-${n}` }, () => boss.send(queue, { n }))
    const seen = new Map<unknown, string | null>()
    const each = eachJob(
      async (job: { id: string; name: string; data: unknown }) => {
        seen.set((job.data as { n: number }).n, currentRequestID())
      },
      { fasten },
    )
    await boss.work(queue, { batchSize: 3, pollingIntervalSeconds: 0.5 }, each)
    await until(() => ended(rows) === 3)
    assert.equal(new Set(seen.values()).size, 3)
    const started = rows.filter(({ event }) => event === 'job_run_started')
    assert.deepEqual(
      started.map(({ fields }) => [fields.enqueued_by, fields.run_id]).toSorted(),
      [1, 2, 3].map((n) => [`order-${n}`, seen.get(n)]),
    )
  })

  it('insert, throttled and fetched jobs; none, where the queue has the job already', async ({
    rows,
    fasten,
  }, boss, queue) => {
    await runWithContext(request, async () => {
      await boss.insert(queue, [{ data: { n: 1 } }, {}])
      assert.match((await boss.sendThrottled(queue, { n: 2 }, {}, 3600, 'key')) ?? '', /^[0-9a-f-]{36}$/)
      assert.equal(await boss.sendThrottled(queue, { n: 2 }, {}, 3600, 'key'), null)
    })
    assert.deepEqual(told(rows), [
      ...Array.from({ length: 4 }, () => `job_enqueued ${queue}`),
      `job_run_skipped ${queue} duplicate`,
    ])
    const jobs = await boss.fetch(queue, { batchSize: 10 })
    assert.deepEqual(jobs.map(({ data }) => JSON.stringify(data)).toSorted(), ['null', '{"n":1}', '{"n":2}'])
    await eachJob(async () => currentRequestID(), { fasten })(jobs)
    for (const { event, fields } of rows)
      if (event === 'job_run_started') assert.equal(fields.enqueued_by, 'order-7')
  })

  it('two that send for one job: the second is told that there is one', async ({
    rows,
    until,
  }, boss, queue) => {
    const send = (request_id: string, options: object): Promise<unknown> =>
      runWithContext({ request_id }, () => boss.send(queue, { request_id }, options))
    const once = { singletonKey: 'one', singletonSeconds: 3600 }
    assert.notEqual(await send('order-1', once), null)
    assert.equal(await send('order-2', once), null)
    const debounced = (request_id: string): Promise<unknown> =>
      runWithContext({ request_id }, () => boss.sendDebounced(queue, { request_id }, {}, 3600, 'two'))
    assert.notEqual(await debounced('order-3'), null)
    assert.notEqual(await debounced('order-4'), null)
    assert.equal(await debounced('order-5'), null)
    const [{ id } = { id: '' }] = await boss.fetch(queue, { batchSize: 1 })
    await boss.deleteJob(queue, id)
    const same = { id, data: { request_id: 'order-6' } }
    await runWithContext({ request_id: 'order-6' }, async () => {
      assert.deepEqual(await boss.insert(queue, [same], { returnId: true }), [id])
      assert.equal(await boss.insert(queue, [same], { returnId: true }), null)
    })
    assert.deepEqual(
      rows
        .filter(({ event }) => event === 'job_run_skipped')
        .map(({ fields, context }) => [fields.reason, context?.request_id]),
      [
        ['duplicate', 'order-2'],
        ['duplicate', 'order-5'],
        ['duplicate', 'order-6'],
      ],
    )
    await boss.work(queue, { pollingIntervalSeconds: 0.5 }, async () => {})
    await until(() => ended(rows) === 2)
    const started = rows.filter(({ event }) => event === 'job_run_started')
    assert.deepEqual(started.map(({ fields }) => fields.enqueued_by).toSorted(), ['order-3', 'order-6'])
  })

  it('a job that was tried in a batch does not name a run that nobody made', async ({
    rows,
    until,
  }, boss, queue) => {
    for (const n of [1, 2]) await boss.send(queue, { n })
    let calls = 0
    await boss.work(queue, { batchSize: 2, pollingIntervalSeconds: 0.5 }, async (jobs) => {
      calls++
      if (jobs.length === 2) {
        await boss.complete(queue, jobs[0]?.id ?? '')
        throw new RangeError('together')
      }
    })
    await until(() => ended(rows) === 2)
    assert.equal(calls, 2)
    const [batch, alone] = rows.filter(({ event }) => event === 'job_run_started')
    assert.deepEqual([batch?.fields.jobs, alone?.fields.attempt, alone?.fields.retry_of], [2, 2, undefined])
  })

  it('failing for good, a job goes to the dead letters under the ids of who sent it', async ({
    rows,
    until,
  }, boss, queue) => {
    const dead = `${queue}-dead`
    await boss.createQueue(dead)
    await boss.updateQueue(queue, { deadLetter: dead })
    const refusing = async (): Promise<never> => {
      throw new RangeError('never')
    }
    await runWithContext(request, () => boss.send(queue, { order: 7 }, { retryLimit: 0, deadLetter: dead }))
    await boss.work(queue, { pollingIntervalSeconds: 0.5 }, refusing)
    const seen: unknown[] = []
    await boss.work(dead, { pollingIntervalSeconds: 0.5 }, async ([job]) => void seen.push(job?.data))
    await until(() => ended(rows) === 2)
    await boss.offWork(dead)
    assert.deepEqual(seen, [{ order: 7 }])
    const started = rows.filter(({ event }) => event === 'job_run_started')
    for (const { context, fields } of started)
      assert.deepEqual([fields.enqueued_by, context?.caused_by], ['order-7', rows[0]?.id])
  })

  it('one instance of a class that is instrumented is not instrumented twice', async ({
    rows,
    until,
    fasten,
  }) => {
    const undoClass = instrumentPgBoss(PgBoss, { fasten })
    const boss = await startBoss()
    const undo = instrumentPgBoss(boss, { fasten })
    try {
      await boss.createQueue('twice')
      await boss.send('twice', {})
      await boss.work('twice', { pollingIntervalSeconds: 0.5 }, async () => {})
      await until(() => ended(rows) === 1)
      assert.equal(rows.length, 3)
    } finally {
      undo()
      undoClass()
      await boss.stop({ graceful: false })
    }
  })

  it('data that has no room, and hostile data, do a run no harm', async ({ rows, until }, boss, queue) => {
    const odd: unknown[] = [
      [1, 2],
      { _req: 'x'.repeat(5000) },
      { _req: { request_id: 'boot-svc-0123456789ab', caused_by: 'no row', traceparent: 'no' } },
      { _req: { request_id: 7, data: 1, more: true }, a: 1 },
      { _req: null },
    ]
    const seen: unknown[] = []
    await boss.work(
      queue,
      { pollingIntervalSeconds: 0.5, batchSize: 1, localConcurrency: 3 },
      async ([job]) => {
        seen.push(job?.data)
      },
    )
    for (const data of odd) await boss.send(queue, data as object)
    await until(() => ended(rows) === odd.length)
    for (const { event, context, fields } of rows)
      if (event === 'job_run_started') {
        assert.equal(context?.request_id, fields.run_id)
        assert.match(fields.run_id ?? '', /^scheduler-shop-[0-9a-f]{12}$/)
      }
    const kept = seen.map((data) => JSON.stringify(data))
    for (const data of [odd[0], odd[1], odd[4]])
      assert.ok(kept.includes(JSON.stringify(data)), JSON.stringify(data))
  })

  it('whoever cannot send is told so, and a row says it', async ({ rows }, boss, queue) => {
    await assert.rejects(boss.send(`${queue}-absent`, {}), /does not exist/)
    assert.deepEqual(told(rows), [
      `job_enqueued ${queue}-absent`,
      `job_run_skipped ${queue}-absent Error not enqueued`,
    ])
    await assert.rejects(async () => boss.send(undefined as never), /AssertionError|name/)
  })
})

function parsed(text: string): unknown {
  return JSON.parse(text) as unknown
}
