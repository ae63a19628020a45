// SPDX-License-Identifier: Apache-2.0
import { instrumentOnce, patchMethod } from '../patch.ts'
import { recordSkip } from './overlap.ts'
import { newRunID } from './run-id.ts'
import { createRunShim, type RunOptions, type RunShim } from './run-options.ts'
import { wrapJob, type Job } from './wrap-job.ts'

/**
 * Makes a run of every trigger of a croner job: `instrumentCroner(Cron)`. A run is expected to end before the next is due; one that `protect` keeps
 * from starting leaves `job_run_skipped`. Jobs scheduled earlier are left alone. Answers a function that takes it out again; a second call changes nothing.
 */
export function instrumentCroner(Cron: { readonly prototype: object }, options: RunOptions = {}): () => void {
  const shim = createRunShim(options)
  const prototype = Cron.prototype as CronMethods
  return instrumentOnce(instrumented, prototype, () => [
    patchMethod(
      prototype,
      'schedule',
      (schedule) =>
        function (fn) {
          const given = fn ?? this.fn
          if (typeof given !== 'function') return Reflect.apply(schedule, this, [fn])
          const pattern = this.getPattern?.() ?? 'once'
          const name = this.name ?? (given.name || pattern)
          const expectedMs = (): number | undefined => this.msToNext() ?? undefined
          const running = wrapJob(given, { ...options, name }, { schedule: pattern, expectedMs })
          const { protect } = this.options
          if (protect === true || typeof protect === 'function')
            this.options.protect = (job) => {
              skip(shim, name)
              if (typeof protect === 'function') protect(job)
            }
          if (fn !== undefined) return Reflect.apply(schedule, this, [running])
          this.fn = running
          return Reflect.apply(schedule, this, [])
        },
    ),
  ])
}

/**
 * The same for node-cron: `instrumentNodeCron(cron)` with its default export. Runs that `noOverlap` or its coordinator keeps from starting leave
 * `job_run_skipped`. Tasks in files of their own run in other processes and are left alone.
 */
export function instrumentNodeCron(cron: object, options: RunOptions = {}): () => void {
  const shim = createRunShim(options)
  const target = cron as NodeCronMethods
  const scheduling = (place: 'schedule' | 'createTask'): (() => void) =>
    patchMethod(
      target,
      place,
      (schedule) =>
        function (pattern, fn, settings, ...rest) {
          if (typeof fn !== 'function') return Reflect.apply(schedule, this, [pattern, fn, settings, ...rest])
          const name = settings?.name ?? (fn.name || pattern)
          let next: () => number | undefined = () => undefined
          const running = wrapJob(fn, { ...options, name }, { schedule: pattern, expectedMs: () => next() })
          const task = Reflect.apply(schedule, this, [pattern, running, settings, ...rest])
          next = () => task.msToNext() ?? undefined
          if (settings?.noOverlap === true) task.on('execution:overlap', () => skip(shim, name))
          task.on('execution:skipped', () => skip(shim, name, 'coordinator'))
          return task
        },
    )
  return instrumentOnce(instrumented, target, () => [scheduling('schedule'), scheduling('createTask')])
}

/** The same for node-schedule: `instrumentNodeSchedule(schedule)` with the module. It has no protection from overlaps. */
export function instrumentNodeSchedule(schedule: object, options: RunOptions = {}): () => void {
  const target = schedule as { scheduleJob(this: unknown, ...values: unknown[]): unknown }
  return instrumentOnce(instrumented, target, () => [
    patchMethod(
      target,
      'scheduleJob',
      (scheduleJob) =>
        function (...values) {
          const place = values.findIndex((value) => typeof value === 'function')
          const fn = values[place] as Job | undefined
          if (fn === undefined) return Reflect.apply(scheduleJob, this, values)
          const isNamed = values.length >= 3 && place === 2 && typeof values[0] === 'string'
          const rule = values[isNamed ? 1 : 0]
          const spelt = typeof rule === 'string' ? rule : rule instanceof Date ? rule.toISOString() : 'rule'
          const name = isNamed ? String(values[0]) : fn.name || spelt
          const running = wrapJob(fn, { ...options, name }, { schedule: spelt })
          return Reflect.apply(scheduleJob, this, values.with(place, running))
        },
    ),
  ])
}

/**
 * The same for toad-scheduler: `instrumentToadScheduler({ Task, AsyncTask })`, or the module. The job is called what the task's id says. A run that
 * `preventOverrun` keeps from starting is not seen: the library does not tell.
 */
export function instrumentToadScheduler(
  {
    Task,
    AsyncTask,
  }: { readonly Task: { readonly prototype: object }; readonly AsyncTask: { readonly prototype: object } },
  options: RunOptions = {},
): () => void {
  const patch = <Name extends string>(type: { readonly prototype: object }, name: Name): (() => void) => {
    const prototype = type.prototype as Record<Name, (this: ToadTask, ...values: unknown[]) => unknown>
    return patchMethod(
      prototype,
      name,
      (execute) =>
        function (this: ToadTask, ...values: unknown[]) {
          this.handler = wrapJob(this.handler, { ...options, name: this.id })
          return Reflect.apply(execute, this, values)
        },
    )
  }
  return instrumentOnce(instrumented, Task.prototype, () => [
    patch(Task, 'execute'),
    patch(AsyncTask, 'executeAsync'),
  ])
}

const instrumented = new WeakMap<object, () => void>()

function skip(shim: RunShim, job: string, reason = 'overlap'): void {
  recordSkip(shim, { job, run_id: newRunID(shim), reason })
}

interface ToadTask {
  readonly id: string
  handler: Job
}

interface CronMethods {
  readonly name?: string
  fn?: Job
  readonly options: { protect?: boolean | ((job: unknown) => void) }
  schedule(this: CronMethods, fn?: Job): unknown
  msToNext(): number | null
  getPattern?(): string | undefined
}

interface NodeCronTask {
  msToNext(): number | null
  on(event: string, hear: () => void): void
}

interface NodeCronMethods {
  schedule: Scheduling
  createTask: Scheduling
}

type Scheduling = (
  this: unknown,
  pattern: string,
  fn: Job | string,
  settings?: { readonly name?: string; readonly noOverlap?: boolean },
  ...rest: unknown[]
) => NodeCronTask
