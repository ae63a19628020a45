// SPDX-License-Identifier: Apache-2.0
import type { Break, BreakKind } from './verdict.ts'

/** How many breaks a verdict lists; beyond that it only counts. */
export const breaksListedMax = 1_000

/** Gathers the breaks of one log in constant memory. */
export interface BreakList {
  /**
   * Notes a break at `index`. Neighbouring breaks of one kind that share `run` are one damage (a blanked column, rows
   * moved by one place): they become one break that spans them, with the message of the first.
   */
  add(kind: BreakKind, index: number, message: string, run?: string): void
  /** Rows `from` to `to`, both inclusive, were not there when their turn came. */
  addGap(from: number, to: number): void
  /** True when `index` lay in a gap; it does no longer. */
  fill(index: number): boolean
  /** In order of index, at most `breaksListedMax`. */
  list(): readonly Break[]
  total(): number
  missing(): number
}

export function createBreakList(): BreakList {
  const listed: Break[] = []
  const gaps: { from: number; to: number }[] = []
  let total = 0
  let gapsTotal = 0
  let missing = 0
  let latest: { kind: BreakKind; run: string; to: number } | undefined

  return {
    add(kind, index, message, run) {
      if (run !== undefined && latest?.kind === kind && latest.run === run && latest.to === index - 1) {
        latest.to = index
        const spanned = listed.at(-1)
        // Beyond the listed ones, a run still counts as one.
        if (spanned?.kind === kind && spanned.to_index === index - 1)
          listed[listed.length - 1] = { ...spanned, to_index: index }
        return
      }
      latest = run === undefined ? undefined : { kind, run, to: index }
      total++
      if (listed.length < breaksListedMax) listed.push({ kind, from_index: index, to_index: index, message })
    },
    addGap(from, to) {
      missing += to - from + 1
      gapsTotal++
      if (gaps.length < breaksListedMax) gaps.push({ from, to })
    },
    fill(index) {
      const at = gaps.findIndex((gap) => gap.from <= index && index <= gap.to)
      const gap = gaps[at]
      if (gap === undefined) return false
      const rest = [
        { from: gap.from, to: index - 1 },
        { from: index + 1, to: gap.to },
      ].filter(({ from, to }) => from <= to)
      gaps.splice(at, 1, ...rest)
      gapsTotal += rest.length - 1
      missing--
      return true
    },
    list() {
      const absent = gaps.map(({ from, to }): Break => ({
        kind: 'rows_missing',
        from_index: from,
        to_index: to,
        message:
          from === to ? `row ${from} is missing` : `rows ${from} to ${to} are missing (${to - from + 1})`,
      }))
      return [...listed, ...absent].sort((a, b) => a.from_index - b.from_index).slice(0, breaksListedMax)
    },
    total: () => total + gapsTotal,
    missing: () => missing,
  }
}
