// SPDX-License-Identifier: Apache-2.0
import type { Ratio } from './ratio.ts'
import { figure, table } from './table.ts'

/** What we want to be true, and what this run found. */
export interface Goal {
  readonly id: string
  readonly text: string
  /** Smaller (`≤`) or larger (`≥`) is better. */
  readonly sense: '≤' | '≥'
  readonly limit: number
  /** `×` for a ratio, else the unit of an absolute figure. */
  readonly unit: string
  readonly found: Ratio
}

/**
 * `met` when the median holds; `missed` when it does not and no round did; `open` when the median does not but some round
 * did, which on a shared machine says nothing either way.
 */
export function judgeGoal({ sense, limit, found }: Goal): 'met' | 'missed' | 'open' {
  const holds = (value: number): boolean => (sense === '≤' ? value <= limit : value >= limit)
  if (holds(found.median)) return 'met'
  return holds(sense === '≤' ? found.min : found.max) ? 'open' : 'missed'
}

export function goalTable(goals: readonly Goal[]): string {
  return table(
    ['goal', 'wanted', 'found', 'min', 'max', ''],
    goals.map((goal) => {
      const { id, text, sense, limit, unit, found } = goal
      const wanted = `${sense} ${figure(limit)} ${unit}`
      return [
        `${id.padEnd(3)} ${text}`,
        wanted,
        figure(found.median),
        figure(found.min),
        figure(found.max),
        judgeGoal(goal),
      ]
    }),
  )
}
