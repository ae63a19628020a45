// SPDX-License-Identifier: Apache-2.0

export interface Percentiles {
  readonly p50: number
  readonly p99: number
  readonly p999: number
}

/** Nearest-rank percentiles; the samples are left as they are. Zeros when there are none. */
export function percentilesOf(samples: Float64Array): Percentiles {
  const sorted = samples.toSorted()
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
  return { p50: at(0.5), p99: at(0.99), p999: at(0.999) }
}
