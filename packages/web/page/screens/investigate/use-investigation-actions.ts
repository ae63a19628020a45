// SPDX-License-Identifier: Apache-2.0
import type { Investigation } from '../../model/investigation.ts'
import { withFilter } from '../../model/question-parts.ts'
import { useActions } from '../../parts/palette/actions.tsx'
import type { ChangeInvestigation } from './investigate.tsx'

/** What the palette can do with an investigation. `ask` asks anew, `change` shows the same otherwise. */
export function useInvestigationActions({
  investigation: { text, isLive, order, facets },
  ask,
  change,
}: {
  readonly investigation: Investigation
  readonly ask: ChangeInvestigation
  readonly change: ChangeInvestigation
}): void {
  useActions([
    {
      name: isLive ? 'Stop following' : 'Follow new rows',
      run: () => ask({ isLive: !isLive, order: 'newest', until: null }),
    },
    {
      name: order === 'newest' ? 'Show the oldest rows first' : 'Show the newest rows first',
      run: () => ask({ order: order === 'newest' ? 'oldest' : 'newest', isLive: false }),
    },
    {
      name: 'Show what failed',
      run: () => ask({ text: withFilter(text, 'outcome', 'failure') ?? text, pane: 'audit' }),
    },
    // Whether they are shown without a choice depends on the room; then both make sense.
    ...(facets === true ? [] : [{ name: 'Show values in the window', run: () => change({ facets: true }) }]),
    ...(facets === false
      ? []
      : [{ name: 'Hide values in the window', run: () => change({ facets: false }) }]),
    ...(text === '' ? [] : [{ name: 'Ask for everything', run: () => ask({ text: '' }) }]),
    { name: 'Copy the address of this', run: () => void navigator.clipboard.writeText(location.href) },
  ])
}
