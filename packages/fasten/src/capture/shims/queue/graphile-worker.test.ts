// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import {
  Logger,
  makeWorkerUtils,
  run,
  runOnce,
  type Runner,
  type TaskList,
  type WorkerUtils,
} from 'graphile-worker'
import { startPostgres } from '../../../store/postgres/fixtures/server.ts'
import { describeCarrier } from '../../../testing/carrier-contract.ts'
import { currentContext, runWithContext } from '../../context.ts'
import { recordingRuns, type RunRecording } from '../scheduler/fixtures/run-recorder.ts'
import { createArrivals, payloadBytes, payloadData } from './fixtures/payload.ts'
import { forgedData, request, told } from './fixtures/request.ts'
import { graphileCarrier, instrumentGraphileAdder, instrumentGraphileTasks } from './graphile-worker.ts'

const postgres = await startPostgres()
const connectionString = await postgres.freshDatabase()
const logger = new Logger(() => () => {})

describe('graphile-worker', { timeout: 240_000 }, () => {
  const arrivals = createArrivals<{ data: unknown }>()
  let utils: WorkerUtils | undefined
  let runner: Runner | undefined
  after(async () => {
    await runner?.stop()
    await utils?.release()
    await postgres.remove()
  })

  const opened = async (): Promise<WorkerUtils> => {
    if (utils !== undefined) return utils
    utils = await makeWorkerUtils({ connectionString, logger })
    await utils.migrate()
    return utils
  }

  describeCarrier<{ data: unknown }>('graphile-worker', async () => {
    const adder = await opened()
    runner ??= await run({
      connectionString,
      logger,
      noHandleSignals: true,
      concurrency: 20,
      pollInterval: 50,
      taskList: {
        arrive: (payload) => {
          const { number, sent } = payload as { number: number; sent: unknown }
          arrivals.arrive(number, { data: sent })
        },
      },
    })
    return {
      carrier: graphileCarrier,
      message: (payload) => ({
        data:
          typeof payload === 'string' && payload.startsWith('{')
            ? (JSON.parse(payload) as unknown)
            : payloadData(payload),
      }),
      payloadOf: ({ data }) => payloadBytes(data),
      async transmit({ data }) {
        const { number, arrived } = arrivals.expect()
        await adder.addJob('arrive', { number, sent: data })
        return arrived
      },
      forged: forgedData,
      rewritesText: true,
      interleaved: 300,
    }
  })

  const it = (
    title: string,
    work: (
      recording: RunRecording,
      adder: WorkerUtils,
      once: (tasks: TaskList) => Promise<void>,
    ) => Promise<void>,
  ): void => {
    test(title, { timeout: 60_000 }, async () => {
      const adder = await opened()
      const recording = recordingRuns()
      const undo = instrumentGraphileAdder(adder, { fasten: recording.fasten })
      const once = async (tasks: TaskList): Promise<void> => {
        instrumentGraphileTasks(tasks, { fasten: recording.fasten })
        await runOnce({ connectionString, logger, taskList: tasks, noHandleSignals: true })
      }
      try {
        await work(recording, adder, once)
      } finally {
        undo()
      }
    })
  }

  it('a job runs for the request that added it, and its payload is as it was added', async ({
    rows,
  }, adder, once) => {
    const seen: unknown[] = []
    const job = await runWithContext(request, () => adder.addJob('ship', { order: 7 }, { maxAttempts: 3 }))
    await once({
      ship: (payload, helpers) => void seen.push(payload, helpers.job.payload, currentContext()?.caused_by),
    })
    const [enqueued, started] = rows
    assert.deepEqual(seen, [{ order: 7 }, { order: 7 }, enqueued?.id])
    assert.deepEqual(
      { ...started?.fields, run_id: '' },
      { job: 'ship', run_id: '', job_id: job.id, attempt: 1, attempts_max: 3, enqueued_by: 'order-7' },
    )
    assert.equal(started?.context?.request_id, started?.fields.run_id)
    assert.deepEqual(told(rows), ['job_enqueued ship', 'job_run_started ship 1', 'job_run_succeeded ship 1'])
  })

  it('attempts are linked, and jobs that a task adds name its run', async ({ rows }, adder, once) => {
    let calls = 0
    await adder.addJob('flaky', undefined)
    const tasks: TaskList = {
      async flaky(payload, { addJob, job }) {
        assert.deepEqual(payload, {})
        if (++calls === 1) throw new RangeError('first')
        await addJob('next', { after: job.id })
      },
      next: () => {},
    }
    await once(tasks)
    await adder.withPgClient((client) =>
      client.query(`update graphile_worker._private_jobs set run_at = now()`),
    )
    await once(tasks)
    assert.deepEqual(told(rows), [
      'job_enqueued flaky',
      'job_run_started flaky 1',
      'job_run_failed flaky 1 RangeError',
      'job_run_started flaky 2',
      'job_enqueued next',
      'job_run_succeeded flaky 2',
      'job_run_started next 1',
      'job_run_succeeded next 1',
    ])
    assert.equal(rows[3]?.fields.retry_of, rows[1]?.fields.run_id)
    assert.equal(rows[6]?.fields.enqueued_by, rows[3]?.fields.run_id)
  })

  it('many at once, lists that have no room, and jobs that SQL adds', async ({ rows }, adder, once) => {
    const seen: unknown[] = []
    await runWithContext(request, () =>
      adder.addJobs([
        { identifier: 'many', payload: { n: 1 } },
        { identifier: 'many', payload: [{ n: 2 }] },
      ]),
    )
    await adder.withPgClient((client) =>
      client.query(`select graphile_worker.add_job('many', '{"_req":{"request_id":"a b"},"n":3}')`),
    )
    await once({ many: (payload) => void seen.push(payload) })
    assert.deepEqual(seen.map((payload) => JSON.stringify(payload)).toSorted(), [
      '[{"n":2}]',
      '{"n":1}',
      '{"n":3}',
    ])
    const started = rows.filter(({ event }) => event === 'job_run_started')
    assert.deepEqual(started.map(({ fields }) => fields.enqueued_by ?? '').toSorted(), ['', '', 'order-7'])
    assert.deepEqual(
      started.flatMap(({ context }) => context?.inbound_request_id ?? []),
      ['a b'],
    )
  })

  it('a job that replaces one begins anew, and one that was there already is not enqueued', async ({
    rows,
  }, adder, once) => {
    const add = (request_id: string, jobKeyMode: 'replace' | 'unsafe_dedupe'): Promise<unknown> =>
      runWithContext({ request_id }, () =>
        adder.addJob('keyed', { request_id }, { jobKey: 'one', jobKeyMode }),
      )
    const again = (): Promise<unknown> =>
      adder.withPgClient((client) => client.query(`update graphile_worker._private_jobs set run_at = now()`))
    const tasks: TaskList = {
      keyed() {
        throw new RangeError('never')
      },
    }
    await add('order-1', 'replace')
    await once(tasks)
    await add('order-2', 'replace')
    await once(tasks)
    await add('order-3', 'unsafe_dedupe')
    await again()
    await once(tasks)
    assert.deepEqual(told(rows), [
      'job_enqueued keyed',
      'job_run_started keyed 1',
      'job_run_failed keyed 1 RangeError',
      'job_enqueued keyed',
      'job_run_started keyed 1',
      'job_run_failed keyed 1 RangeError',
      'job_enqueued keyed',
      'job_run_skipped keyed duplicate',
      'job_run_started keyed 2',
      'job_run_failed keyed 2 RangeError',
    ])
    const [first, second, third] = rows
      .filter(({ event }) => event === 'job_run_started')
      .map(({ fields }) => fields)
    assert.deepEqual(
      [first?.enqueued_by, second?.enqueued_by, third?.enqueued_by],
      ['order-1', 'order-2', 'order-2'],
    )
    assert.equal(first?.job_id, second?.job_id)
    assert.notEqual(first?.run_id, second?.run_id)
    assert.deepEqual(
      [first?.retry_of, second?.retry_of, third?.retry_of],
      [undefined, undefined, second?.run_id],
    )
    await adder.completeJobs([String(first?.job_id)])
  })

  it('what the library refuses it refuses, and a task can be called by hand', async ({ rows }, adder) => {
    await assert.rejects(async () => adder.addJobs(undefined as never))
    await assert.rejects(async () => adder.addJobs([null] as never))
    const tasks: TaskList = { ship: (payload) => payload as never }
    instrumentGraphileTasks(tasks)
    const ship = tasks['ship'] as (payload: unknown, helpers?: unknown) => unknown
    assert.deepEqual([ship(7), ship(8, {})], [7, 8])
    assert.deepEqual(rows, [])
  })

  test('tasks and adders are put back', async () => {
    const ship = (): void => {}
    const tasks = { ship }
    const undo = instrumentGraphileTasks(tasks)
    assert.notEqual(tasks.ship, ship)
    assert.equal(instrumentGraphileTasks(tasks), undo)
    undo()
    assert.equal(tasks.ship, ship)
  })
})
