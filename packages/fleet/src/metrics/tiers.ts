// SPDX-License-Identifier: Apache-2.0

/** Widths of buckets, by the number that rests in the database. `ever` is one bucket for all time, which counters are read from. */
export const tiers = { minute: 1, hour: 2, day: 3, ever: 4 } as const
export type TierName = keyof typeof tiers
/** The widths that are kept for a while, narrow to wide. */
export const timedTiers = ['minute', 'hour', 'day'] as const
export type TimedTier = (typeof timedTiers)[number]

/** Seconds. */
export const tierWidth: Readonly<Record<TimedTier, number>> = { minute: 60, hour: 3600, day: 86_400 }

/** The beginning, in seconds since the epoch, of the bucket of this width that holds `second`. */
export function bucketOf(tier: TierName, second: number): number {
  return tier === 'ever' ? 0 : second - (second % tierWidth[tier])
}

/**
 * Seconds since the epoch of a row's timestamp, cut; undefined for what is no canonical timestamp or lies before 1970, as a damaged or invented row
 * may say.
 */
export function secondOf(timestamp: string | null): number | undefined {
  if (timestamp === null || !canonical.test(timestamp)) return undefined
  const ms = Date.parse(`${timestamp.slice(0, 19)}Z`)
  return Number.isNaN(ms) || ms < 0 ? undefined : ms / 1000
}

const canonical = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/

/** For parameters of the type timestamptz, and for answers. */
export function isoOf(second: number): string {
  return new Date(second * 1000).toISOString()
}
