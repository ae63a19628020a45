// SPDX-License-Identifier: Apache-2.0
import { instrumentOnce, isPatchedAbove, patchMethod } from '../patch.ts'
import { runJob } from '../scheduler/run.ts'
import { createRunShim, type RunOptions, type RunShim } from '../scheduler/run-options.ts'
import { disguised, isInstrumented, type Job } from '../scheduler/wrap-job.ts'
import { createDataCarrier, isListOfObjects, withoutIds } from './data-carrier.ts'
import { runQueued, sendJobs } from './queue-run.ts'

/** A job of pg-boss, as far as the shim looks at it. What only jobs with metadata have is asked for by the shim itself. */
export interface BossJob {
  readonly id: string
  readonly name: string
  data: unknown
  readonly retryCount?: number
  readonly retryLimit?: number
  readonly createdOn?: Date
}

/** A `PgBoss`, or the class for all of them. */
export type Boss = object

/** The ids travel in the data: pg-boss keeps nothing else of the sender's. */
export const bossCarrier = createDataCarrier<{ readonly data: unknown }>('pg-boss', { hasNull: true })

/**
 * Makes every job that is sent, inserted, scheduled or published carry who asked for it, and every job that `work` hands out a run. Handlers see
 * the data as it was sent. Takes an instance, or the class for all of its instances. A second call changes nothing. Answers a function
 * that takes it out again.
 *
 * A handler of batches runs once for all jobs of a batch: one run, whose rows say how many jobs it has and what caused each. `eachJob`
 * gives every job a run of its own.
 */
export function instrumentPgBoss(boss: Boss, options: RunOptions = {}): () => void {
  const shim = createRunShim(options, 'queue')
  const target = (typeof boss === 'function' ? (boss as { prototype: object }).prototype : boss) as Methods
  const sending = (
    place: 'send' | 'sendAfter' | 'sendThrottled' | 'sendDebounced' | 'publish',
  ): (() => void) =>
    patchMethod(
      target,
      place,
      (send) =>
        function (name, ...rest) {
          // What is no name and no job is for pg-boss to refuse.
          if (typeof name !== 'string' && (typeof name !== 'object' || name === null))
            return Reflect.apply(send, this, [name, ...rest])
          const one =
            typeof name === 'string' ? { name, data: rest[0] } : { name: name.name, data: name.data }
          return sendData(shim, { job: one.name }, one.data, async (data) => {
            const values = typeof name === 'string' ? [name, data, ...rest.slice(1)] : [{ ...name, data }]
            return Reflect.apply(send, this, values as never)
          })
        },
    )
  if (isPatchedAbove(instrumented, target)) return () => {}
  return instrumentOnce(instrumented, target, () => [
    ...(['send', 'sendAfter', 'sendThrottled', 'sendDebounced', 'publish'] as const).map(sending),
    patchMethod(
      target,
      'insert',
      (insert) =>
        function (name, jobs, ...rest) {
          if (!isListOfObjects(jobs)) return Reflect.apply(insert, this, [name, jobs, ...rest])
          const [{ returnId = false } = {}] = rest as readonly ({ readonly returnId?: unknown } | undefined)[]
          // Asked for the ids of those it took, it answers null where it took none.
          const tookNone = (ids: unknown): boolean => returnId === true && ids === null
          const messages = jobs.map((job) => ({ message: { ...job, data: job.data }, fields: { job: name } }))
          const send = async (carrying: readonly object[]): Promise<unknown> =>
            Reflect.apply(insert, this, [name, carrying, ...rest])
          return sendJobs(shim, bossCarrier, messages, send, tookNone)
        },
    ),
    patchMethod(
      target,
      'schedule',
      (schedule) =>
        function (name, cron, data, ...rest) {
          return sendData(shim, { job: name, schedule: cron }, data, async (carrying) =>
            Reflect.apply(schedule, this, [name, cron, carrying, ...rest]),
          )
        },
    ),
    patchMethod(
      target,
      'fetch',
      (fetch) =>
        async function (name, settings, ...rest) {
          const jobs = await Reflect.apply(fetch, this, [
            name,
            { ...settings, includeMetadata: true },
            ...rest,
          ])
          for (const job of jobs) take(job)
          return jobs
        },
    ),
    patchMethod(
      target,
      'work',
      (work) =>
        function (name, ...rest) {
          const handler = rest.at(-1)
          if (typeof handler !== 'function') return Reflect.apply(work, this, [name, ...rest])
          const settings = rest.length > 1 ? rest[0] : {}
          const { batchSize = 1 } = settings as { readonly batchSize?: number }
          const working = isInstrumented(handler)
            ? handler
            : batchHandler(shim, handler as BatchHandler, batchSize)
          return Reflect.apply(work, this, [
            name,
            { ...(settings as object), includeMetadata: true },
            working,
          ])
        },
    ),
  ])
}

/**
 * A handler of batches out of one for single jobs, in which each job is a run of its own: `boss.work('ship', { batchSize: 10 }, eachJob(ship))`. All
 * jobs of a batch run together. Resolves when all have ended; rejects with the first failure, upon which pg-boss fails the whole batch. For
 * jobs from `fetch` call it with them.
 */
export function eachJob<One extends BossJob>(
  handler: (job: One) => unknown,
  options: RunOptions = {},
): (jobs: readonly One[]) => Promise<unknown> {
  const shim = createRunShim(options, 'queue')
  return disguised(handler, async (jobs) => {
    const results = await Promise.allSettled(
      (jobs as readonly One[]).map(async (job) => runBoss(shim, job, () => handler(job))),
    )
    for (const result of results) if (result.status === 'rejected') throw result.reason
    const [only] = results
    return results.length === 1 && only?.status === 'fulfilled' ? only.value : undefined
  }) as (jobs: readonly One[]) => Promise<unknown>
}

type BatchHandler = (this: unknown, jobs: readonly BossJob[], ...rest: unknown[]) => unknown

function batchHandler(shim: RunShim, handler: BatchHandler, batchSize: number): Job {
  return disguised(handler, async function (this: unknown, ...values) {
    const jobs = values[0] as readonly BossJob[]
    const work = (): unknown => Reflect.apply(handler, this, values)
    const [first] = jobs
    if (first !== undefined && jobs.length === 1) return runBoss(shim, first, work, batchSize === 1)
    const causes = jobs.flatMap((job) => bossCarrier.extract({ data: take(job) }).caused_by ?? [])
    const fields = { jobs: jobs.length, causes: causes.slice(0, causesMax) }
    return runJob(shim, { job: first?.name ?? handler.name, fields }, work)
  })
}

/** A row is no place for more of them; `jobs` says how many there are. */
const causesMax = 100

/** Where the attempt before may have been that of a batch, which has one run for all, nobody knows what it was called (`isSingle`). */
function runBoss<Result>(shim: RunShim, job: BossJob, work: () => Result, isSingle = true): Result {
  const { id, name, retryCount, retryLimit, createdOn } = job
  const attempt = retryCount === undefined ? undefined : retryCount + 1
  const facts = {
    job: name,
    jobId: id,
    attempt,
    attemptsMax: retryLimit === undefined ? undefined : retryLimit + 1,
    begun: isSingle || attempt === undefined ? attempt : `${attempt} alone`,
    since: createdOn?.toISOString(),
  }
  return runQueued(shim, bossCarrier, { data: take(job) }, facts, work)
}

/** Data as it came out of the database, ids and all, of jobs that the application has. */
const taken = new WeakMap<BossJob, unknown>()

/** Takes the ids out of a job's data, once. Answers the data with them. */
function take(job: BossJob): unknown {
  if (taken.has(job)) return taken.get(job)
  const { data } = job
  taken.set(job, data)
  job.data = withoutIds(data)
  return data
}

const instrumented = new WeakMap<object, () => void>()

interface Request {
  readonly name: string
  readonly data?: unknown
}

type Send = (this: unknown, name: string | Request, ...rest: unknown[]) => Promise<unknown>

interface Methods {
  send: Send
  sendAfter: Send
  sendThrottled: Send
  sendDebounced: Send
  publish: Send
  insert(
    this: unknown,
    name: string,
    jobs: readonly { readonly data?: unknown }[],
    ...rest: unknown[]
  ): Promise<unknown>
  schedule(this: unknown, name: string, cron: string, data?: unknown, ...rest: unknown[]): Promise<unknown>
  fetch(this: unknown, name: string, settings?: object, ...rest: unknown[]): Promise<BossJob[]>
  work(this: unknown, name: string, ...rest: unknown[]): Promise<unknown>
}

function sendData(
  shim: RunShim,
  fields: { readonly job: string; readonly schedule?: string },
  data: unknown,
  send: (data: unknown) => Promise<unknown>,
): Promise<unknown> {
  const isDuplicate = (result: unknown): boolean => result === null
  const messages = [{ message: { data }, fields }]
  return sendJobs(shim, bossCarrier, messages, ([carrying]) => send(carrying?.data), isDuplicate)
}
