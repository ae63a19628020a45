// SPDX-License-Identifier: Apache-2.0
import type { Fasten } from '../../engine.ts'
import { currentFasten } from '../../init.ts'
import type { HttpRecorder } from '../http/options.ts'

/** What a function needs of an instance; any `Fasten` is one. */
export type ServerlessRecorder = HttpRecorder & Pick<Fasten, 'flush'>

export interface ServerlessOptions {
  /** Where rows go. Default: the process's own instance. */
  readonly fasten?: ServerlessRecorder
  /** How long an answer waits at most until rows are stored, in ms. Default 2,000; less where the platform says that less time remains. */
  readonly flushTimeoutMs?: number
}

/** Left for the platform when it says how much time remains, in ms. */
const reserveMs = 200

/**
 * What `work` answers, once the rows it left are stored: the process may be frozen the moment it answers. Rows that are not stored in time are in
 * the spool. Rejects as `work` does.
 */
export async function flushed<Result>(
  { fasten, flushTimeoutMs = 2_000 }: ServerlessOptions,
  remainingMs: (() => number) | undefined,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work()
  } finally {
    const leftMs = remainingMs === undefined ? flushTimeoutMs : remainingMs() - reserveMs
    await (fasten ?? currentFasten())?.flush(Math.max(0, Math.min(flushTimeoutMs, leftMs)))
  }
}
