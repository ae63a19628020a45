// SPDX-License-Identifier: Apache-2.0
import type { StreamName } from 'fasten/core'
import { kindOf, type WaterfallEntry } from 'fasten/reader/remote'

/** An entry as it is drawn. */
export interface ShownEntry {
  readonly entry: WaterfallEntry
  /** Entries below it, at every depth; 0 for a leaf. */
  readonly below: number
  readonly isFolded: boolean
}

/**
 * The entries that are drawn, in order: those below a folded one are not, and of the others those of the chosen streams; what stood below an
 * entry that is left out stays where it was. One pass, since a trace may have thousands.
 */
export function shownEntries(
  entries: readonly WaterfallEntry[],
  folded: ReadonlySet<string>,
  shownStreams: ReadonlySet<StreamName>,
): readonly ShownEntry[] {
  const shown: ShownEntry[] = []
  const below = countsBelow(entries)
  let foldedAt = Infinity
  entries.forEach((entry, index) => {
    if (entry.depth > foldedAt) return
    const isFolded = folded.has(entry.id)
    foldedAt = isFolded ? entry.depth : Infinity
    if (shownStreams.has(entry.stream)) shown.push({ entry, below: below[index] ?? 0, isFolded })
  })
  return shown
}

function countsBelow(entries: readonly WaterfallEntry[]): readonly number[] {
  const counts = entries.map(() => 0)
  const open: number[] = []
  entries.forEach(({ depth }, index) => {
    while (open.length > depth) close(open.pop())
    open.push(index)
  })
  while (open.length > 0) close(open.pop())
  return counts

  function close(index: number | undefined): void {
    const parent = open.at(-1)
    if (index !== undefined && parent !== undefined)
      counts[parent] = (counts[parent] ?? 0) + (counts[index] ?? 0) + 1
  }
}

/** What part of a trace is looked at; microseconds since it began. */
export interface Span {
  readonly from: number
  readonly to: number
}

/** Times at even distances, at most `ticksMax`, all within the span: 1, 2 or 5 times a power of ten apart. */
export function ticksOf({ from, to }: Span, ticksMax: number): readonly number[] {
  const width = to - from
  if (width <= 0 || ticksMax < 1) return []
  const rough = width / ticksMax
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = [1, 2, 5, 10].map((times) => times * power).find((each) => each >= rough) ?? rough
  const ticks: number[] = []
  for (let tick = Math.ceil(from / step) * step; tick <= to; tick += step) ticks.push(tick)
  return ticks
}

/** The entry that failed first, by time: where a person looks first. Undefined where nothing failed. */
export const firstError = (entries: readonly WaterfallEntry[]): WaterfallEntry | undefined =>
  entries
    .filter(({ state }) => state === 'error')
    .reduce<WaterfallEntry | undefined>(
      (first, each) => (first === undefined || each.start_us < first.start_us ? each : first),
      undefined,
    )

/** What a trace comes to, beside its times. */
export interface TraceFacts {
  /** The access or the job that all of it stands under: the first at the top. */
  readonly root: WaterfallEntry | undefined
  readonly counts: Readonly<Record<StreamName, number>>
  readonly services: number
  /** Models, tools or agents were called in it, so that there is a tree of them to open. */
  readonly hasAgents: boolean
}

export function traceFacts(entries: readonly WaterfallEntry[]): TraceFacts {
  const counts = { audit: 0, sys: 0, api: 0 }
  for (const { stream } of entries) counts[stream]++
  return {
    root: entries.find(({ depth }) => depth === 0),
    counts,
    services: new Set(entries.map(({ service }) => service)).size,
    hasAgents: entries.some(({ stream, title }) => stream === 'audit' && kindOf({ code: title }) !== 'other'),
  }
}

/** Where the label of a bar stands, in percent of the width that is drawn: behind it, before it, or on it where neither has room. */
export function labelPlace(
  left: number,
  width: number,
): { readonly at: 'behind' | 'before' | 'on'; readonly percent: number } {
  const right = left + width
  if (right < 86) return { at: 'behind', percent: Math.max(right, 0) }
  if (left > 14) return { at: 'before', percent: Math.max(100 - left, 0) }
  return { at: 'on', percent: Math.max(100 - right, 0) }
}
