// SPDX-License-Identifier: Apache-2.0
import type { Kept } from '../follow/kept.ts'
import { timedTiers, tierWidth, type TimedTier } from '../tiers.ts'
import { Problem } from '../../web/problem.ts'

/** Buckets of one width from one time to another, in seconds; the end is not part of it. */
export interface Stretch {
  readonly tier: TimedTier
  readonly from: number
  readonly to: number
}

/** What is really answered, which may begin and end somewhat outside what was asked for: at the bounds of buckets that are kept. */
export interface AnsweredRange {
  readonly since: number
  readonly until: number
  readonly stretches: readonly Stretch[]
  /** False where it begins before the oldest bucket that is kept. */
  readonly isComplete: boolean
}

export interface RangeAsked {
  readonly since: number
  readonly until: number
  /** Seconds; a multiple of 60. Undefined for one answer over everything. */
  readonly step: number | undefined
}

/**
 * The fewest buckets that make up a range. With a step they are all of the widest kind that divides it; without, days where whole days lie inside,
 * and hours and minutes at the ends.
 *
 * Throws `Problem` 422 for steps whose buckets are not kept that long.
 */
export function rangeOf({ since, until, step }: RangeAsked, kept: Kept): AnsweredRange {
  if (step !== undefined) {
    const tier = timedTiers.findLast((one) => step % tierWidth[one] === 0) ?? 'minute'
    const range = { since: down(since, step), until: up(until, step) }
    if (range.since < kept[tier] && tier !== 'day')
      throw new Problem(
        422,
        'RANGE_TOO_OLD',
        `there are no ${tier}s any more from before ${iso(kept[tier])}`,
        {
          hint: `ask for a wider step: ${tier === 'minute' ? '1h or 1d' : '1d'}`,
        },
      )
    const stretch = { tier, from: range.since, to: range.until }
    return { ...range, stretches: [stretch], isComplete: range.since >= kept.day }
  }
  const range = {
    since: down(since, tierWidth[finestAt(since, kept)]),
    until: up(until, tierWidth[finestAt(until, kept)]),
  }
  return { ...range, stretches: cover(range.since, range.until, 'day'), isComplete: range.since >= kept.day }
}

/** The narrowest width that is kept around this time. */
function finestAt(second: number, kept: Kept): TimedTier {
  return timedTiers.find((tier) => down(second, tierWidth[tier]) >= kept[tier]) ?? 'day'
}

function cover(since: number, until: number, tier: TimedTier): readonly Stretch[] {
  if (since >= until) return []
  const narrower = timedTiers[timedTiers.indexOf(tier) - 1]
  if (narrower === undefined) return [{ tier, from: since, to: until }]
  const from = up(since, tierWidth[tier])
  const to = down(until, tierWidth[tier])
  if (from >= to) return cover(since, until, narrower)
  return [...cover(since, from, narrower), { tier, from, to }, ...cover(to, until, narrower)]
}

const down = (second: number, width: number): number => second - (second % width)
const up = (second: number, width: number): number => down(second + width - 1, width)
const iso = (second: number): string => new Date(second * 1000).toISOString()
