// SPDX-License-Identifier: Apache-2.0
import type { LogVerdict, Verdict } from '../core/verdict.ts'
import { combineVerdicts } from '../core/verify.ts'

/** One verdict over several, or the verdict on nothing: INCOMPLETE, and it says that no log was there to check. */
export function joinVerdicts(verdicts: readonly Verdict[], askedLog?: string): Verdict {
  const logs: readonly LogVerdict[] = verdicts.flatMap((verdict) => verdict.logs)
  const notes = [...new Set(verdicts.flatMap((verdict) => verdict.notes))]
  if (logs.length > 0) return combineVerdicts(logs, notes)
  return combineVerdicts([], [...notes, noLog(askedLog)])
}

/** What is said when the range names nothing; the same whether a log is unknown or merely not visible. */
export function noLog(askedLog: string | undefined): string {
  return askedLog === undefined
    ? 'the store holds no log in this range'
    : `the store holds no log named ${JSON.stringify(askedLog)}`
}
