// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { builtPages } from 'fasten-ui/serve'
import type { PagesParams, PagesResult } from '../cases/pages.ts'
import { runCase } from '../measure/child.ts'
import type { Goal } from '../measure/goals.ts'
import { percentilesOf } from '../measure/percentiles.ts'
import { pairedRatio } from '../measure/ratio.ts'
import { figure, table } from '../measure/table.ts'
import type { Scale } from './scale.ts'

export interface PagesRun extends PagesResult {
  readonly asked: Omit<PagesParams, 'folder'>
  /** What a browser loads: scripts and styles as they are sent (brotli), fonts as they are; bytes. */
  readonly bundleBytes: { readonly scripts: number; readonly styles: number; readonly fonts: number }
}

export async function measurePages(scale: Scale, folder: string): Promise<PagesRun> {
  const dir = mkdtempSync(join(folder, 'pages-'))
  const result = await runCase<PagesParams, PagesResult>('pages', { folder: dir, ...scale.pages })
  rmSync(dir, { recursive: true })
  return {
    ...result,
    asked: scale.pages,
    bundleBytes: { scripts: bytesOf('.js.br'), styles: bytesOf('.css.br'), fonts: bytesOf('.woff2') },
  }
}

function bytesOf(ending: string): number {
  return readdirSync(builtPages, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(ending))
    .reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0)
}

export function pagesTable(run: PagesRun): string {
  const { asked, bundleBytes, heapBytes } = run
  const times = (samples: readonly number[]): string[] => {
    const { p50, p99 } = percentilesOf(Float64Array.from(samples))
    return [figure(p50), figure(p99)]
  }
  const megabytes = (bytes: number): string => figure(bytes / 1e6)
  const kilobytes = (bytes: number): string => figure(bytes / 1000)
  const waiting = table(
    [`pages over ${figure(asked.rows)} rows, Chromium ${run.browser}`, 'p50 ms', 'p99 ms'],
    [
      ['first view: from nothing to rows painted', ...times(run.firstViewMs)],
      ['a key, until the next row is painted as the current one', ...times(run.pressMs)],
      [`the same while ${figure(asked.perSecond)} rows a second pour in`, ...times(run.pressWhileTailedMs)],
    ],
  )
  const size = table(
    ['what it takes', 'figure'],
    [
      ['scripts as sent, kB', kilobytes(bundleBytes.scripts)],
      ['styles as sent, kB', kilobytes(bundleBytes.styles)],
      ['fonts, kB', kilobytes(bundleBytes.fonts)],
      ['heap of the page with a first page of rows, MB', megabytes(heapBytes.first)],
      ['heap holding all that a page holds, MB', megabytes(heapBytes.full)],
      [`heap after ${figure(asked.tailed)} rows more, MB`, megabytes(heapBytes.later)],
    ],
  )
  return `${waiting}\n\n${size}`
}

export function pagesGoals(run: PagesRun): readonly Goal[] {
  const goal = (text: string, limit: number, unit: string, values: readonly number[]): Goal => ({
    id: 'P11',
    text,
    sense: '≤',
    limit,
    unit,
    found: pairedRatio(
      values,
      values.map(() => 1),
    ),
  })
  const { heapBytes, bundleBytes } = run
  return [
    goal('pages: first view', 1000, 'ms', run.firstViewMs),
    goal('pages: a key, at rest', 50, 'ms', run.pressMs),
    goal('pages: a key, while rows pour in', 100, 'ms', run.pressWhileTailedMs),
    goal('pages: scripts as sent', 300, 'kB', [bundleBytes.scripts / 1000]),
    goal('pages: heap after an hour of rows, beside before', 1.3, '×', [heapBytes.later / heapBytes.full]),
  ]
}
