// SPDX-License-Identifier: Apache-2.0
import { instrumentOnce, patchMethod } from '../patch.ts'
import { skip } from './overlap.ts'
import { createRunShim, type RunOptions } from './run-options.ts'
import { isStartingToad } from './toad-scheduler.ts'
import { wrapJob, type Job } from './wrap-job.ts'

/**
 * Makes a run of every trigger of a croner job: `instrumentCroner(Cron)`. A run is expected to end before the next is due; one that `protect` keeps
 * from starting leaves `job_run_skipped`. Runs are those of whoever scheduled the job, or called its `trigger()`. Jobs scheduled earlier are left alone. Answers
 * a function that takes it out again; a second call changes nothing.
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
          if (typeof given !== 'function' || isStartingToad()) return Reflect.apply(schedule, this, [fn])
          const pattern = this.getPattern?.() ?? 'once'
          const name = this.name ?? (given.name || pattern)
          const expectedMs = (): number | undefined => this.msToNext() ?? undefined
          let latest: string | undefined
          const running = wrapJob(
            given,
            { ...options, name },
            {
              schedule: pattern,
              expectedMs,
              isAsked: () => triggering.has(this),
              began: (runId) => (latest = runId),
            },
          )
          const { protect } = this.options
          if (protect === true || typeof protect === 'function')
            this.options.protect = (job) => {
              skip(shim, { job: name, running: latest })
              if (typeof protect === 'function') protect(job)
            }
          if (fn !== undefined) return Reflect.apply(schedule, this, [running])
          this.fn = running
          return Reflect.apply(schedule, this, [])
        },
    ),
    patchMethod(
      prototype,
      'trigger',
      (trigger) =>
        function () {
          triggering.add(this)
          try {
            // The library calls the function before it returns.
            return Reflect.apply(trigger, this, [])
          } finally {
            triggering.delete(this)
          }
        },
    ),
  ])
}

const instrumented = new WeakMap<object, () => void>()

/** Jobs whose `trigger()` is being called. */
const triggering = new WeakSet<object>()

interface CronMethods {
  readonly name?: string
  fn?: Job
  readonly options: { protect?: boolean | ((job: unknown) => void) }
  schedule(this: CronMethods, fn?: Job): unknown
  trigger(this: CronMethods): Promise<void>
  msToNext(): number | null
  getPattern?(): string | undefined
}
