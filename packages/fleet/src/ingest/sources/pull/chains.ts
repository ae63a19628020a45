// SPDX-License-Identifier: Apache-2.0
import { genesis } from 'fasten/core'
import { z } from 'zod'
import { PullError } from './pull-error.ts'

/** What is remembered of a chain of the source between two looks. */
const chainState = z.strictObject({
  /** Number and hash of the row with the largest number. */
  tip: z.tuple([z.number(), z.string()]),
  /** Numbers that were seen, as runs, both ends inclusive. */
  runs: z.array(z.tuple([z.number(), z.number()])),
})
export const chainsState = z.record(z.string(), chainState)
export type ChainsState = z.output<typeof chainsState>

/** Chains of a source, as far as they were seen. */
export interface Chains {
  /** A row of this batch. All of a batch are told before any is judged: they come in no particular order. */
  see(chain: string, seq: number, hash: string): void
  /** Whether `prev_hash` is the hash of the row before; `unknown` where that was not seen. */
  link(chain: string, seq: number, prev_hash: string): 'linked' | 'parted' | 'unknown'
  /** Numbers between those seen that were not, and forgets them: they are told once. */
  takeHoles(): readonly { readonly chain: string; readonly from: number; readonly to: number }[]
  state(): ChainsState
}

/** `first` is the number of a chain's first row. */
export function createChains(kept: ChainsState, first: number): Chains {
  const chains = new Map(Object.entries(structuredClone(kept)))
  const hashes = new Map<string, string>()
  for (const [chain, { tip }] of chains) hashes.set(`${tip[0]} ${chain}`, tip[1])

  return {
    see(chain, seq, hash) {
      hashes.set(`${seq} ${chain}`, hash)
      const state = chains.get(chain) ?? { tip: [seq, hash], runs: [] }
      if (!chains.has(chain) && chains.size >= chainsMax)
        throw new PullError('BAD_ANSWER', `it has more than ${chainsMax} logs`)
      chains.set(chain, state)
      if (seq >= state.tip[0]) state.tip = [seq, hash]
      join(state.runs, seq)
    },
    link(chain, seq, prev_hash) {
      const before = seq === first ? genesis : hashes.get(`${seq - 1} ${chain}`)
      if (before === undefined) return 'unknown'
      return before === prev_hash ? 'linked' : 'parted'
    },
    takeHoles() {
      const holes: { readonly chain: string; readonly from: number; readonly to: number }[] = []
      for (const [chain, { runs }] of chains) {
        for (const [index, [, to]] of runs.entries()) {
          const next = runs[index + 1]
          if (next !== undefined) holes.push({ chain, from: to + 1, to: next[0] - 1 })
        }
        runs.splice(0, runs.length, [runs[0]?.[0] ?? 0, runs.at(-1)?.[1] ?? 0])
      }
      return holes
    },
    state: () => Object.fromEntries(chains),
  }
}

/** A source that names countless logs does not fill our memory. */
const chainsMax = 5_000
/** Runs of one chain; beyond, the oldest hole is taken for filled. */
const runsMax = 200

/** Adds a number to runs that ascend and do not touch. */
function join(runs: [number, number][], seq: number): void {
  let at = runs.length
  while (at > 0 && (runs[at - 1]?.[0] ?? 0) > seq) at--
  const before = runs[at - 1]
  const after = runs[at]
  if (before !== undefined && seq <= before[1]) return
  const isBehind = before !== undefined && before[1] === seq - 1
  const isAhead = after !== undefined && after[0] === seq + 1
  if (isBehind && isAhead) {
    before[1] = after[1]
    runs.splice(at, 1)
  } else if (isBehind) before[1] = seq
  else if (isAhead) after[0] = seq
  else runs.splice(at, 0, [seq, seq])
  if (runs.length > runsMax) runs.splice(0, 2, [runs[0]?.[0] ?? 0, runs[1]?.[1] ?? 0])
}
