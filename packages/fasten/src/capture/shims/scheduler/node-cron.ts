// SPDX-License-Identifier: Apache-2.0
import { instrumentOnce, patchMethod } from '../patch.ts'
import { skip } from './overlap.ts'
import { createRunShim, type RunOptions } from './run-options.ts'
import { wrapJob, type Job } from './wrap-job.ts'

/**
 * Makes a run of every execution of a node-cron task: `instrumentNodeCron(cron)` with its default export. A run is expected to end before the next is due; one that `noOverlap` or its coordinator keeps from starting leaves
 * `job_run_skipped`. Tasks in files of their own run in other processes and are left alone. Answers a function that takes it out again;
 * a second call changes nothing.
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
          let latest: string | undefined
          let next: () => number | undefined = () => undefined
          const running = wrapJob(
            fn,
            { ...options, name },
            {
              schedule: pattern,
              expectedMs: () => next(),
              began: (runId) => (latest = runId),
            },
          )
          const task = Reflect.apply(schedule, this, [pattern, running, settings, ...rest])
          next = () => task.msToNext() ?? undefined
          if (settings?.noOverlap === true)
            task.on('execution:overlap', () => skip(shim, { job: name, running: latest }))
          task.on('execution:skipped', () => skip(shim, { job: name, reason: 'coordinator' }))
          return task
        },
    )
  return instrumentOnce(instrumented, target, () => [scheduling('schedule'), scheduling('createTask')])
}

const instrumented = new WeakMap<object, () => void>()

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
