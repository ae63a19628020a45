// SPDX-License-Identifier: Apache-2.0
import { instrumentOnce, patchMethod } from '../patch.ts'
import { createRunShim, type RunOptions, type RunShim } from '../scheduler/run-options.ts'
import { disguised, isInstrumented } from '../scheduler/wrap-job.ts'
import { createDataCarrier, isListOfObjects, isObject, withoutIds } from './data-carrier.ts'
import { runQueued, sendJobs } from './queue-run.ts'

/** What adds jobs: worker utils, a runner, the helpers of a task. */
export interface JobAdder {
  addJob: (...values: never[]) => Promise<unknown>
  addJobs?: (...values: never[]) => Promise<unknown>
}

/** Tasks by name. */
export type GraphileTasks = Record<string, ((...values: never[]) => unknown) | undefined>

/** The ids travel in the payload: graphile-worker keeps nothing else of the sender's. */
export const graphileCarrier = createDataCarrier<{ readonly data: unknown }>('graphile-worker', {
  hasNull: false,
})

/**
 * Makes every job that `adder` (worker utils, or a runner) adds carry who asked for it. A second call changes nothing. Answers a function that takes it
 * out again. Jobs that SQL adds, and payloads that are lists, carry nothing; their runs have an id all the same.
 */
export function instrumentGraphileAdder(adder: JobAdder, options: RunOptions = {}): () => void {
  const shim = createRunShim(options, 'queue')
  return instrumentOnce(instrumented, adder, () => patchAdder(shim, adder))
}

/**
 * Makes every call of these tasks a run, and jobs that they add themselves carry it. Tasks see the payload as it was added. The list is changed in
 * place, before or after the runner has it. A second call changes nothing. Answers a function that takes it out again.
 */
export function instrumentGraphileTasks(tasks: GraphileTasks, options: RunOptions = {}): () => void {
  const shim = createRunShim(options, 'queue')
  return instrumentOnce(instrumented, tasks, () =>
    Object.entries(tasks).map(([name, task]) => {
      if (typeof task !== 'function' || isInstrumented(task)) return () => {}
      const running = graphileTask(task, shim)
      tasks[name] = running
      return () => {
        if (tasks[name] === running) tasks[name] = task
      }
    }),
  )
}

function graphileTask(task: NonNullable<GraphileTasks[string]>, shim: RunShim): GraphileTasks[string] {
  return disguised(task, function (this: unknown, payload, helpers, ...rest) {
    // Whoever calls a task by hand may give it less than a worker does.
    const { job } = (helpers ?? {}) as Partial<Helpers>
    if (!isObject(job)) return Reflect.apply(task, this, [payload, helpers, ...rest] as never)
    const seen = withoutIds(payload)
    Object.assign(helpers as object, { job: { ...job, payload: seen } })
    patchAdder(shim, helpers as Methods)
    const facts = {
      job: job.task_identifier,
      jobId: job.id,
      attempt: job.attempts,
      attemptsMax: job.max_attempts,
      begun: job.attempts,
      since: [String(job.created_at), ...occasionOf(payload, job)].join(' '),
    }
    return runQueued(shim, graphileCarrier, { data: payload }, facts, () =>
      Reflect.apply(task, this, [seen, helpers, ...rest] as never),
    )
  })
}

/**
 * What tells the job from the one it was before somebody put another in its place under the same `job_key`: its attempts are counted anew then. The
 * ids are replaced with the payload; a revision says less, because one that is only found to be there already is counted as well.
 */
function occasionOf(payload: unknown, { revision }: GraphileJob): readonly unknown[] {
  const { caused_by, request_id } = graphileCarrier.extract({ data: payload })
  const asked = caused_by ?? request_id
  return asked !== undefined ? [asked] : revision ? [revision] : []
}

interface GraphileJob {
  readonly id: string
  readonly task_identifier: string
  readonly attempts: number
  readonly max_attempts: number
  readonly created_at: unknown
  readonly revision?: number
}

interface Spec {
  readonly identifier: string
  readonly payload?: unknown
}

interface Methods {
  addJob(this: unknown, identifier: string, payload?: unknown, ...rest: unknown[]): Promise<unknown>
  addJobs?(this: unknown, specs: readonly Spec[], ...rest: unknown[]): Promise<unknown>
}

interface Helpers extends Methods {
  readonly job: GraphileJob
}

const instrumented = new WeakMap<object, () => void>()

function patchAdder(shim: RunShim, adder: Methods): readonly (() => void)[] {
  const undos = [
    patchMethod(
      adder,
      'addJob',
      (addJob) =>
        function (identifier, payload, ...rest) {
          const message = { message: { data: payload }, fields: { job: identifier } }
          const send = async ([carrying]: readonly { readonly data: unknown }[]): Promise<unknown> =>
            Reflect.apply(addJob, this, [identifier, carrying?.data, ...rest])
          return sendJobs(shim, graphileCarrier, [message], send, wasThere)
        },
    ),
  ]
  if (typeof adder.addJobs !== 'function') return undos
  const patchAll = patchMethod(
    adder,
    'addJobs',
    (addJobs) =>
      function (specs, ...rest) {
        if (!isListOfObjects(specs)) return Reflect.apply(addJobs, this, [specs, ...rest])
        const messages = specs.map((spec) => ({
          message: { spec, data: spec.payload },
          fields: { job: spec.identifier },
        }))
        return sendJobs(shim, graphileCarrier, messages, async (carrying) => {
          const carryingSpecs = carrying.map(
            ({ data }, index) => ({ ...specs[index], payload: data }) as Spec,
          )
          return Reflect.apply(addJobs, this, [carryingSpecs, ...rest])
        })
      },
  )
  return [...undos, patchAll]
}

/** With `unsafe_dedupe` the library answers with the job that was there, whose payload is somebody else's. */
function wasThere(job: unknown, { data }: { readonly data: unknown }): boolean {
  const { caused_by: ours } = graphileCarrier.extract({ data })
  const kept = isObject(job) && 'payload' in job ? job['payload'] : data
  return ours !== undefined && graphileCarrier.extract({ data: kept }).caused_by !== ours
}
