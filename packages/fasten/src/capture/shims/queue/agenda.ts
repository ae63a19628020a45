// SPDX-License-Identifier: Apache-2.0
import { instrumentOnce, patchMethod } from '../patch.ts'
import { createRunShim, type RunOptions } from '../scheduler/run-options.ts'
import { createDataCarrier, withoutIds } from './data-carrier.ts'
import { runQueued, sendJobs } from './queue-run.ts'

/** The class `Job` of the module `agenda`, or the module. */
export interface AgendaModule {
  readonly Job: { readonly prototype: object }
}

/** The ids travel in the data: Agenda keeps nothing else of the sender's. */
export const agendaCarrier = createDataCarrier<{ readonly data: unknown }>('agenda', { hasNull: true })

/**
 * Makes every job that is saved for the first time carry who asked for it, and every run of a job one of ours: `instrumentAgenda({ Job })`, or the whole
 * module. Handlers see the data as it was given. A second call changes nothing. Answers a function that takes it out again.
 *
 * Agenda keeps one record for all runs of a job and does not count them, but keeps when it started the last: runs are named by that. A job in fork mode
 * runs where the child process instruments Agenda, and does not know the start before.
 */
export function instrumentAgenda({ Job }: AgendaModule, options: RunOptions = {}): () => void {
  const shim = createRunShim(options, 'queue')
  const prototype = Job.prototype as Methods
  return instrumentOnce(instrumented, prototype, () => [
    patchMethod(
      prototype,
      'save',
      (save) =>
        function () {
          const { attrs } = this
          if (attrs._id !== undefined) return Reflect.apply(save, this, [])
          const { data, name, repeatInterval } = attrs
          const fields = {
            job: name,
            ...(repeatInterval === undefined ? {} : { schedule: String(repeatInterval) }),
          }
          return sendJobs(shim, agendaCarrier, [{ message: { data }, fields }], async ([carrying]) => {
            attrs.data = carrying?.data
            try {
              return await Reflect.apply(save, this, [])
            } finally {
              attrs.data = data
            }
          })
        },
    ),
    patchMethod(
      prototype,
      'run',
      (run) =>
        function () {
          // The library is about to write the time of this start over that of the last.
          const { lastRunAt, failedAt, failCount = 0 } = this.attrs
          const hasFailed = failCount > 0 && lastRunAt && failedAt && failedAt >= lastRunAt
          if (hasFailed) failedStart.set(this, lastRunAt.toISOString())
          return Reflect.apply(run, this, [])
        },
    ),
    patchMethod(
      prototype,
      'runJob',
      (runJob) =>
        function () {
          const { attrs } = this
          const { data } = attrs
          attrs.data = withoutIds(data)
          const jobId = attrs._id?.toString()
          const facts = {
            job: attrs.name,
            jobId,
            attempt: (attrs.failCount ?? 0) + 1,
            begun: attrs.lastRunAt?.toISOString(),
            earlier: failedStart.get(this),
          }
          failedStart.delete(this)
          return runQueued(shim, agendaCarrier, { data }, facts, () => Reflect.apply(runJob, this, []))
        },
    ),
  ])
}

interface AgendaJob {
  readonly attrs: {
    data: unknown
    readonly name: string
    readonly _id?: { toString(): string } | undefined
    readonly repeatInterval?: string | number
    readonly failCount?: number
    readonly lastRunAt?: Date | undefined
    readonly failedAt?: Date | undefined
  }
}

interface Methods {
  save(this: AgendaJob): Promise<unknown>
  run(this: AgendaJob): Promise<void>
  runJob(this: AgendaJob): Promise<unknown>
}

/** When the attempt started that the coming run of a job tries again. */
const failedStart = new WeakMap<object, string>()
const instrumented = new WeakMap<object, () => void>()
