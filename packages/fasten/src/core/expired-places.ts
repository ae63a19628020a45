// SPDX-License-Identifier: Apache-2.0
import type { SweptRun } from './swept.ts'

/**
 * Rows of a log whose leaf is gone, until a later row explains them. One bit for each row of a stretch of 1,024 that has one left,
 * so that a verifier of a log with millions of expired rows stays small.
 */
export interface ExpiredPlaces {
  add(seq: number): void
  /** Rows of `runs` that were waiting for an explanation and have it now. */
  explain(runs: readonly SweptRun[]): number
  /** Those that wait still, in order. */
  rest(): Iterable<number>
}

export function createExpiredPlaces(): ExpiredPlaces {
  const pages = new Map<number, Page>()
  return {
    add(seq) {
      const index = Math.floor(seq / pageRows)
      let page = pages.get(index)
      if (page === undefined) pages.set(index, (page = { bits: new Uint32Array(pageRows / 32), rows: 0 }))
      const [at, bit] = bitOf(seq)
      if (((page.bits[at] ?? 0) & bit) !== 0) return
      page.bits[at] = (page.bits[at] ?? 0) | bit
      page.rows++
    },
    explain(runs) {
      let explained = 0
      for (const [from, to] of runs) {
        for (const index of indicesIn(pages, Math.floor(from / pageRows), Math.floor(to / pageRows))) {
          const page = pages.get(index)
          if (page === undefined) continue
          const last = Math.min(to, (index + 1) * pageRows - 1)
          for (let seq = Math.max(from, index * pageRows); seq <= last; seq++) {
            const [at, bit] = bitOf(seq)
            if (((page.bits[at] ?? 0) & bit) === 0) continue
            page.bits[at] = (page.bits[at] ?? 0) & ~bit
            page.rows--
            explained++
          }
          if (page.rows === 0) pages.delete(index)
        }
      }
      return explained
    },
    *rest() {
      for (const index of [...pages.keys()].sort((one, other) => one - other)) {
        const page = pages.get(index)
        for (let seq = index * pageRows; seq < (index + 1) * pageRows; seq++) {
          const [at, bit] = bitOf(seq)
          if (((page?.bits[at] ?? 0) & bit) !== 0) yield seq
        }
      }
    },
  }
}

interface Page {
  readonly bits: Uint32Array
  rows: number
}

const pageRows = 1_024

/** Only those that wait: a run may name more stretches than there are. */
function indicesIn(pages: ReadonlyMap<number, Page>, first: number, last: number): readonly number[] {
  return last - first < pages.size
    ? Array.from({ length: last - first + 1 }, (_, at) => first + at)
    : [...pages.keys()].filter((index) => first <= index && index <= last)
}

const bitOf = (seq: number): readonly [at: number, bit: number] => [(seq % pageRows) >> 5, 1 << (seq & 31)]
