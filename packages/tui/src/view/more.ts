// SPDX-License-Identifier: Apache-2.0
import { primaryRows } from '../model/layout.ts'
import type { More } from '../model/pane.ts'
import { cursorPlace } from './cursor.ts'
import { step, type Effect, type State, type Step } from './state.ts'

/** The state, with what has to be asked for so that there are rows wherever somebody stands: beyond both ends of the primary pane, and at the cursor's time in the others. */
export function withMore(state: State): Step {
  if (state.isFollowing || state.cursor === null) return step(state)
  const wanted = state.question.streams.flatMap((stream): readonly More[] => {
    if (state.asking.has(stream)) return []
    const { rows, hasOlder, hasNewer } = state.panes[stream]
    const [oldest, newest] = [rows[0], rows.at(-1)]
    const at = state.cursor?.timestamp ?? ''
    if (oldest === undefined || newest === undefined) return []
    const ask = (direction: More['direction'], from: string): readonly More[] => [
      { stream, direction, at: from, known: new Set(rows.map(({ id }) => id)) },
    ]
    if (stream !== state.primary) {
      const isBeyond = (hasOlder && oldest.timestamp > at) || (hasNewer && newest.timestamp < at)
      return isBeyond ? ask('around', at) : []
    }
    const height = primaryRows(state.size, stream)
    const place = cursorPlace(state)
    if (hasOlder && place < height) return ask('older', oldest.timestamp)
    return hasNewer && place >= rows.length - height ? ask('newer', newest.timestamp) : []
  })
  if (wanted.length === 0) return step(state)
  const asking = new Set([...state.asking, ...wanted.map(({ stream }) => stream)])
  return step({ ...state, asking }, ...wanted.map((more): Effect => ({ kind: 'ask-more', ...more })))
}
