// SPDX-License-Identifier: Apache-2.0

/** Another one for each run; `FAULTS_SEED=…` runs one again. Every report prints it. */
export const seed = Number(process.env['FAULTS_SEED'] ?? process.pid)

/** The same for each run that does not say `FAULTS_SEED`, where the long run is the one that looks for what nobody has seen yet. */
export const seedOr = (usual: number): number => (process.env['FAULTS_SEED'] === undefined ? usual : seed)

export interface Chance {
  /** In [0, 1). */
  next(): number
  /** A whole number in [from, to]. */
  between(from: number, to: number): number
  pick<T>(from: readonly T[]): T
}

/** Numbers that a seed decides (mulberry32), so that a failing run can be run again. */
export function createChance(from = seed): Chance {
  let state = from >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
  const between = (low: number, high: number): number => low + Math.floor(next() * (high - low + 1))
  return {
    next,
    between,
    pick(items) {
      const item = items[between(0, items.length - 1)]
      if (item === undefined) throw new TypeError('there is nothing to pick from')
      return item
    },
  }
}
