// SPDX-License-Identifier: Apache-2.0
import type { Carried } from '../../carriers/carrier.ts'
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
          const { data, name, repeatInterval, _id } = this.attrs
          const saveAs = async (saved: unknown): Promise<unknown> => {
            this.attrs.data = saved
            try {
              return await Reflect.apply(save, this, [])
            } finally {
              if (this.attrs.data === saved) this.attrs.data = data
            }
          }
          if (_id !== undefined) {
            // Whoever saves a job in its own run has it without the ids; its next run is for the same request.
            const carried = taken.get(this)
            return saveAs(carried === undefined ? data : agendaCarrier.inject({ data }, carried).data)
          }
          const fields = {
            job: name,
            ...(repeatInterval === undefined ? {} : { schedule: String(repeatInterval) }),
          }
          return sendJobs(shim, agendaCarrier, [{ message: { data }, fields }], ([carrying]) =>
            saveAs(carrying?.data),
          )
        },
    ),
    patchMethod(
      prototype,
      'run',
      (run) =>
        function () {
          // The library is about to write the time of this start over that of the last, which is tried again where it
          // failed, or never ended because its process did.
          const { lastRunAt, lastFinishedAt, failedAt, failCount } = this.attrs
          const since = (time: Date | null | undefined): boolean => !!lastRunAt && !!time && time >= lastRunAt
          const hasFailed = (failCount ?? 0) > 0 && since(failedAt)
          if (lastRunAt && (hasFailed || !since(lastFinishedAt)))
            startBefore.set(this, lastRunAt.toISOString())
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
          if (attrs.data !== data) taken.set(this, agendaCarrier.extract({ data }))
          const jobId = attrs._id?.toString()
          const facts = {
            job: attrs.name,
            jobId,
            attempt: (attrs.failCount ?? 0) + 1,
            begun: attrs.lastRunAt?.toISOString(),
            earlier: startBefore.get(this),
          }
          startBefore.delete(this)
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
    readonly failCount?: number | null
    readonly lastRunAt?: Date | null
    readonly lastFinishedAt?: Date | null
    readonly failedAt?: Date | null
  }
}

interface Methods {
  save(this: AgendaJob): Promise<unknown>
  run(this: AgendaJob): Promise<void>
  runJob(this: AgendaJob): Promise<unknown>
}

/** When the attempt started that the coming run of a job tries again. */
const startBefore = new WeakMap<object, string>()
/** The ids that stood in the data of a job that runs, or ran. */
const taken = new WeakMap<object, Carried>()
const instrumented = new WeakMap<object, () => void>()
