// SPDX-License-Identifier: Apache-2.0
import type { SysRow } from '../../core/row.ts'
import type { ReaderRow } from '../../reader/reader.ts'
import type { Part } from './line.ts'
import { duration, isErrorShape, pairs, scalar } from './values.ts'
import { visible } from '../../core/visible.ts'

/**
 * What a row about a job says, in the order in which people ask: which job, which attempt, how long, what went wrong; then whatever else it has. Undefined
 * for any other row, one that only borrowed the name of an event among them. Source: spec/row.md#jobs.
 */
export function jobParts(row: ReaderRow<SysRow>): readonly Part[] | undefined {
  if (!jobEvent.test(row.event)) return undefined
  const { job, attempt, attempts_max, duration_ms, error, err, reason, run_id, enqueued_by, ...others } =
    row.fields as Readonly<Record<string, unknown>>
  if (typeof job !== 'string') return undefined
  const isSkipped = row.event === 'job_run_skipped'
  const lasted = typeof duration_ms === 'number' && duration_ms >= 0
  // The run is mostly the request itself, which ends the line.
  const rest = {
    ...(run_id === row.request_id ? {} : { run_id }),
    ...(lasted ? {} : { duration_ms }),
    ...others,
  }
  return [
    { text: visible(job), style: 'strong', yields: 6, keeps: 12, cut: 'middle' },
    { text: attemptText(attempt, attempts_max) },
    { text: lasted ? duration(duration_ms * 1000) : '' },
    {
      text: failureText(error, err),
      style: isSkipped ? 'caution' : 'danger',
      yields: 5,
      keeps: 14,
      isBelow: row.event !== 'job_enqueued',
    },
    { text: labelled('reason', reason), style: isSkipped ? 'caution' : 'plain', yields: 4 },
    { text: labelled('enqueued_by', enqueued_by), style: 'quiet', yields: 3 },
    { text: pairs(known(rest)), style: 'quiet', yields: 1 },
  ]
}

const jobEvent = /^job_(enqueued|run_(started|succeeded|failed|overran|skipped))$/

function attemptText(attempt: unknown, most: unknown): string {
  if (attempt === undefined) return ''
  return `attempt ${scalar(attempt)}${most === undefined ? '' : `/${scalar(most)}`}`
}

/** The error with what it says, or its class where that is all there is. */
function failureText(error: unknown, err: unknown): string {
  if (isErrorShape(err)) return scalar(err)
  return [error, err].flatMap((each) => (each === undefined ? [] : [scalar(each)])).join(' ')
}

function labelled(label: string, value: unknown): string {
  return value === undefined ? '' : `${label}=${scalar(value)}`
}

function known(members: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined))
}
