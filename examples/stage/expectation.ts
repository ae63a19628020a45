// SPDX-License-Identifier: Apache-2.0
import { setTimeout as pause } from 'node:timers/promises'
import { tellJudgement } from './screen.ts'

export interface Expectation {
  readonly text: string
  /** Rejects with what was found instead. Asked again for a while, since rows reach the store a moment after what they tell of. */
  check(): Promise<void>
}

/** Judges one after the other, telling of each. Resolves with how many did not hold. */
export async function judgeAll(expectations: readonly Expectation[]): Promise<number> {
  let failed = 0
  for (const each of expectations) {
    const complaint = await judge(each)
    tellJudgement(each.text, complaint)
    if (complaint !== undefined) failed += 1
  }
  return failed
}

/** Asks until it holds, for `patienceMs` at most (default: a minute); resolves with what was wrong at last, or undefined. */
export async function judge(expectation: Expectation, patienceMs = 60_000): Promise<string | undefined> {
  for (const deadline = performance.now() + patienceMs; ; await pause(100)) {
    try {
      await expectation.check()
      return undefined
    } catch (error) {
      if (performance.now() > deadline) return error instanceof Error ? error.message : String(error)
    }
  }
}
