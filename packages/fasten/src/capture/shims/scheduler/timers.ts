// SPDX-License-Identifier: Apache-2.0
import { wrapJob, type Job, type JobOptions } from './wrap-job.ts'

/**
 * `setInterval` whose every tick is a run of the job `name`. A tick that comes while the last one's promise is open runs beside it unless `overlap`
 * says otherwise; a run longer than the interval leaves `job_run_overran` (`expectedMs` says another time). Set inside a request, it
 * leaves `job_enqueued` there and its runs name that request.
 */
export function every(ms: number, name: string, fn: () => unknown, options: JobOptions = {}): NodeJS.Timeout {
  const schedule = { schedule: `every ${ms} ms`, expectedMs: () => ms }
  return setInterval(wrapJob(fn, { ...options, name }, schedule), ms)
}

/** `setTimeout` whose only tick is a run of the job `name`; otherwise as `every`, and no time is expected. */
export function after(ms: number, name: string, fn: () => unknown, options: JobOptions = {}): NodeJS.Timeout {
  const schedule = { schedule: `after ${ms} ms` }
  return setTimeout(wrapJob(fn, { ...options, name }, schedule), ms)
}

/** An object with timers: `globalThis`, or the one that a program takes its timers from. */
export interface Timers {
  setInterval: typeof setInterval
  setTimeout: typeof setTimeout
}

export interface TimerOptions extends Omit<JobOptions, 'name'> {
  /**
   * What the job of a timer is called, or undefined where it is no job: libraries set timers too, and theirs are not yours to tell of. A rule on
   * the function's name is the usual one.
   */
  readonly name: (fn: Job, ms: number, kind: 'setInterval' | 'setTimeout') => string | undefined
}

/**
 * Makes runs of what the timers of `timers` call, as far as `name` says it is a job. Timers set earlier are left alone. Answers a function that
 * puts the old ones back.
 */
export function instrumentTimers(timers: Timers, { name, ...options }: TimerOptions): () => void {
  if (typeof name !== 'function') throw new TypeError('name: give a function that names the job of a timer')
  const undo = (['setInterval', 'setTimeout'] as const).map((kind) => {
    const original = timers[kind] as (fn: Job, ms?: number, ...args: unknown[]) => NodeJS.Timeout
    const replacement = function (this: unknown, fn: Job, ms?: number, ...args: unknown[]): NodeJS.Timeout {
      const job = typeof fn === 'function' ? name(fn, ms ?? 1, kind) : undefined
      if (job === undefined) return Reflect.apply(original, this, [fn, ms, ...args])
      const schedule =
        kind === 'setInterval'
          ? { schedule: `every ${ms ?? 1} ms`, expectedMs: () => ms }
          : { schedule: `after ${ms ?? 1} ms` }
      return Reflect.apply(original, this, [wrapJob(fn, { ...options, name: job }, schedule), ms, ...args])
    }
    // `util.promisify` finds its own version of a timer here.
    Object.defineProperties(replacement, Object.getOwnPropertyDescriptors(original))
    timers[kind] = replacement as never
    return () => {
      if ((timers[kind] as unknown) === replacement) timers[kind] = original as never
    }
  })
  return () => undo.forEach((putBack) => putBack())
}
