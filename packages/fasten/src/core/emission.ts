// SPDX-License-Identifier: Apache-2.0
import type { Emission, EmissionGap } from './verdict.ts'

/**
 * Counts what each process emitted against what is stored. Every row that is emitted towards a store takes the next
 * `boot_seq` of its process, over all streams and tenants, so a number that no stored row carries below one that
 * some row does carry is a row that was emitted and is not here.
 *
 * Memory: one bit for each row of a stretch of 1,024 that is not yet whole, nothing for whole ones, and some hundred
 * bytes for each process.
 */
export interface EmissionTally {
  /** A stored row that is whole. */
  add(boot_id: string, boot_seq: number): void
  /** A row that was stored while others were being counted: it fills a hole, and says nothing of rows behind it. */
  fill(boot_id: string, boot_seq: number): void
  missing(): number
  result(): Emission
}

/**
 * How the `boot_id` of a store begins, in whose name the rows are that it writes itself. They were not emitted by any
 * process and are not counted: a transaction that is rolled back would leave a hole that means nothing.
 */
export const ownBootPrefix = 'fa57e400'

/** Processes that `Emission.gaps` lists. */
export const gapsListedMax = 20
/** Stretches listed for each of them. */
export const stretchesListedMax = 10

/** A tally that has seen nothing yet. Source: spec/chain.md#emission. */
export function createEmissionTally(): EmissionTally {
  const boots = new Map<string, Boot>()
  // Rows come in runs of one process.
  let latest: Boot | undefined

  function bootOf(boot_id: string): Boot | undefined {
    if (latest?.boot_id !== boot_id) latest = boots.get(boot_id) ?? latest
    return latest?.boot_id === boot_id ? latest : undefined
  }

  function mark(boot: Boot, seq: number): void {
    const index = Math.floor(seq / pageRows)
    if (index < boot.wholePages || boot.pages.get(index) === whole) return
    let page = boot.pages.get(index)
    if (page === undefined) {
      page = { bits: new Uint32Array(pageRows / 32), rows: 0 }
      boot.pages.set(index, page)
    }
    const at = seq % pageRows
    const bit = 1 << (at & 31)
    if (((page.bits[at >> 5] ?? 0) & bit) !== 0) return
    page.bits[at >> 5] = (page.bits[at >> 5] ?? 0) | bit
    boot.found++
    if (++page.rows < pageRows) return
    boot.pages.set(index, whole)
    while (boot.pages.get(boot.wholePages) === whole) boot.pages.delete(boot.wholePages++)
  }

  return {
    add(boot_id, boot_seq) {
      if (!isCount(boot_seq) || boot_id.startsWith(ownBootPrefix)) return
      let boot = bootOf(boot_id)
      if (boot === undefined) {
        boot = { boot_id, found: 0, newest: -1, wholePages: 0, pages: new Map() }
        boots.set(boot_id, boot)
        latest = boot
      }
      if (boot_seq > boot.newest) boot.newest = boot_seq
      mark(boot, boot_seq)
    },
    fill(boot_id, boot_seq) {
      const boot = bootOf(boot_id)
      if (boot !== undefined && isCount(boot_seq) && boot_seq < boot.newest) mark(boot, boot_seq)
    },
    missing: () => boots.values().reduce((sum, boot) => sum + missingOf(boot), 0),
    result() {
      const all = [...boots.values()]
      const holed = all
        .filter((boot) => missingOf(boot) > 0)
        .sort((one, other) => missingOf(other) - missingOf(one) || (one.boot_id < other.boot_id ? -1 : 1))
      return {
        boots: all.length,
        rows_emitted: all.reduce((sum, boot) => sum + boot.newest + 1, 0),
        rows_missing: holed.reduce((sum, boot) => sum + missingOf(boot), 0),
        gaps_total: holed.length,
        gaps: holed.slice(0, gapsListedMax).map(gapOf),
      }
    },
  }
}

/** What a verdict says of rows that were emitted and are not stored; `isDamaged` when its rows do not all hold. */
export function emissionNotes({ gaps, gaps_total, rows_missing }: Emission, isDamaged: boolean): string[] {
  const told = gaps.slice(0, gapsToldMax)
  const causes = isDamaged ? 'deleted, damaged, refused' : 'refused'
  const notes = told.map(
    ({ boot_id, rows_emitted, rows_missing: rows }) =>
      `${grouped(rows)} of ${grouped(rows_emitted)} ${rows_emitted === 1 ? 'row' : 'rows'} that boot ${boot_id.slice(0, 16)} emitted ` +
      `${rows === 1 ? 'is' : 'are'} not in this store: ${causes}, in quarantine, in a spool, or stored elsewhere`,
  )
  const rest = gaps_total - told.length
  const restRows = rows_missing - told.reduce((sum, gap) => sum + gap.rows_missing, 0)
  return rest === 0
    ? notes
    : [...notes, `${grouped(restRows)} rows of ${grouped(rest)} further boots are not in this store either`]
}

const gapsToldMax = 3

interface Boot {
  readonly boot_id: string
  /** Different numbers that were marked. */
  found: number
  newest: number
  /** Pages before this one are whole and are not kept. */
  wholePages: number
  readonly pages: Map<number, Page>
}

interface Page {
  readonly bits: Uint32Array
  rows: number
}

const pageRows = 1_024
const whole: Page = { bits: new Uint32Array(), rows: pageRows }

const isCount = (boot_seq: number): boolean => Number.isSafeInteger(boot_seq) && boot_seq >= 0
const missingOf = ({ newest, found }: Boot): number => newest + 1 - found

function gapOf(boot: Boot): EmissionGap {
  const stretches: { from: number; to: number }[] = []
  for (const [from, to] of holes(boot)) {
    const last = stretches.at(-1)
    if (last?.to === from - 1) last.to = to
    else if (stretches.length === stretchesListedMax) break
    else stretches.push({ from, to })
  }
  return {
    boot_id: boot.boot_id,
    rows_emitted: boot.newest + 1,
    rows_missing: missingOf(boot),
    stretches: stretches.map(({ from, to }) => ({ from_boot_seq: from, to_boot_seq: to })),
  }
}

/** Every hole, in order; neighbouring ones may come in pieces. */
function* holes({ newest, wholePages, pages }: Boot): Generator<readonly [number, number]> {
  let next = wholePages * pageRows
  for (const index of [...pages.keys()].sort((one, other) => one - other)) {
    const start = index * pageRows
    if (start > next) yield [next, start - 1]
    next = Math.min(start + pageRows, newest + 1)
    const page = pages.get(index)
    if (page === undefined || page === whole) continue
    for (let seq = start; seq < next; seq++) {
      const at = seq - start
      if (((page.bits[at >> 5] ?? 0) & (1 << (at & 31))) === 0) yield [seq, seq]
    }
  }
}

const grouped = (count: number): string => String(count).replace(/\B(?=(?:\d{3})+$)/g, ',')
