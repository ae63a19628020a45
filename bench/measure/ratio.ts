// SPDX-License-Identifier: Apache-2.0

/** A ratio measured round by round, both sides in the same round: the median and how far single rounds strayed. */
export interface Ratio {
  readonly median: number
  readonly min: number
  readonly max: number
}

/** `ours[i] / theirs[i]` for each round. */
export function pairedRatio(ours: readonly number[], theirs: readonly number[]): Ratio {
  const ratios = ours.map((value, round) => value / (theirs[round] ?? Number.NaN)).sort((a, b) => a - b)
  return { median: medianOf(ratios), min: ratios[0] ?? Number.NaN, max: ratios.at(-1) ?? Number.NaN }
}

export function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length / 2
  if (sorted.length === 0) return Number.NaN
  return sorted.length % 2 === 1
    ? (sorted[Math.floor(middle)] ?? Number.NaN)
    : ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2
}
