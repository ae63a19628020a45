// SPDX-License-Identifier: Apache-2.0
import { streams } from 'fasten/core'
import { editOf, edited, type Edit } from '../model/edit.ts'
import { deedOf, type Deed } from '../model/keys.ts'
import { primaryRows } from '../model/layout.ts'
import { withFilter } from '../model/question.ts'
import { completed, runCommand } from './commands.ts'
import { cursorPlace, movedTo, nextError, paused, rotatedTo, rowAtCursor } from './cursor.ts'
import { step, type State, type Step, type View } from './state.ts'
import { withMore } from './more.ts'
import { opened, openStory, openVerify } from './open.ts'
import { asked, followed } from './asked.ts'
import { viewPressed } from './views.ts'

export interface Press {
  readonly key: string
  readonly nowMicros: number
}

/** What a key does: to the line that is typed, else to what lies on top, else to the panes. */
export function pressed(before: State, press: Press): Step {
  const state = before.notice === null ? before : { ...before, notice: null }
  if (press.key === 'C-c') return step(state, { kind: 'quit' })
  if (state.edit !== null) return typed(state, press)
  const deed = deedOf(press.key)
  if (deed === undefined) return step(state)
  if (deed.kind === 'quit') return step(state, { kind: 'quit' })
  const view = state.views.at(-1)
  return view === undefined ? onPanes(state, deed, press) : onView(state, view, deed, press)
}

function typed(state: State, { key, nowMicros }: Press): Step {
  const { edit } = state
  if (edit === null) return step(state)
  if (key === 'escape' || (key === 'backspace' && edit.text === '')) return step({ ...state, edit: null })
  if (key === 'tab') return step({ ...state, edit: completed(edit) })
  if (key !== 'enter') return step({ ...state, edit: edited(edit, key) })
  const done: State = { ...state, edit: null }
  return edit.kind === 'filter'
    ? asked(done, edit.text.trim(), nowMicros)
    : runCommand(done, edit.text, nowMicros)
}

function onPanes(state: State, deed: Deed, press: Press): Step {
  const height = primaryRows(state.size, state.primary)
  switch (deed.kind) {
    case 'rotate': {
      const place = streams.indexOf(state.primary) + deed.by + streams.length
      return withMore(rotatedTo(state, streams[place % streams.length] ?? state.primary))
    }
    case 'choose':
      return withMore(rotatedTo(state, streams[deed.place] ?? state.primary))
    case 'pause':
      return state.isFollowing ? step(paused(state)) : followed(state)
    case 'move':
      return withMore(movedTo(state, cursorPlace(state) + deed.by))
    case 'page':
      return withMore(movedTo(state, cursorPlace(state) + deed.by * Math.max(1, height - 1)))
    case 'ends':
      return deed.to === 'newest' ? followed(state) : withMore(movedTo(state, 0))
    case 'error':
      return toError(state, deed.by)
    case 'open': {
      const row = rowAtCursor(state)
      return row === undefined ? step(state) : step(opened(paused(state), { kind: 'detail', row, top: 0 }))
    }
    case 'thread':
    case 'waterfall': {
      const row = rowAtCursor(state)
      return row === undefined ? step(state) : openStory(paused(state), deed.kind, row.request_id)
    }
    case 'narrow': {
      const row = rowAtCursor(state)
      if (row === undefined) return step(state)
      return asked(state, withFilter(state.question.text, 'request_id', row.request_id), press.nowMicros)
    }
    case 'verify':
      return openVerify(state, press.nowMicros)
    case 'help':
      return step(opened(state, { kind: 'help', top: 0 }))
    case 'type':
      return step({ ...state, edit: editBegun(state, deed.what) })
    case 'back':
      return state.question.text === '' ? step(state) : asked(state, '', press.nowMicros)
    case 'quit':
      return step(state, { kind: 'quit' })
  }
}

/** A filter is refined more often than replaced; Ctrl-U empties the line. */
function editBegun({ question }: State, what: Edit['kind']): Edit {
  return editOf(what, what === 'filter' && question.text !== '' ? `${question.text} ` : '')
}

function toError(state: State, by: 1 | -1): Step {
  // Below somebody who follows there is nothing; what went wrong last lies above.
  const found = nextError(state, by) ?? (state.isFollowing ? nextError(state, -1) : undefined)
  if (found === undefined) {
    const text =
      by === 1
        ? 'no later error among the rows that are here'
        : 'no earlier error among the rows that are here'
    return step({ ...state, notice: { text, style: 'quiet' } })
  }
  return withMore(movedTo(rotatedTo(paused(state), found.stream), found.place))
}

function onView(state: State, view: View, deed: Deed, press: Press): Step {
  if (deed.kind === 'back') {
    const rest: State = { ...state, views: state.views.slice(0, -1) }
    return view.kind === 'verify' && view.state === 'asking'
      ? step(rest, { kind: 'stop-verify' })
      : step(rest)
  }
  if (deed.kind === 'help' && view.kind !== 'help') return step(opened(state, { kind: 'help', top: 0 }))
  if (deed.kind === 'verify' && view.kind !== 'verify') return openVerify(state, press.nowMicros)
  if (deed.kind === 'type') return step({ ...state, edit: editBegun(state, deed.what) })
  return viewPressed(state, view, deed)
}
