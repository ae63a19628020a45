// SPDX-License-Identifier: Apache-2.0
import type { Investigation } from './investigation.ts'

/** The windows of time that are offered by name, the shortest first. */
export const usualWindows: readonly (readonly [since: string, name: string])[] = [
  ['-15m', 'Last 15 minutes'],
  ['-1h', 'Last hour'],
  ['-6h', 'Last 6 hours'],
  ['-1d', 'Last day'],
  ['-7d', 'Last 7 days'],
  ['-30d', 'Last 30 days'],
]

/** Where there may be rows when there are none: the two next longer windows of the usual ones, and the window without the question. */
export function widerThan({ text, since, until }: Pick<Investigation, 'text' | 'since' | 'until'>): readonly {
  readonly name: string
  readonly changes: Partial<Investigation>
}[] {
  const at = until === null ? usualWindows.findIndex(([each]) => each === since) : -1
  const longer = at < 0 ? usualWindows.slice(-2) : usualWindows.slice(at + 1).slice(0, 2)
  return [
    ...longer.map(([each, name]) => ({ name, changes: { since: each, until: null } })),
    ...(text === '' ? [] : [{ name: 'Everything in this window', changes: { text: '' } }]),
  ]
}
