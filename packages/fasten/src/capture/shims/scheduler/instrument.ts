// SPDX-License-Identifier: Apache-2.0
import { wrapJob, type Job, type JobOptions } from './wrap-job.ts'

/**
 * The function with every call of it a run: an id and a context of its own, a row when it starts and one when it ends. `this`, arguments, name, arity,
 * what it returns, throws and rejects with are the function's own. Called inside a request it leaves `job_enqueued` there, and the run names
 * that request. A function that is instrumented already is returned as it is. Throws TypeError for options that are wrong.
 */
export function instrument<Fn extends Job>(fn: Fn, options: SkippingOptions): Skipping<Fn>
export function instrument<Fn extends Job>(fn: Fn, options: QueueingOptions): Queueing<Fn>
export function instrument<Fn extends Job>(fn: Fn, options?: JobOptions & { readonly overlap?: 'allow' }): Fn
export function instrument(fn: Job, options: JobOptions = {}): Job {
  return wrapJob(fn, options)
}

/** `instrument` for a function that has no name of its own, or another one: `job('sweep', () => …)`. */
export function job<Fn extends Job>(name: string, fn: Fn, options: SkippingOptions): Skipping<Fn>
export function job<Fn extends Job>(name: string, fn: Fn, options: QueueingOptions): Queueing<Fn>
export function job<Fn extends Job>(
  name: string,
  fn: Fn,
  options?: JobOptions & { readonly overlap?: 'allow' },
): Fn
export function job(name: string, fn: Job, options: JobOptions = {}): Job {
  return wrapJob(fn, { ...options, name })
}

type SkippingOptions = JobOptions & { readonly overlap: 'skip' }
type QueueingOptions = JobOptions & { readonly overlap: 'queue' }

/** Undefined is what a skipped call returns. */
export type Skipping<Fn extends Job> = (
  this: ThisParameterType<Fn>,
  ...args: Parameters<Fn>
) => ReturnType<Fn> | undefined

export type Queueing<Fn extends Job> = (
  this: ThisParameterType<Fn>,
  ...args: Parameters<Fn>
) => Promise<Awaited<ReturnType<Fn>> | undefined>
