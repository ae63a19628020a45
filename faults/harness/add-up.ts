// SPDX-License-Identifier: Apache-2.0
import type { Judgement } from './judge.ts'

/** One judgement of many attacks, each of which was judged by itself. */
export function addUp(all: readonly Judgement[]): Judgement {
  const sum = (of: (one: Judgement) => number): number => all.reduce((total, one) => total + of(one), 0)
  return {
    acked: sum(({ acked }) => acked),
    stored: sum(({ stored }) => stored),
    lost: all.flatMap(({ lost }) => lost),
    duplicated: all.flatMap(({ duplicated }) => duplicated),
    verdicts: all.flatMap(({ verdicts }) => verdicts),
    quarantined: all.flatMap(({ quarantined }) => quarantined),
    spoolsLeft: sum(({ spoolsLeft }) => spoolsLeft),
  }
}
