// SPDX-License-Identifier: Apache-2.0
import { step, type State, type Step, type StoryView, type View } from './state.ts'

/** Lays a view over what is shown. */
export const opened = (state: State, view: View): State => ({ ...state, views: [...state.views, view] })

/** Lays the story of a request over what is shown. */
export function openStory(state: State, kind: StoryView['kind'], requestId: string): Step {
  const view: StoryView = { kind, requestId, state: 'asking', problem: '', story: null, cursor: 0 }
  return step(opened(state, view), { kind: 'ask-story', requestId })
}

/** Begins to verify everything and shows how it goes. */
export function openVerify(state: State, nowMicros: number): Step {
  const view: View = {
    kind: 'verify',
    state: 'asking',
    problem: '',
    expected: null,
    read: null,
    startedMicros: nowMicros,
    nowMicros,
    verdict: null,
    top: 0,
  }
  return step(opened(state, view), { kind: 'verify' })
}
