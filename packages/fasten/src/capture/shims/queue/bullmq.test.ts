// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, describe, test } from 'node:test'
import * as bullmq from 'bullmq'
import { Redis } from 'ioredis'
import { startPostgres, type PostgresServer } from '../../../store/postgres/fixtures/server.ts'
import { describeCarrier } from '../../../testing/carrier-contract.ts'
import { startDebianServer, type DebianServer } from '../../carriers/fixtures/debian-server.ts'
import { currentContext, currentRequestID, runWithContext } from '../../context.ts'
import { recordingRuns, type RunRecording } from '../scheduler/fixtures/run-recorder.ts'
import { bullCarrier, bullProcessor, instrumentBullMQ, type BullMQ } from './bullmq.ts'
import { createArrivals, payloadBytes, payloadData } from './fixtures/payload.ts'

interface Backend {
  readonly name: string
  /** What BullMQ is given as `connection`, once the server runs. */
  start(): Promise<{ readonly connection: object; readonly skip: string | false }>
  stop(): Promise<void>
  readonly classes: Pick<typeof bullmq, 'Queue' | 'Worker' | 'FlowProducer'>
}

let redis: DebianServer | undefined
let client: Redis | undefined
let postgres: PostgresServer | undefined

const backends: readonly Backend[] = [
  {
    name: 'Redis',
    classes: bullmq,
    async start() {
      const { server, skip } = await startDebianServer('redis-server')
      redis = server
      if (server === undefined) return { connection: {}, skip }
      client = new Redis(server.port, { maxRetriesPerRequest: null })
      return { connection: client, skip }
    },
    async stop() {
      client?.disconnect()
      await redis?.remove()
    },
  },
  {
    name: 'Postgres',
    classes: bullmq.withBackend(bullmq.createPostgresBackend) as unknown as Backend['classes'],
    async start() {
      postgres = await startPostgres()
      return { connection: { connectionString: await postgres.freshDatabase(), migrate: true }, skip: false }
    },
    stop: async () => postgres?.remove(),
  },
]

for (const { name, classes, start, stop } of backends) {
  const { connection, skip } = await start()
  describe(`BullMQ on ${name}`, { timeout: 240_000, skip }, () => {
    const closers: { close(): Promise<unknown> }[] = []
    const opened = <T extends { close(): Promise<unknown> }>(one: T): T => {
      closers.push(one)
      return one
    }
    const newQueue = (): bullmq.Queue => opened(new classes.Queue(randomUUID(), { connection }))
    const newWorker = (queue: string, work: bullmq.Processor | string, options: object = {}): bullmq.Worker =>
      opened(new classes.Worker(queue, work, { connection, ...options }))
    const closeAll = async (): Promise<void> => {
      for (const one of closers.splice(0).reverse()) await one.close()
    }
    after(async () => {
      await closeAll()
      await stop()
    })

    interface Message {
      readonly data: unknown
      readonly opts?: object
    }
    const arrivals = createArrivals<Message>()
    let queue: bullmq.Queue | undefined

    describeCarrier<Message>(`BullMQ on ${name}`, async () => {
      if (queue === undefined) {
        queue = newQueue()
        newWorker(
          queue.name,
          async ({ name: number, data, opts }) => arrivals.arrive(Number(number), { data, opts }),
          { concurrency: 50 },
        )
      }
      return {
        carrier: bullCarrier as never,
        message: (payload) => ({ data: payloadData(payload), opts: {} }),
        payloadOf: ({ data }) => payloadBytes(data),
        async transmit({ data, opts }) {
          const { number, arrived } = arrivals.expect()
          await queue?.add(String(number), data, opts)
          return arrived
        },
        forged: ({ request_id, traceparent, tracestate, baggage, caused_by }) => ({
          data: '',
          opts: { 'x-request-id': request_id, traceparent, tracestate, baggage, 'x-caused-by': caused_by },
        }),
        interleaved: 300,
      }
    })

    const it = (
      title: string,
      work: (recording: RunRecording, module: BullMQ) => Promise<void>,
      options: object = {},
    ): void => {
      test(title, { timeout: 30_000 }, async () => {
        const recording = recordingRuns()
        const undo = instrumentBullMQ(classes, { fasten: recording.fasten, ...options })
        try {
          await work(recording, classes)
        } finally {
          await closeAll()
          undo()
        }
      })
    }

    it('a job runs for the request that added it', async ({ rows, until }) => {
      const jobs = newQueue()
      const seen: unknown[] = []
      newWorker(jobs.name, async (job) => {
        seen.push(job.data, currentContext())
        return 'done'
      })
      const request = { request_id: 'order-7', trace_id: 'a'.repeat(32), span_id: 'b'.repeat(16) }
      const opts = { attempts: 3 }
      const job = await runWithContext(request, () => jobs.add('ship', { order: 7 }, opts))
      assert.deepEqual(opts, { attempts: 3 })
      await until(() => rows.length === 3)
      const [enqueued, started, succeeded] = rows
      assert.deepEqual(
        [enqueued?.event, enqueued?.context?.request_id, enqueued?.fields],
        ['job_enqueued', 'order-7', { job: 'ship', queue: jobs.name }],
      )
      const [data, context] = seen as [object, ReturnType<typeof currentContext>]
      assert.deepEqual(data, { order: 7 })
      assert.deepEqual(
        { ...context, span_id: '', request_id: '' },
        {
          request_id: '',
          method: 'queue',
          actor_kind: 'scheduler',
          trace_id: request.trace_id,
          span_id: '',
          trace_flags: 0,
          parent_span_id: request.span_id,
          caused_by: enqueued?.id,
        },
      )
      assert.match(context?.request_id ?? '', /^scheduler-shop-[0-9a-f]{12}$/)
      const fields = {
        job: 'ship',
        run_id: context?.request_id,
        queue: jobs.name,
        job_id: job.id,
        attempt: 1,
        attempts_max: 3,
        enqueued_by: 'order-7',
      }
      assert.deepEqual([started?.event, started?.fields], ['job_run_started', fields])
      assert.deepEqual(
        [succeeded?.event, { ...succeeded?.fields, duration_ms: 0 }],
        ['job_run_succeeded', { ...fields, duration_ms: 0 }],
      )
    })

    it('attempts are linked, and what only asks to be called again has not failed', async ({
      rows,
      until,
    }) => {
      const jobs = newQueue()
      let calls = 0
      newWorker(jobs.name, async (job, token) => {
        calls++
        if (calls === 1) throw new RangeError('first')
        if (calls === 2) {
          await job.moveToDelayed(Date.now() + 1, token)
          throw new bullmq.DelayedError()
        }
      })
      await jobs.add('flaky', {}, { attempts: 2 })
      await until(() => rows.length === 7)
      const told = rows.map(({ event, fields: { attempt, error, reason } }) =>
        [event, attempt, error, reason].filter((word) => word !== undefined).join(' '),
      )
      assert.deepEqual(told, [
        'job_enqueued',
        'job_run_started 1',
        'job_run_failed 1 RangeError',
        'job_run_started 2',
        'job_run_succeeded 2 DelayedError',
        'job_run_started 2',
        'job_run_succeeded 2',
      ])
      const runs = rows.filter(({ event }) => event === 'job_run_started').map(({ fields }) => fields)
      assert.deepEqual(
        runs.map(({ retry_of }) => retry_of),
        [undefined, runs[0]?.run_id, runs[1]?.run_id],
      )
      assert.equal(new Set(runs.map(({ run_id }) => run_id)).size, 3)
    })

    it('bulk, flows and schedulers carry it too', async ({ rows, until }) => {
      const jobs = newQueue()
      newWorker(jobs.name, async () => currentRequestID())
      const flows = opened(new classes.FlowProducer({ connection }))
      await runWithContext({ request_id: 'order-8' }, async () => {
        await jobs.addBulk([
          { name: 'one', data: 1 },
          { name: 'two', data: 2, opts: { delay: 5 } },
        ])
        await flows.add({
          name: 'parent',
          queueName: jobs.name,
          children: [{ name: 'child', queueName: jobs.name, data: {} }],
        })
        await jobs.upsertJobScheduler('tick', { every: 3_600_000 }, { name: 'ticking' })
      })
      await until(() => rows.filter(({ event }) => event === 'job_run_succeeded').length === 5)
      const causes = new Map(
        rows.flatMap(({ id, event, fields: { job } }) => (event === 'job_enqueued' ? [[job, id]] : [])),
      )
      assert.deepEqual([...causes.keys()], ['one', 'two', 'parent', 'child', 'ticking'])
      for (const { event, context, fields } of rows)
        if (event === 'job_run_started')
          assert.deepEqual([context?.caused_by, fields.enqueued_by], [causes.get(fields.job), 'order-8'])
    })

    it('a scheduler’s jobs are all those of who set it up, and retries of one are linked', async ({
      rows,
      until,
    }) => {
      const jobs = newQueue()
      let calls = 0
      newWorker(jobs.name, async () => {
        if (++calls === 1) throw new RangeError('first')
      })
      const template = { opts: { attempts: 2 } }
      await runWithContext({ request_id: 'order-8' }, () =>
        jobs.upsertJobScheduler('tick', { every: 200 }, template),
      )
      await until(() => rows.filter(({ event }) => event === 'job_run_succeeded').length >= 3)
      await jobs.removeJobScheduler('tick')
      const [enqueued] = rows
      assert.deepEqual(enqueued?.fields, { job: 'tick', queue: jobs.name, schedule: 'every 200 ms' })
      const runs = rows.filter(({ event }) => event === 'job_run_started')
      for (const { fields, context } of runs)
        assert.deepEqual([fields.enqueued_by, context?.caused_by], ['order-8', enqueued?.id])
      const [first] = runs
      const again = runs.filter(({ fields }) => fields.retry_of !== undefined)
      assert.deepEqual(
        again.map(({ fields }) => [fields.retry_of, fields.job_id]),
        [[first?.fields.run_id, first?.fields.job_id]],
      )
      assert.equal(new Set(runs.map(({ fields }) => fields.run_id)).size, runs.length)
    })

    it('a parent that waits for its children, and one object that stands for two of them', async ({
      rows,
      until,
    }) => {
      const jobs = newQueue()
      newWorker(jobs.name, async ({ name: job }) => {
        if (job === 'child') await new Promise(setImmediate)
      })
      const child = Object.freeze({
        name: 'child',
        queueName: jobs.name,
        opts: Object.freeze({ attempts: 2 }),
      })
      const flows = opened(new classes.FlowProducer({ connection }))
      const flow = { name: 'parent', queueName: jobs.name, children: [child, child] }
      await runWithContext({ request_id: 'order-8' }, () => flows.addBulk([flow]))
      await until(() => rows.filter(({ event }) => event === 'job_run_succeeded').length === 3)
      const enqueued = rows.filter(({ event }) => event === 'job_enqueued').map(({ id }) => id)
      const started = rows.filter(({ event }) => event === 'job_run_started')
      assert.equal(started.at(-1)?.fields.job, 'parent')
      assert.deepEqual(started.map(({ context }) => context?.caused_by).toSorted(), enqueued)
    })

    it('what the library refuses it refuses, and what it takes it takes', async ({ rows, until }) => {
      const jobs = newQueue()
      const flows = opened(new classes.FlowProducer({ connection }))
      const refused: readonly Promise<unknown>[] = [
        jobs.addBulk(undefined as never),
        jobs.addBulk([null] as never),
        jobs.upsertJobScheduler('tick', undefined as never),
        jobs.add('zero', {}, { jobId: '0' }),
        flows.add(undefined as never),
        flows.addBulk([{ name: 'x', queueName: jobs.name, children: [null] }] as never),
      ]
      for (const adding of refused) await assert.rejects(adding)
      assert.deepEqual(
        rows.map(({ event, fields }) => [event, fields.job, fields.reason]),
        [
          ['job_enqueued', 'zero', undefined],
          ['job_run_skipped', 'zero', 'not enqueued'],
        ],
      )
      rows.length = 0
      newWorker(jobs.name, async () => {})
      await jobs.add('plain', {}, null as never)
      await jobs.addBulk([{ name: 'bulk', data: {}, opts: null as never }])
      await until(() => rows.filter(({ event }) => event === 'job_run_succeeded').length === 2)
      for (const { event, fields } of rows)
        if (event === 'job_run_started') assert.match(fields.enqueued_by ?? '', /^[0-9a-f]{12}$/)
    })

    it('classes made of classes that are instrumented are not instrumented twice', async ({
      rows,
      until,
      fasten,
    }) => {
      class Mine extends classes.Queue {}
      const undo = instrumentBullMQ({ Queue: Mine }, { fasten })
      const jobs = opened(new Mine(randomUUID(), { connection }))
      newWorker(jobs.name, async () => {})
      await jobs.add('once', {})
      await until(() => rows.some(({ event }) => event === 'job_run_succeeded'))
      undo()
      assert.equal(rows.length, 3)
    })

    it('a processor can be called by hand', async ({ rows, fasten }) => {
      const processor = bullProcessor(async ({ data }: { readonly data: unknown }) => data, { fasten })
      assert.equal(await processor({ data: 7 }), 7)
      assert.equal(rows.length, 2)
    })

    it('a job that adds itself again names the run that did', async ({ rows, until }) => {
      const jobs = newQueue()
      newWorker(jobs.name, async ({ data }) => {
        if (data > 0) await jobs.add('again', data - 1)
      })
      await jobs.add('again', 2)
      await until(() => rows.filter(({ event }) => event === 'job_run_succeeded').length === 3)
      const runs = rows.filter(({ event }) => event === 'job_run_started').map(({ fields }) => fields)
      const [first] = rows
      assert.match(first?.context?.request_id ?? '', /^[0-9a-f]{12}$/)
      assert.deepEqual(
        runs.map(({ enqueued_by }) => enqueued_by),
        [first?.context?.request_id, runs[0]?.run_id, runs[1]?.run_id],
      )
    })

    it('hostile options do a run no harm', async ({ rows, until }) => {
      const jobs = newQueue()
      newWorker(jobs.name, async () => {})
      const hostile: readonly object[] = [
        { 'x-request-id': 'x'.repeat(5000), 'x-caused-by': 'evt-nonsense', traceparent: 7 },
        { 'x-request-id': ['a'], baggage: { toString: 'x' } },
        { 'x-request-id': 'boot-svc-0123456789ab', traceparent: 'ff-00' },
        { 'x-request-id': 'line\nbreak' },
      ]
      for (const opts of hostile) await jobs.add('hostile', {}, opts)
      await until(() => rows.filter(({ event }) => event === 'job_run_succeeded').length === hostile.length)
      const runs = rows.filter(({ event }) => event === 'job_run_started')
      for (const { context, fields } of runs) {
        assert.equal(context?.request_id, fields.run_id)
        assert.match(fields.run_id ?? '', /^scheduler-shop-[0-9a-f]{12}$/)
        assert.match(context?.inbound_request_id ?? '', /^[\x20-\x7e]{0,128}$/)
        assert.equal(context?.trace_id, undefined)
      }
      assert.deepEqual(
        runs.map(({ fields }) => fields.enqueued_by).filter((id) => id !== undefined),
        ['boot-svc-0123456789ab'],
      )
    })

    it(
      'a run keeps the request’s id where it is told to, but none that poses as ours',
      async ({ rows, until }) => {
        const jobs = newQueue()
        newWorker(jobs.name, async () => {})
        await runWithContext({ request_id: 'order-9' }, () => jobs.add('keep', {}))
        await jobs.add('forged', {}, { 'x-request-id': 'scheduler-svc-0123456789ab' } as object)
        await until(() => rows.filter(({ event }) => event === 'job_run_succeeded').length === 2)
        const [kept, forged] = rows.filter(({ event }) => event === 'job_run_started')
        assert.equal(kept?.context?.request_id, 'order-9')
        assert.notEqual(kept?.fields.run_id, 'order-9')
        assert.deepEqual(
          [forged?.context?.request_id, forged?.fields.enqueued_by],
          [forged?.fields.run_id, 'scheduler-svc-0123456789ab'],
        )
      },
      { keepsRequestId: true },
    )

    it('what is thrown that is no error, and a worker closed in mid run', async ({ rows, until }) => {
      const jobs = newQueue()
      const letGo = Promise.withResolvers<undefined>()
      const worker = newWorker(
        jobs.name,
        async ({ name: job }) => {
          if (job === 'odd') throw 'text' as unknown as Error
          await letGo.promise
        },
        { concurrency: 2 },
      )
      worker.on('error', () => {
        // BullMQ chokes on what is no error, with and without us.
      })
      await jobs.add('slow', {})
      await jobs.add('odd', {})
      await until(() => rows.some(({ event }) => event === 'job_run_failed'))
      const closing = worker.close()
      letGo.resolve(undefined)
      await closing
      const ends = rows.filter(({ event }) => event === 'job_run_failed' || event === 'job_run_succeeded')
      assert.deepEqual(
        ends.map(({ event, fields: { job, error, err } }) => [event, job, error, err]),
        [
          ['job_run_failed', 'odd', 'string', 'text'],
          ['job_run_succeeded', 'slow', undefined, undefined],
        ],
      )
    })

    it('a processor in another process has the ids that its run has here', async ({ rows, until }) => {
      const jobs = newQueue()
      const worker = newWorker(jobs.name, new URL('fixtures/bull-processor.ts', import.meta.url) as never, {
        workerForkOptions: { execArgv: ['--conditions=fasten-source'], stdio: 'inherit' },
      })
      const answers: unknown[] = []
      worker.on('completed', (_job, answer) => answers.push(answer))
      await runWithContext({ request_id: 'order-10' }, () => jobs.add('outside', { n: 1 }))
      await until(() => rows.some(({ event }) => event === 'job_run_succeeded' || event === 'job_run_failed'))
      await closeAll()
      const [enqueued, started] = rows
      assert.deepEqual(answers, [
        { data: { n: 1 }, request_id: started?.fields.run_id, caused_by: enqueued?.id },
      ])
    })

    it('a wrapped processor is not a run in a run', async ({ rows, until, fasten }) => {
      const jobs = newQueue()
      newWorker(
        jobs.name,
        bullProcessor(async (job: bullmq.Job) => job.name, { fasten }),
      )
      await jobs.add('once', {})
      await until(() => rows.some(({ event }) => event === 'job_run_succeeded'))
      assert.equal(rows.length, 3)
    })
  })
}
