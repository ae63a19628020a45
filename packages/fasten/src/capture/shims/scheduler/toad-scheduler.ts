// SPDX-License-Identifier: Apache-2.0
import { AsyncLocalStorage } from 'node:async_hooks'
import { instrumentOnce, patchMethod } from '../patch.ts'
import { skip } from './overlap.ts'
import { createRunShim, type RunOptions, type RunShim } from './run-options.ts'
import { wrapJob, type Job } from './wrap-job.ts'

interface Class {
  readonly prototype: object
}

/** The module `toad-scheduler`, or these classes of it. */
export interface ToadModule {
  readonly Task: Class
  readonly AsyncTask: Class
  readonly SimpleIntervalJob?: Class
  readonly LongIntervalJob?: Class
  readonly CronJob?: Class
}

/**
 * Makes a run of every execution of a toad-scheduler task: `instrumentToadScheduler(toad)` with the module. The job is called what the task's id says. A
 * run is expected to end before the next is due, where an interval says when that is; one that `preventOverrun` keeps from starting leaves
 * `job_run_skipped`. Runs are those of whoever started the job, or who executes its task by hand. Of jobs that were started earlier, or whose class
 * was not given, each run stands alone and skipped ones are not seen. Answers a function that takes it out again; a second call changes nothing.
 */
export function instrumentToadScheduler(module: ToadModule, options: RunOptions = {}): () => void {
  const { Task, AsyncTask, SimpleIntervalJob, LongIntervalJob, CronJob } = module
  const shim = createRunShim(options)
  const jobs = [SimpleIntervalJob, LongIntervalJob, CronJob].filter((type) => type !== undefined)
  return instrumentOnce(instrumented, Task.prototype, () => {
    let isOn = true
    return [
      () => (isOn = false),
      patchExecution(Task.prototype as { execute: Execute }, 'execute', options),
      patchExecution(AsyncTask.prototype as { executeAsync: Execute }, 'executeAsync', options),
      ...jobs.map(({ prototype }) => patchStart(prototype as ToadJob, shim, options, () => isOn)),
    ]
  })
}

/** Whether a job of toad-scheduler is being started, which may set up a job of croner's inside. */
export const isStartingToad = (): boolean => started.getStore() !== undefined

const instrumented = new WeakMap<object, () => void>()

type Execute = (this: ToadTask, ...values: unknown[]) => unknown

interface ToadTask {
  readonly id: string
  readonly isExecuting: boolean
  handler: Job
}

interface ToadJob {
  readonly task: ToadTask
  readonly schedule: Readonly<Record<string, unknown>>
  preventOverrun: boolean
  start(this: ToadJob): unknown
}

/** A job from its start on, for the handler that its task had then. */
interface Started {
  readonly task: ToadTask
  readonly handler: Job
  readonly running: Job
}

/** The job whose timer is calling: what is there when a timer is set is there when it calls. */
const started = new AsyncLocalStorage<Started | undefined>()

/** Of handlers that somebody executes by hand, the one that makes runs. */
const byHand = new WeakMap<Job, Job>()

/** Of handlers that are lent to a task for one execution, the task's own. */
const ownOf = new WeakMap<Job, Job>()

/** How the library waits for more than 24 days. */
const inside: ReadonlySet<string> = new Set(['time eating task', 'Final mile task'])

function patchExecution<Name extends 'execute' | 'executeAsync'>(
  prototype: Record<Name, Execute>,
  name: Name,
  options: RunOptions,
): () => void {
  const wrap = (execute: Execute): Execute =>
    function (...values) {
      if (inside.has(this.id)) return Reflect.apply(execute, this, values)
      const before = this.handler
      const handler = ownOf.get(before) ?? before
      const job = started.getStore()
      const isTimed = job?.task === this && job.handler === handler
      const running = isTimed ? job.running : handRun(handler, { ...options, name: this.id })
      // What the handler starts is no longer called by the timer.
      const lent = function (this: unknown, ...args: unknown[]): unknown {
        return started.run(undefined, () => Reflect.apply(running, this, args as never) as unknown)
      }
      ownOf.set(lent, handler)
      this.handler = lent
      try {
        // The library calls the handler before it returns.
        return Reflect.apply(execute, this, values)
      } finally {
        this.handler = before
      }
    }
  return patchMethod(prototype as Record<'execute', Execute>, name as 'execute', wrap)
}

function handRun(handler: Job, options: RunOptions & { readonly name: string }): Job {
  const running = byHand.get(handler) ?? wrapJob(handler, options)
  byHand.set(handler, running)
  return running
}

function patchStart(prototype: ToadJob, shim: RunShim, options: RunOptions, isOn: () => boolean): () => void {
  /** The last run of each job whose overruns are watched. */
  const latest = new WeakMap<ToadJob, { runId?: string }>()
  return patchMethod(
    prototype,
    'start',
    (start) =>
      function () {
        const { task, schedule } = this
        if (inside.has(task.id)) return Reflect.apply(start, this, [])
        const ms = intervalOf(schedule)
        const spelt = ms === undefined ? String(schedule['cronExpression']) : `every ${ms} ms`
        const last = latest.get(this) ?? {}
        const began = (runId: string): void => void (last.runId = runId)
        const running = wrapJob(
          task.handler,
          { ...options, name: task.id },
          { schedule: spelt, expectedMs: () => ms, began },
        )
        if (!latest.has(this))
          watchOverrun(this, () => isOn() && skip(shim, { job: task.id, running: last.runId }))
        latest.set(this, last)
        const job = { task, handler: task.handler, running }
        return started.run(job, () => Reflect.apply(start, this, []))
      },
  )
}

/**
 * Calls `skipped` where a run is due that does not happen. The library asks the job whether it prevents overruns once each time, and
 * does nothing where it does and the task is executing.
 */
function watchOverrun(job: ToadJob, skipped: () => void): void {
  const { preventOverrun } = job
  Object.defineProperty(job, 'preventOverrun', {
    configurable: true,
    enumerable: true,
    get() {
      if (preventOverrun && job.task.isExecuting) skipped()
      return preventOverrun
    },
  })
}

/** Milliseconds between two runs; undefined where a pattern says when they are due. */
function intervalOf(schedule: ToadJob['schedule']): number | undefined {
  if ('cronExpression' in schedule) return undefined
  const units = { days: 86_400_000, hours: 3_600_000, minutes: 60_000, seconds: 1000, milliseconds: 1 }
  return Object.entries(units).reduce((sum, [unit, ms]) => sum + Number(schedule[unit] ?? 0) * ms, 0)
}
