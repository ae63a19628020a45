// SPDX-License-Identifier: Apache-2.0
import { instrumentOnce, patchMethod } from '../patch.ts'
import type { RunOptions } from './run-options.ts'
import { wrapJob, type Job } from './wrap-job.ts'

/**
 * Makes a run of every invocation of a node-schedule job: `instrumentNodeSchedule(schedule)` with the module, which has no protection from overlaps. Answers a function
 * that takes it out again; a second call changes nothing.
 */
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

const instrumented = new WeakMap<object, () => void>()
