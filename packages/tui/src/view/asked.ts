// SPDX-License-Identifier: Apache-2.0
import { streams } from 'fasten/core'
import { release } from '../model/pane.ts'
import { understand } from '../model/question.ts'
import { rotatedTo } from './cursor.ts'
import { step, type State, type Step } from './state.ts'

/** Another question. A wrong one changes nothing and says what is wrong. */
export function asked(state: State, text: string, nowMicros: number): Step {
  const understood = understand(text, nowMicros)
  if (!understood.ok) return step({ ...state, notice: { text: understood.problem, style: 'bad' } })
  const { question } = understood
  const primary = question.streams.includes(state.primary)
    ? state.primary
    : (question.streams[0] ?? state.primary)
  return step(
    { ...rotatedTo(state, primary), question, views: [], connection: { kind: 'asking' } },
    { kind: 'ask' },
  )
}

/** Follows what comes again, with what waited; what was let go meanwhile is asked for. */
export function followed(state: State): Step {
  const isWhole = streams.every((stream) => !state.panes[stream].hasNewer)
  const panes = {
    audit: release(state.panes.audit),
    sys: release(state.panes.sys),
    api: release(state.panes.api),
  }
  const next: State = { ...state, isFollowing: true, cursor: null, panes }
  return isWhole ? step(next) : step({ ...next, connection: { kind: 'asking' } }, { kind: 'ask' })
}
