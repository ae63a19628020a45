// SPDX-License-Identifier: Apache-2.0
/** 20,000 jobs of 4,000 requests through each queue, added alone and in bulk while others run: none sees the ids of another. */
import assert from 'node:assert/strict'
import { after, before, describe, test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { PostgresBackend } from '@agendajs/postgres-backend'
import { Agenda, Job } from 'agenda'
import * as bullmq from 'bullmq'
import { Logger, makeWorkerUtils, run } from 'graphile-worker'
import { Redis } from 'ioredis'
import { Pool } from 'pg'
import { PgBoss, type Job as BossJob } from 'pg-boss'
import { startPostgres, type PostgresServer } from '../../../store/postgres/fixtures/server.ts'
import { startDebianServer } from '../../carriers/fixtures/debian-server.ts'
import { currentContext, runWithContext } from '../../context.ts'
import { recordingRuns, type RunRecording } from '../scheduler/fixtures/run-recorder.ts'
import { instrumentAgenda } from './agenda.ts'
import { instrumentBullMQ } from './bullmq.ts'
import { instrumentGraphileAdder, instrumentGraphileTasks } from './graphile-worker.ts'
import { eachJob, instrumentPgBoss } from './pg-boss.ts'

const requests = 4_000
/** What each request adds: one job alone, and the others in bulk. */
const jobsOfOne = 5
const jobs = requests * jobsOfOne
/** Requests that add at the same time. */
const adding = 100
/** Jobs that may run at the same time. */
const running = 200

interface Parcel {
  readonly request: string
  readonly n: number
}

const redis = await startDebianServer('redis-server')

describe(`${jobs} jobs of ${requests} requests, and none sees the ids of another`, () => {
  let postgres: PostgresServer
  before(async () => {
    postgres = await startPostgres()
  })
  after(async () => {
    await redis.server?.remove()
    await postgres.remove()
  })

  const it = (
    name: string,
    work: (journey: Journey, t: TestContext) => Promise<void>,
    skip: string | false = false,
  ): void => {
    test(name, { timeout: 1_800_000, skip }, async (t) => {
      const journey = createJourney()
      const begun = performance.now()
      await work(journey, t)
      journey.assertNothingCrossed()
      const seconds = Math.round((performance.now() - begun) / 1000)
      t.diagnostic(
        `${name}: ${jobs} jobs of ${requests} requests, ${adding} adding at once, up to ${journey.most()} ` +
          `running at once, none crossed, ${seconds} s`,
      )
    })
  }

  const bull = async (
    { recording, work, done }: Journey,
    t: TestContext,
    classes: Pick<typeof bullmq, 'Queue' | 'Worker'>,
    connection: object,
  ): Promise<void> => {
    t.after(instrumentBullMQ(classes, { fasten: recording.fasten }))
    const queue = new classes.Queue<Parcel>('parcels', { connection })
    const worker = new classes.Worker<Parcel>('parcels', async ({ data }) => work(data), {
      connection,
      concurrency: running,
    })
    worker.on('error', (error) => t.diagnostic(String(error)))
    await addAll(
      (data) => queue.add('alone', data),
      (many) => queue.addBulk(many.map((data) => ({ name: 'bulk', data }))),
    )
    await done
    await worker.close()
    await queue.close()
  }

  it(
    'BullMQ on Redis',
    async (journey, t) => {
      const connection = new Redis(redis.server?.port ?? 0, { maxRetriesPerRequest: null })
      await bull(journey, t, bullmq, connection)
      connection.disconnect()
    },
    redis.skip,
  )

  it('BullMQ on Postgres', async (journey, t) => {
    const classes = bullmq.withBackend(bullmq.createPostgresBackend) as unknown as typeof bullmq
    const connection = { connectionString: await postgres.freshDatabase(), migrate: true }
    await bull(journey, t, classes, connection)
  })

  it('pg-boss', async ({ recording: { fasten }, work, done }, t) => {
    const boss = new PgBoss({ connectionString: await postgres.freshDatabase(), max: 10 })
    boss.on('error', (error) => t.diagnostic(String(error)))
    instrumentPgBoss(boss, { fasten })
    await boss.start()
    await boss.createQueue('parcels')
    const each = eachJob(async ({ data }: BossJob<Parcel>) => work(data), { fasten })
    const options = { batchSize: running / 2, localConcurrency: 2, pollingIntervalSeconds: 0.5 }
    await boss.work('parcels', options, each)
    await addAll(
      (data) => boss.send('parcels', data),
      (many) =>
        boss.insert(
          'parcels',
          many.map((data) => ({ data })),
        ),
    )
    await done
    await boss.stop({ graceful: true })
  })

  it('graphile-worker', async ({ recording: { fasten }, work, done }) => {
    const connectionString = await postgres.freshDatabase()
    const logger = new Logger(() => () => {})
    const utils = await makeWorkerUtils({ connectionString, logger })
    await utils.migrate()
    instrumentGraphileAdder(utils, { fasten })
    const taskList = { parcels: async (payload: unknown) => work(payload as Parcel) }
    instrumentGraphileTasks(taskList, { fasten })
    const runner = await run({
      connectionString,
      logger,
      noHandleSignals: true,
      taskList,
      preset: {
        worker: {
          concurrentJobs: running,
          maxPoolSize: 10,
          localQueue: { size: running },
          completeJobBatchDelay: 0,
        },
      },
    })
    await addAll(
      (data) => utils.addJob('parcels', data),
      (many) => utils.addJobs(many.map((payload) => ({ identifier: 'parcels', payload }))),
    )
    await done
    await runner.stop()
    await utils.release()
  })

  it('Agenda', async ({ recording, work, done }, t) => {
    t.after(instrumentAgenda({ Job }, { fasten: recording.fasten }))
    const pool = new Pool({ connectionString: await postgres.freshDatabase(), max: 10 })
    const agenda = new Agenda({
      backend: new PostgresBackend({ pool }),
      processEvery: 50,
      defaultConcurrency: running,
      maxConcurrency: running,
      // Or it takes all there are, and looks through them for each that it runs.
      defaultLockLimit: running * 2,
      // Its timers for locks are never taken back, and hold the process for half as long.
      defaultLockLifetime: 60_000,
    })
    agenda.on('error', (error) => t.diagnostic(String(error)))
    await agenda.ready
    agenda.define('parcels', ({ attrs }, finish) => {
      work(attrs.data as Parcel).then(() => finish(), finish)
    })
    await agenda.start()
    await addAll(
      (data) => agenda.now('parcels', data),
      (many) => Promise.all(many.map((data) => agenda.now('parcels', data))),
    )
    await done
    await agenda.stop(false)
    await pool.end()
  })
})

interface Journey {
  readonly recording: RunRecording
  /** What each job does: looks at whom it runs for, again and again. */
  work(this: void, data: Parcel): Promise<void>
  /** Resolves when all have done it. */
  readonly done: Promise<unknown>
  /** How many did it at the same time. */
  most(): number
  assertNothingCrossed(): void
}

function createJourney(): Journey {
  const recording = recordingRuns()
  const seen: {
    readonly request: string
    readonly n: number
    readonly run: string
    readonly cause: string
  }[] = []
  const finished = Promise.withResolvers<undefined>()
  let [crossed, inTheAir, most] = [0, 0, 0]
  return {
    recording,
    async work(data) {
      most = Math.max(most, ++inTheAir)
      const context = currentContext()
      for (const pause of [0, data.n % 3, data.n % 5]) {
        await (pause === 0 ? new Promise(setImmediate) : sleep(pause))
        if (currentContext() !== context) crossed++
      }
      inTheAir--
      const { request, n, ...more } = data
      if (Object.keys(more).length > 0) crossed++
      seen.push({ request, n, run: context?.request_id ?? '', cause: context?.caused_by ?? '' })
      if (seen.length === jobs) finished.resolve(undefined)
    },
    done: finished.promise,
    most: () => most,
    assertNothingCrossed() {
      const { rows } = recording
      const enqueued = rows.filter(({ event }) => event === 'job_enqueued')
      const askedBy = new Map(enqueued.map(({ id, context }) => [id, context?.request_id]))
      const startedFor = new Map(
        rows.flatMap(({ event, fields }) =>
          event === 'job_run_started' ? [[fields.run_id ?? '', fields.enqueued_by]] : [],
        ),
      )
      const wrong = [
        ...seen.filter(
          ({ request, run: id, cause }) => askedBy.get(cause) !== request || startedFor.get(id) !== request,
        ),
        ...rows.filter(({ event, context, fields }) =>
          event === 'job_enqueued' ? false : context?.request_id !== fields.run_id,
        ),
      ]
      const distinct = (values: readonly unknown[]): number => new Set(values).size
      assert.deepEqual(
        {
          crossed,
          wrong: wrong.length,
          jobs: distinct(seen.map(({ n }) => n)),
          runs: distinct(seen.map(({ run: id }) => id)),
          causes: distinct(seen.map(({ cause }) => cause)),
          rows: rows.length,
        },
        { crossed: 0, wrong: 0, jobs, runs: jobs, causes: jobs, rows: 3 * jobs },
      )
    },
  }
}

/** All requests add their jobs, `adding` of them at a time, each in its own context. */
async function addAll(
  alone: (data: Parcel) => Promise<unknown>,
  bulk: (many: readonly Parcel[]) => Promise<unknown>,
): Promise<void> {
  let next = 0
  const add = async (): Promise<void> => {
    for (let at = next++; at < requests; at = next++) {
      const request = `order-${at}`
      const [one, ...others] = Array.from({ length: jobsOfOne }, (_, index) => ({
        request,
        n: at * jobsOfOne + index,
      }))
      await runWithContext({ request_id: request }, () => Promise.all([one && alone(one), bulk(others)]))
    }
  }
  await Promise.all(Array.from({ length: adding }, add))
}
