// SPDX-License-Identifier: Apache-2.0
import type { RequestContext } from '../../context.ts'
import type { Fasten } from '../../engine.ts'
import { currentFasten } from '../../init.ts'

/** What the shim needs of an instance; any `Fasten` is one. */
export interface RunRecorder {
  readonly recordLog: Fasten['recordLog']
  readonly config: { readonly service_id: string }
}

export interface RunOptions {
  /** Where rows go: an instance, or a function asked at each row. Default: the process's own instance. */
  readonly fasten?: RunRecorder | (() => RunRecorder | undefined)
  /** Whether jobs and runs leave rows; without, runs still have ids and contexts. Default true. */
  readonly records?: boolean
  /** Runs keep the id of the request that asked for them, where one did, instead of one of their own. Default false. */
  readonly keepsRequestId?: boolean
  /** Milliseconds after which a run that goes on leaves `job_run_overran`. Default: the schedule's interval, where there is one. */
  readonly expectedMs?: number
  /** What else is known of every run: its actor, its tenant. */
  readonly context?: Partial<RequestContext>
}

/** The options, checked once. */
export interface RunShim {
  readonly recorder: () => RunRecorder | undefined
  readonly keepsRequestId: boolean
  readonly expectedMs: number | undefined
  readonly context: Partial<RequestContext> | undefined
  readonly method: 'scheduler' | 'queue'
  readonly records: boolean
}

/** Checks the options. Throws TypeError naming the one that is wrong. Members it does not know belong to the caller. */
export function createRunShim(
  { fasten, records = true, keepsRequestId = false, expectedMs, context }: RunOptions = {},
  method: RunShim['method'] = 'scheduler',
): RunShim {
  for (const [name, value] of Object.entries({ records, keepsRequestId }))
    if (typeof value !== 'boolean') throw new TypeError(`${name}: give true or false`)
  if (expectedMs !== undefined && !(typeof expectedMs === 'number' && expectedMs > 0))
    throw new TypeError(`expectedMs: ${String(expectedMs)} is no number of milliseconds above 0`)
  if (context !== undefined && (typeof context !== 'object' || context === null))
    throw new TypeError('context: give an object')
  return { recorder: recorderOf(fasten), records, keepsRequestId, expectedMs, context, method }
}

function recorderOf(given: RunOptions['fasten']): RunShim['recorder'] {
  if (given === undefined) return currentFasten
  if (typeof given === 'function') return given
  if (typeof given !== 'object' || given === null || typeof given.recordLog !== 'function')
    throw new TypeError('fasten: give an instance (from init or createFasten) or a function that returns one')
  return () => given
}
