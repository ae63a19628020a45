// SPDX-License-Identifier: Apache-2.0
import { instrumentOnce, patchMethod } from '../patch.ts'
import { createRunShim, type RunOptions, type RunShim } from '../scheduler/run-options.ts'
import { disguised, isInstrumented } from '../scheduler/wrap-job.ts'
import { createDataCarrier, withoutIds } from './data-carrier.ts'
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
    const { job } = helpers as Helpers
    const seen = withoutIds(payload)
    Object.assign(helpers as object, { job: { ...job, payload: seen } })
    patchAdder(shim, helpers as Methods)
    const facts = {
      job: job.task_identifier,
      jobId: job.id,
      attempt: job.attempts,
      attemptsMax: job.max_attempts,
      begun: job.attempts,
      since: String(job.created_at),
    }
    return runQueued(shim, graphileCarrier, { data: payload }, facts, () =>
      Reflect.apply(task, this, [seen, helpers, ...rest] as never),
    )
  })
}

interface GraphileJob {
  readonly id: string
  readonly task_identifier: string
  readonly attempts: number
  readonly max_attempts: number
  readonly created_at: unknown
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
          return sendJobs(shim, graphileCarrier, [message], async ([carrying]) =>
            Reflect.apply(addJob, this, [identifier, carrying?.data, ...rest]),
          )
        },
    ),
  ]
  if (typeof adder.addJobs !== 'function') return undos
  const patchAll = patchMethod(
    adder,
    'addJobs',
    (addJobs) =>
      function (specs, ...rest) {
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
