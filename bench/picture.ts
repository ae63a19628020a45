// SPDX-License-Identifier: Apache-2.0
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { CallResult } from './cases/call.ts'
import type { CallRounds } from './groups/calls.ts'
import type { RowRounds } from './groups/rows.ts'
import type { Scale } from './groups/scale.ts'
import type { Goal } from './measure/goals.ts'
import type { Machine } from './measure/machine.ts'
import { medianOf } from './measure/ratio.ts'
import { figure } from './measure/table.ts'

/** What `--json` keeps. */
export interface Results {
  readonly at: string
  readonly machine: Machine
  readonly scale: Scale
  readonly groups: { readonly [name: string]: unknown }
  readonly goals: readonly (Goal & { readonly verdict: string })[]
}

interface Bar {
  readonly label: string
  readonly value: number
  readonly isOurs: boolean
  /** Printed after the figure, smaller. */
  readonly note?: string
}

interface Panel {
  readonly title: string
  readonly unit: string
  /** Whether a short bar is the good one. */
  readonly isLessBetter: boolean
  readonly bars: readonly Bar[]
}

const width = 860
const labelWidth = 290
const barWidth = 310
const lineHeight = 24

/** One SVG, legible on light and dark pages, drawn from nothing but the results. Groups that were not measured are left out. */
export function drawPicture({ at, machine, groups }: Results): string {
  const calls = groups['calls'] as CallRounds | undefined
  const rows = groups['rows'] as RowRounds | undefined
  const panels = [
    ...(calls === undefined ? [] : callPanels(calls)),
    ...(rows === undefined ? [] : [rowPanel(rows)]),
  ]
  let y = 8
  const parts: string[] = []
  for (const panel of panels) {
    parts.push(panelAt(panel, y))
    y += 34 + panel.bars.length * lineHeight + 18
  }
  const where = `${machine.cpu}, ${machine.cores} cores, Node.js ${machine.node}, ${at.slice(0, 10)}. Medians of one run, both sides in the same rounds; every row was read back.`
  parts.push(`<text class="note" x="0" y="${y + 8}">${escape(where)}</text>`)
  const height = y + 20
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escape(panels.map(({ title }) => title).join('; '))}">
<style>
text { font: 13px system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif; fill: #24292f }
.title { font-weight: 600; font-size: 14px }
.note { font-size: 11px; fill: #57606a }
.ours { fill: #0b7a75 }
.theirs { fill: #b6bec7 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  .note { fill: #9198a1 }
  .ours { fill: #2dd4bf }
  .theirs { fill: #4b545e }
}
</style>
${parts.join('\n')}
</svg>
`
}

function panelAt({ title, unit, isLessBetter, bars }: Panel, top: number): string {
  const largest = Math.max(...bars.map(({ value }) => value))
  const lines = bars.map(({ label, value, isOurs, note }, i) => {
    const y = top + 34 + i * lineHeight
    const length = Math.max(2, (value / largest) * barWidth)
    const text = `${figure(value)} ${unit}${note === undefined ? '' : ` <tspan class="note">${escape(note)}</tspan>`}`
    return [
      `<text x="${labelWidth - 10}" y="${y + 12}" text-anchor="end">${escape(label)}</text>`,
      `<rect class="${isOurs ? 'ours' : 'theirs'}" x="${labelWidth}" y="${y}" width="${length.toFixed(1)}" height="16" rx="2"/>`,
      `<text x="${(labelWidth + length + 8).toFixed(1)}" y="${y + 12}">${text}</text>`,
    ].join('\n')
  })
  const heading = `${escape(title)} <tspan class="note">${isLessBetter ? 'shorter is better' : 'longer is better'}</tspan>`
  return [`<text class="title" x="0" y="${top + 16}">${heading}</text>`, ...lines].join('\n')
}

/** Whose event is out of the process when the call returns. */
const survivors: ReadonlySet<string> = new Set(['fastenEmit', 'pinoSync'])

function callPanels(rounds: CallRounds): readonly Panel[] {
  const names = (Object.keys(rounds) as (keyof CallRounds)[]).filter((name) => name !== 'nothing')
  const median = (name: keyof CallRounds, pick: (each: CallResult) => number): number =>
    medianOf(rounds[name].map(pick))
  const bars = (
    pick: (each: CallResult) => number,
    note: (name: keyof CallRounds) => string | undefined,
  ): readonly Bar[] =>
    names
      .map((name) => {
        const said = note(name)
        return {
          label: rounds[name][0]?.title ?? name,
          value: median(name, pick),
          isOurs: name.startsWith('fasten'),
          ...(said === undefined ? {} : { note: said }),
        }
      })
      .sort((a, b) => a.value - b.value)
  return [
    {
      title: 'What one call costs the caller (median)',
      unit: 'µs',
      isLessBetter: true,
      bars: bars(
        (each) => each.p50,
        (name) =>
          `p99 ${figure(median(name, (each) => each.p99))}${survivors.has(name) ? ', survives kill -9' : ''}`,
      ),
    },
    {
      title: 'CPU per event until it is where it belongs',
      unit: 'µs',
      isLessBetter: true,
      bars: bars(
        (each) => each.cpuMicros,
        (name) => (name.startsWith('fastenEmit') ? 'chained and indexed in SQLite' : undefined),
      ),
    },
  ]
}

function rowPanel({ durable, stored, peers }: RowRounds): Panel {
  const best = new Map<string, Bar>()
  for (const [peer, rates] of Object.entries(peers)) {
    const label = peer.replace(/, \d+ a commit$/, '')
    const value = medianOf(rates)
    if (value > (best.get(label)?.value ?? 0)) best.set(label, { label, value, isOurs: false })
  }
  return {
    title: 'Rows that survive power loss',
    unit: 'rows/s',
    isLessBetter: false,
    bars: [
      {
        label: 'fasten, durable (spool, synced)',
        value: medianOf(durable.map((each) => each.rowsPerSecond)),
        isOurs: true,
      },
      {
        label: 'fasten, stored (hashed, chained, indexed)',
        value: medianOf(stored.map((each) => each.rowsPerSecond)),
        isOurs: true,
      },
      ...best.values(),
    ].sort((a, b) => b.value - a.value),
  }
}

const escape = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')

/** `node bench/picture.ts` draws again from the figures that are kept. */
if (process.argv[1] === import.meta.filename) {
  const kept = join(import.meta.dirname, 'results', 'latest.json')
  const results = JSON.parse(readFileSync(kept, 'utf8')) as Results
  writeFileSync(join(import.meta.dirname, '..', 'docs', 'pictures', 'bench.svg'), drawPicture(results))
}
