// SPDX-License-Identifier: Apache-2.0
import { isPromise } from 'node:util/types'
import { runWithContext, type RequestContext } from '../../context.ts'
import { errorName } from '../http/failure.ts'
import { runContext, type Origin } from './origin.ts'
import { newRunID } from './run-id.ts'
import { recordRunRow, type RunFields } from './run-row.ts'
import type { RunShim } from './run-options.ts'

/** What is known of a run when it begins. */
export interface RunFacts {
  readonly job: string
  /** Default: a new one. */
  readonly runId?: string | undefined
  /** Who asked for it; nobody did where a clock decides. */
  readonly origin?: Origin | undefined
  /** Goes before the shim's. */
  readonly expectedMs?: number | undefined
  /** What else its rows say: queue, job id, attempt. */
  readonly fields?: RunFields
  /** Whether what was thrown means that the job failed. Default: it does. */
  readonly isFailure?: ((failure: unknown) => boolean) | undefined
}

/**
 * Runs `work` as one run of a job: in a context of its own, with a row when it starts and one when it has ended, however it ends; one more at the
 * moment it has lasted longer than expected. Returns, throws, resolves and rejects as `work` does; a thenable that is no promise becomes one.
 *
 * A run that is in the air when the process exits leaves `job_run_failed` with the error `exited` on the way out. One that is killed leaves
 * no end: its `job_run_started` stands alone.
 */
export function runJob<Result>(shim: RunShim, facts: RunFacts, work: () => Result): Result {
  const run = beginRun(shim, facts)
  const fail = (failure: unknown): void =>
    endRun(run, facts.isFailure?.(failure) === false ? { reason: errorName(failure) } : { failure })
  let result: Result
  try {
    result = runWithContext(run.context, work)
  } catch (failure) {
    fail(failure)
    throw failure
  }
  const promise = promiseOf(result)
  if (promise === undefined) {
    endRun(run)
    return result
  }
  // What comes back is the promise after ours: who leaves it alone has an unhandled rejection, as without us.
  return promise.then(
    (value) => {
      endRun(run)
      return value
    },
    (failure: unknown) => {
      fail(failure)
      throw failure
    },
  ) as Result
}

interface Run {
  readonly shim: RunShim
  readonly context: RequestContext
  readonly fields: RunFields
  /** Monotonic milliseconds. */
  readonly startedAt: number
  readonly expectedMs: number | undefined
  timer: NodeJS.Timeout | undefined
  hasOverrun: boolean
}

function beginRun(shim: RunShim, { job, runId, origin, expectedMs, fields }: RunFacts): Run {
  const run_id = runId ?? newRunID(shim)
  const enqueued_by = origin?.enqueuedBy
  const run: Run = {
    shim,
    context: runContext(shim, run_id, origin),
    fields: { job, run_id, ...fields, ...(enqueued_by === undefined ? {} : { enqueued_by }) },
    startedAt: performance.now(),
    expectedMs: expectedMs ?? shim.expectedMs,
    timer: undefined,
    hasOverrun: false,
  }
  record(run, 'job_run_started')
  if (run.expectedMs !== undefined && run.expectedMs <= timerMsMax) {
    run.timer = setTimeout(overrun, run.expectedMs, run)
    run.timer.unref()
  }
  watchExit()
  inTheAir.add(run)
  return run
}

/** Longer than this, Node.js turns a timer into one of a millisecond. */
const timerMsMax = 2 ** 31 - 1

/** What was thrown, or why the run ended although nothing went wrong. */
type Ending = { readonly failure: unknown } | { readonly reason: string }

function endRun(run: Run, ending?: Ending): void {
  if (!inTheAir.delete(run)) return
  clearTimeout(run.timer)
  const duration_ms = lasted(run)
  // Work that does not let go of the thread is seen to have lasted too long only now.
  if (!run.hasOverrun && run.expectedMs !== undefined && duration_ms > run.expectedMs) overrun(run)
  if (ending === undefined || 'reason' in ending)
    return record(run, 'job_run_succeeded', { duration_ms, ...ending })
  const { failure } = ending
  const told = failure === undefined ? {} : { err: failure }
  record(run, 'job_run_failed', { duration_ms, error: errorName(failure), ...told })
}

function overrun(run: Run): void {
  run.hasOverrun = true
  const { expectedMs: expected_ms } = run
  record(run, 'job_run_overran', {
    duration_ms: lasted(run),
    ...(expected_ms === undefined ? {} : { expected_ms }),
  })
}

/** Milliseconds to three places; by the monotonic clock, which nobody sets. */
function lasted(run: Run): number {
  return Math.round((performance.now() - run.startedAt) * 1000) / 1000
}

function record(run: Run, event: Parameters<typeof recordRunRow>[1], more?: RunFields): void {
  runWithContext(run.context, recordRunRow, run.shim, event, { ...run.fields, ...more })
}

const inTheAir = new Set<Run>()
let isWatchingExit = false

/** Ahead of other exit listeners, so that what flushes rows there sees these too. */
function watchExit(): void {
  if (isWatchingExit) return
  isWatchingExit = true
  process.prependListener('exit', () => {
    for (const run of inTheAir) {
      inTheAir.delete(run)
      record(run, 'job_run_failed', { duration_ms: lasted(run), error: 'exited' })
    }
  })
}

function promiseOf(result: unknown): Promise<unknown> | undefined {
  if (isPromise(result)) return result
  return hasThen(result) ? Promise.resolve(result) : undefined
}

function hasThen(value: unknown): value is PromiseLike<unknown> {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false
  try {
    return typeof (value as { readonly then?: unknown }).then === 'function'
  } catch {
    // An object that cannot be asked is not ours to judge; whoever awaits it will hear of it.
    return false
  }
}
