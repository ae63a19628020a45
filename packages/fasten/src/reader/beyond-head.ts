// SPDX-License-Identifier: Apache-2.0
import type { Evidence } from '../core/verify.ts'

/**
 * Rows that lie at or beyond the end which a head recorded, kept until it is known whether a writer has stored them since.
 * Nothing but their numbers and the hash of the last one matters, so rows that follow one another cost nothing more
 * than the first.
 */
export interface RowsBeyondHead {
  readonly isEmpty: boolean
  add(row: Pick<Evidence, 'monotonic_seq' | 'hash'>): void
  /** Those that lie at `size` or beyond, in the order they came. */
  from(size: number): Iterable<Evidence>
}

export function createRowsBeyondHead(): RowsBeyondHead {
  const runs: Run[] = []
  return {
    get isEmpty() {
      return runs.length === 0
    },
    add({ monotonic_seq: seq, hash }) {
      const last = runs.at(-1)
      // Numbers too large to be exact are equal to their successors.
      if (last !== undefined && Number.isSafeInteger(seq) && seq === last.to + 1) {
        last.to = seq
        last.hash = hash
      } else runs.push({ from: seq, to: seq, hash })
    },
    *from(size) {
      for (const { from, to, hash } of runs) {
        const first = Math.max(from, size)
        for (let seq = first; seq < to; seq++) yield rowAt(seq, null)
        if (first <= to) yield rowAt(to, hash)
      }
    },
  }
}

interface Run {
  readonly from: number
  to: number
  /** Of the row at `to`. */
  hash: string | null
}

const rowAt = (monotonic_seq: number, hash: string | null): Evidence => ({
  monotonic_seq,
  leaf: null,
  hash,
  columns: {},
})
