// SPDX-License-Identifier: Apache-2.0
import { streams, type StreamName } from 'fasten/core'
import type { ReaderRow } from 'fasten/reader/remote'
import {
  emptyPane,
  follow,
  wait,
  withAround,
  withNewer,
  withOlder,
  withPiece,
  type Pane,
} from '../model/pane.ts'
import { settled } from './cursor.ts'
import { withMore } from './more.ts'
import { pressed } from './press.ts'
import {
  isStory,
  step,
  type Event,
  type State,
  type Step,
  type StoryView,
  type VerifyView,
  type View,
} from './state.ts'

/** The next state, and what is to be done besides. Pure: the program does what it says. */
export function update(state: State, event: Event): Step {
  switch (event.kind) {
    case 'key':
      return pressed(state, event)
    case 'size':
      return step({ ...state, size: event.size })
    case 'pages': {
      const panes = panesOf((stream) => {
        const page = event.pages[stream]
        return page === undefined ? emptyPane : withPiece(page)
      })
      const next: State = { ...state, panes, asking: new Set() }
      // They were asked for while somebody stood still who follows by now.
      const isBehind = next.isFollowing && streams.some((stream) => panes[stream].hasNewer)
      return isBehind ? step(next, { kind: 'ask' }) : withMore(settled(next))
    }
    case 'rows':
      return step(withRows(state, event.rows))
    case 'more': {
      const { stream, direction, piece } = event
      // Who follows by now looks at the newest rows, wherever these are.
      if (state.isFollowing) return step({ ...state, asking: new Set() })
      const panes = { ...state.panes, [stream]: joins[direction](state.panes[stream], piece) }
      const asking = new Set([...state.asking].filter((each) => each !== stream))
      return withMore(settled({ ...state, panes, asking }))
    }
    case 'connection':
      return step({ ...state, connection: event.connection })
    case 'notice':
      return step({ ...state, notice: event.notice, asking: new Set() })
    case 'story':
    case 'story-failed':
      return step(
        withView(state, (view) =>
          isStory(view) && view.requestId === event.requestId ? storyCame(view, event) : view,
        ),
      )
    case 'verifying':
    case 'verify-failed':
      return step(withView(state, (view) => (view.kind === 'verify' ? verifyWent(view, event) : view)))
    case 'verified': {
      const told: State = { ...state, verdict: { verdict: event.verdict, rowsSince: 0 } }
      return step(
        withView(told, (view) =>
          view.kind === 'verify' ? { ...view, state: 'here', verdict: event.verdict } : view,
        ),
      )
    }
  }
}

const joins = { older: withOlder, newer: withNewer, around: withAround } as const

const panesOf = (of: (stream: StreamName) => Pane): State['panes'] =>
  Object.fromEntries(streams.map((stream) => [stream, of(stream)])) as Record<StreamName, Pane>

function withRows(state: State, rows: readonly ReaderRow[]): State {
  if (rows.length === 0) return state
  const panes = panesOf((stream) => {
    const fresh = rows.filter((row) => row.stream === stream)
    const pane = state.panes[stream]
    return fresh.length === 0 ? pane : state.isFollowing ? follow(pane, fresh) : wait(pane, fresh)
  })
  const { verdict } = state
  return {
    ...state,
    panes,
    verdict: verdict === null ? null : { ...verdict, rowsSince: verdict.rowsSince + rows.length },
  }
}

function withView(state: State, change: (view: View) => View): State {
  return { ...state, views: state.views.map(change) }
}

function storyCame(view: StoryView, event: Event): StoryView {
  if (event.kind === 'story') return { ...view, state: 'here', story: event.story }
  return event.kind === 'story-failed' ? { ...view, state: 'failed', problem: event.problem } : view
}

function verifyWent(view: VerifyView, event: Event): VerifyView {
  if (event.kind === 'verifying')
    return {
      ...view,
      expected: event.expected ?? view.expected,
      read: event.read,
      nowMicros: event.nowMicros,
    }
  return event.kind === 'verify-failed' ? { ...view, state: 'failed', problem: event.problem } : view
}
