// SPDX-License-Identifier: Apache-2.0
import { runWithContext } from '../../context.ts'
import { runContext, type Origin } from './origin.ts'
import { newRunID } from './run-id.ts'
import { recordRunRow, type RunFields } from './run-row.ts'
import type { RunShim } from './run-options.ts'

export type Overlap = 'allow' | 'skip' | 'queue'

export interface GateOptions {
  readonly shim: RunShim
  readonly job: string
  readonly overlap: Overlap
  readonly waitingMax: number
}

/** Lets `run` happen now, later or not at all. */
export type Gate = (runId: string, origin: Origin | undefined, run: () => unknown) => unknown

/** The gate in front of one job. Throws TypeError for a policy it does not know. */
export function createGate({ shim, job, overlap, waitingMax }: GateOptions): Gate {
  if (overlap === 'allow') return (_runId, _origin, run) => run()
  if (overlap !== 'skip' && overlap !== 'queue')
    throw new TypeError(`overlap: "${String(overlap)}" is none of allow, skip, queue`)
  if (!Number.isInteger(waitingMax) || waitingMax < 0)
    throw new TypeError(`waitingMax: ${String(waitingMax)} is no number of calls`)
  let running: string | undefined
  const skipRun = (run_id: string, origin: Origin | undefined, reason: string): undefined =>
    recordSkip(shim, { job, run_id, reason, ...(running === undefined ? {} : { running }) }, origin)
  const enter = (runId: string, run: () => unknown): unknown => {
    const leave = (): void => void (running = undefined)
    running = runId
    let result: unknown
    try {
      result = run()
    } catch (failure) {
      leave()
      throw failure
    }
    // What is handed on is the promise after ours, so that a rejection nobody handles is seen as one.
    if (result instanceof Promise) return result.finally(leave)
    leave()
    return result
  }
  if (overlap === 'skip')
    return (runId, origin, run) =>
      running === undefined ? enter(runId, run) : skipRun(runId, origin, 'overlap')

  let waiting = 0
  let turn: Promise<unknown> = Promise.resolve()
  return (runId, origin, run) => {
    if (waiting > waitingMax) return Promise.resolve(skipRun(runId, origin, 'queue_full'))
    waiting++
    const mine = turn.then(() => enter(runId, run))
    const leave = (): void => void waiting--
    turn = mine.then(leave, leave)
    return mine.then((value) => value)
  }
}

/** Leaves `job_run_skipped` in the thread of the run that did not happen. */
export function recordSkip(
  shim: RunShim,
  fields: RunFields & { readonly run_id: string },
  origin?: Origin,
): undefined {
  const enqueued_by = origin?.enqueuedBy
  runWithContext(runContext(shim, fields.run_id, origin), recordRunRow, shim, 'job_run_skipped', {
    ...fields,
    ...(enqueued_by === undefined ? {} : { enqueued_by }),
  })
}

/** The same for a run that a library kept from starting. */
export function skip(
  shim: RunShim,
  {
    job,
    reason = 'overlap',
    running,
  }: { readonly job: string; readonly reason?: string; readonly running?: string | undefined },
): void {
  recordSkip(shim, { job, run_id: newRunID(shim), reason, ...(running === undefined ? {} : { running }) })
}
