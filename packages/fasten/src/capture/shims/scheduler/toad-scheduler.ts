// SPDX-License-Identifier: Apache-2.0
import { instrumentOnce, patchMethod } from '../patch.ts'
import type { RunOptions } from './run-options.ts'
import { wrapJob, type Job } from './wrap-job.ts'

/**
 * Makes a run of every execution of a toad-scheduler task: `instrumentToadScheduler({ Task, AsyncTask })`, or the module. The job is called what the task's id says. A run that
 * `preventOverrun` keeps from starting is not seen: the library does not tell. Answers a function that takes it out again; a second call changes
 * nothing.
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

interface ToadTask {
  readonly id: string
  handler: Job
}
