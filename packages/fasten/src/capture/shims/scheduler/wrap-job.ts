// SPDX-License-Identifier: Apache-2.0
import { enqueueHere, type Origin } from './origin.ts'
import { createGate, type Overlap } from './overlap.ts'
import { runJob } from './run.ts'
import { newRunID } from './run-id.ts'
import { createRunShim, type RunOptions } from './run-options.ts'

/** Any function. */
export type Job = (this: never, ...args: never[]) => unknown

export interface JobOptions extends RunOptions {
  /** What rows call the job. Default: the function's name, else `anonymous`. */
  readonly name?: string
  /**
   * What happens to a call while a run of the same function goes on: it runs beside it (`allow`, the default), leaves `job_run_skipped`
   * and returns undefined (`skip`), or waits for its turn and returns a promise (`queue`; a job that awaits itself then waits for ever).
   * Other processes are not looked at.
   */
  readonly overlap?: Overlap
  /** Calls that may wait with `overlap: 'queue'`; those beyond are skipped. Default 1,000. */
  readonly waitingMax?: number
}

/** What is known of a job that a clock starts. */
export interface Schedule {
  /** As its library spells it. */
  readonly schedule: string
  /** Milliseconds a run may take, asked when one begins. */
  readonly expectedMs?: () => number | undefined
  /** Whether the run that is beginning is asked for by the work in progress, and not by the clock. */
  readonly isAsked?: () => boolean
  /** Hears of each run that begins. */
  readonly began?: (runId: string) => void
}

/**
 * The function with every call of it a run. Whoever asks for the run is the work in progress: at the call, or, with a schedule, now, while it is
 * made. A function that makes runs already is answered as it is.
 */
export function wrapJob(fn: Job, options: JobOptions, schedule?: Schedule): Job {
  if (typeof fn !== 'function') throw new TypeError('job: give a function')
  if (isInstrumented(fn)) return fn
  const shim = createRunShim(options)
  const { name: job = fn.name || 'anonymous', overlap = 'allow', waitingMax = 1000 } = options
  if (typeof job !== 'string' || job === '') throw new TypeError('name: give a text that is not empty')
  const gate = createGate({ shim, job, overlap, waitingMax })
  const planned = schedule && enqueueHere(shim, { job, schedule: schedule.schedule })
  const originNow = (): Origin | undefined =>
    schedule === undefined || schedule.isAsked?.() === true ? enqueueHere(shim, { job }) : planned
  return disguised(fn, function (this: unknown, ...args) {
    const origin = originNow()
    const runId = newRunID(shim)
    return gate(runId, origin, () => {
      schedule?.began?.(runId)
      const expectedMs = shim.expectedMs ?? schedule?.expectedMs?.()
      return runJob(shim, { job, runId, origin, expectedMs }, () => Reflect.apply(fn, this, args) as unknown)
    })
  })
}

const instrumented = new WeakSet<object>()

/** Whether a run would begin in a run: the function makes runs already. */
export const isInstrumented = (fn: object): boolean => instrumented.has(fn)

/** `wrapper` under the name and arity of `fn`, remembered as one that makes runs. */
export function disguised(fn: Job, wrapper: (this: unknown, ...args: unknown[]) => unknown): Job {
  Object.defineProperties(wrapper, {
    name: { value: fn.name, configurable: true },
    length: { value: fn.length, configurable: true },
  })
  instrumented.add(wrapper)
  return wrapper
}
