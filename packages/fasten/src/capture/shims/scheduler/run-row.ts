// SPDX-License-Identifier: Apache-2.0
import type { Level } from '../../../core/row.ts'
import type { RunShim } from './run-options.ts'

/** Members of `fields` in rows about jobs. Source: spec/row.md#jobs. */
export interface RunFields {
  readonly job?: string
  readonly run_id?: string
  /** Where the job waits, and what it is called there. */
  readonly queue?: string
  readonly job_id?: string
  /** From 1. */
  readonly attempt?: number
  readonly attempts_max?: number
  /** The `run_id` of the attempt before. */
  readonly retry_of?: string
  /** The request that asked for the run. */
  readonly enqueued_by?: string
  /** The schedule, as its library spells it. */
  readonly schedule?: string
  readonly duration_ms?: number
  readonly expected_ms?: number
  /** Class of what was thrown, and the thing itself. */
  readonly error?: string
  readonly err?: unknown
  /** Why it was skipped, and the run that stood in the way. */
  readonly reason?: string
  readonly running?: string
  /** Rows that asked for the members of a batch, and how many members it has. */
  readonly causes?: readonly string[]
  readonly jobs?: number
}

/** Events about jobs, and how loud each is. */
export const runEvents = {
  job_enqueued: 'info',
  job_run_started: 'info',
  job_run_succeeded: 'info',
  job_run_failed: 'error',
  job_run_overran: 'warn',
  job_run_skipped: 'warn',
} as const satisfies Record<string, Level>

/** Leaves a row about a job in the context of the work in progress. Answers its id; undefined where none is kept. */
export function recordRunRow(
  shim: RunShim,
  event: keyof typeof runEvents,
  fields: RunFields,
): string | undefined {
  if (!shim.records) return undefined
  const { job } = fields
  // Names come from data too (`agenda`, `bullmq`): a row is not the place for a long one.
  const cut = typeof job === 'string' ? { ...fields, job: job.slice(0, nameCharactersMax) } : fields
  const line = { level: runEvents[event], event, fields: cut, logger: undefined }
  return shim.recorder()?.recordLog(line, { isShown: true })
}

const nameCharactersMax = 256
