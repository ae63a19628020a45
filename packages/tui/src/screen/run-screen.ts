// SPDX-License-Identifier: Apache-2.0
import { FastenError, type Clock, type Verdict } from 'fasten/core'
import { pause, type Reader } from 'fasten/reader'
import type { ReaderRow } from 'fasten/reader/remote'
import { render } from 'ink'
import { createElement } from 'react'
import { followQuestion } from '../ask/follow-question.ts'
import { createInbox } from '../ask/inbox.ts'
import { askStory, moreRows, verifyAll, type VerifyListener } from '../ask/questions.ts'
import type { Size } from '../model/layout.ts'
import type { Question } from '../model/question.ts'
import { frame } from '../view/frame.ts'
import { initialState, type Effect, type Event, type State } from '../view/state.ts'
import { update } from '../view/update.ts'
import { createBudget, type Urgency } from './budget.ts'
import { metered } from './metered.ts'
import { Screen } from './screen.ts'

export interface ScreenOptions {
  readonly stdin: NodeJS.ReadStream
  readonly stdout: NodeJS.WriteStream
  readonly isColoured: boolean
  readonly clock: Clock
  /** Ends the program when it aborts. */
  readonly signal: AbortSignal
  /** Where the rows are, without a password. */
  readonly place: string
  readonly question: Question
  /** A reader of its own for each that asks; whoever asked closes it. */
  readonly open: () => Promise<Reader>
  /** The verdict over everything; `onRead` hears how many further rows were read. */
  readonly verify: (signal: AbortSignal, onRead: (rows: number) => void) => Promise<Verdict>
}

/** What goes to the terminal in the long run, and how far keys may run ahead of it. */
const budgetOptions = { bytesPerSecond: 10_000, keyBytesAhead: 30_000, rowsFrameMs: 250, keyFrameMs: 33 }

/** Rows that wait for a frame; a tail that is faster waits in its store. */
const inboxRows = 2000

/** A terminal that would wrap a line which it takes for wider than we do would scroll the whole screen. */
const noWrap = '\u001b[?7l'
const wrapAgain = '\u001b[?7h'

/** Takes the screen, shows the question until somebody leaves or `signal` aborts, and gives the screen back as it was. */
export async function runScreen(options: ScreenOptions): Promise<void> {
  const { clock, signal } = options
  const budget = createBudget(budgetOptions)
  const stdout = metered(options.stdout, (bytes) => budget.spend(bytes, clock.monotonicNanos()))
  const left = new AbortController()
  const isLeaving = AbortSignal.any([signal, left.signal])
  let state = initialState(sizeOf(options.stdout), options.place, options.question)
  let drawing: { readonly urgency: Urgency; readonly timer: NodeJS.Timeout } | undefined
  let asking = new AbortController()
  let verifying = new AbortController()
  /** Rows that verifying has read; null where nobody says so. */
  let rowsRead: number | null = null
  let failure: Error | undefined

  const inbox = createInbox<ReaderRow>(inboxRows, () => draw('rows'))

  options.stdout.write(noWrap)
  const screen = render(element(state), {
    stdin: options.stdin,
    stdout,
    alternateScreen: true,
    incrementalRendering: true,
    interactive: true,
    exitOnCtrlC: false,
    patchConsole: false,
    maxFps: 30,
  })
  const onResize = (): void => happen({ kind: 'size', size: sizeOf(options.stdout) }, 'key')
  options.stdout.on('resize', onResize)
  const ticking = setInterval(tick, 1000)
  try {
    act({ kind: 'ask' })
    await new Promise<void>((resolve) => {
      if (isLeaving.aborted) resolve()
      else isLeaving.addEventListener('abort', () => resolve(), { once: true })
    })
  } finally {
    clearInterval(ticking)
    clearTimeout(drawing?.timer)
    options.stdout.off('resize', onResize)
    for (const each of [asking, verifying]) each.abort()
    inbox.takeAll()
    screen.unmount()
    await screen.waitUntilExit()
    options.stdout.write(wrapAgain)
  }
  if (failure !== undefined) throw failure

  function element(shown: State): ReturnType<typeof createElement> {
    return createElement(Screen, {
      lines: frame(shown),
      columns: shown.size.columns,
      isColoured: options.isColoured,
      onKey: (key: string) => happen({ kind: 'key', key, nowMicros: clock.nowMicros() }, 'key'),
    })
  }

  function happen(event: Event, urgency: Urgency): void {
    if (isLeaving.aborted) return
    const { state: next, effects } = update(state, event)
    state = next
    draw(urgency)
    for (const effect of effects) act(effect)
  }

  /** Draws as soon as the budget allows. Whatever happens until then is in the same frame. */
  function draw(urgency: Urgency): void {
    if (drawing !== undefined && (drawing.urgency === urgency || drawing.urgency === 'key')) return
    clearTimeout(drawing?.timer)
    const timer = setTimeout(drawNow, budget.waitMs(urgency, clock.monotonicNanos()))
    drawing = { urgency, timer }
  }

  function drawNow(): void {
    drawing = undefined
    const rows = inbox.takeAll()
    if (rows.length > 0) state = update(state, { kind: 'rows', rows }).state
    screen.rerender(element(state))
  }

  function tick(): void {
    if (state.views.some((view) => view.kind === 'verify' && view.state === 'asking'))
      happen({ kind: 'verifying', expected: null, read: rowsRead, nowMicros: clock.nowMicros() }, 'rows')
  }

  function act(effect: Effect): void {
    switch (effect.kind) {
      case 'quit':
        return left.abort()
      case 'ask':
        return ask()
      case 'ask-more':
        return withReader(
          async (reader) => {
            const { question } = state
            const piece = await moreRows(reader, question, effect)
            // Rows of another question have no place any more.
            if (question === state.question)
              happen({ kind: 'more', stream: effect.stream, direction: effect.direction, piece }, 'key')
          },
          (text) => happen({ kind: 'notice', notice: { text, style: 'bad' } }, 'key'),
        )
      case 'ask-story': {
        const { requestId } = effect
        return withReader(
          async (reader) =>
            happen({ kind: 'story', requestId, story: await askStory(reader, requestId) }, 'key'),
          (problem) => happen({ kind: 'story-failed', requestId, problem }, 'key'),
        )
      }
      case 'verify': {
        verifying.abort()
        verifying = new AbortController()
        rowsRead = null
        const stop = verifying.signal
        const listener: VerifyListener = {
          onExpected: (expected) =>
            happen({ kind: 'verifying', expected, read: rowsRead, nowMicros: clock.nowMicros() }, 'key'),
          onRead(rows) {
            if (!stop.aborted) rowsRead = (rowsRead ?? 0) + rows
          },
        }
        return withReader(
          async (reader) => {
            const verdict = await verifyAll(reader, options.verify, listener, stop)
            if (!stop.aborted) happen({ kind: 'verified', verdict }, 'key')
          },
          (problem) => {
            if (!stop.aborted) happen({ kind: 'verify-failed', problem }, 'key')
          },
        )
      }
      case 'stop-verify':
        return verifying.abort()
    }
  }

  function ask(): void {
    asking.abort()
    asking = new AbortController()
    const mine = asking.signal
    // Rows of the question before are none of this one.
    inbox.takeAll()
    const say = (event: Event): void => {
      if (!mine.aborted) happen(event, 'key')
    }
    const listener = {
      onPages: (pages: Extract<Event, { kind: 'pages' }>['pages']) => say({ kind: 'pages', pages }),
      onRow: (row: ReaderRow) => (mine.aborted ? Promise.resolve() : inbox.put(row)),
      onConnection: (now: 'live' | 'ended' | { readonly problem: string }) =>
        say({
          kind: 'connection',
          connection: typeof now === 'string' ? { kind: now } : { kind: 'lost', problem: now.problem },
        }),
    }
    followQuestion(options.open, state.question, listener, {
      signal: mine,
      pause,
      around: state.isFollowing ? undefined : state.cursor?.timestamp,
    }).catch((error: unknown) => {
      if (mine.aborted) return
      if (error instanceof FastenError)
        return say({ kind: 'connection', connection: { kind: 'lost', problem: error.message } })
      fail(error)
    })
  }

  /** Does something with a reader of its own; what the world does wrong is said, what we did wrong ends the program. */
  function withReader(work: (reader: Reader) => Promise<void>, say: (problem: string) => void): void {
    const run = async (): Promise<void> => {
      const reader = await options.open()
      try {
        await work(reader)
      } finally {
        await reader.close()
      }
    }
    run().catch((error: unknown) => {
      if (isLeaving.aborted) return
      if (error instanceof FastenError) say(error.message)
      else if (!(error instanceof DOMException)) fail(error)
    })
  }

  function fail(error: unknown): void {
    failure ??= error instanceof Error ? error : new TypeError(String(error))
    left.abort()
  }
}

const sizeOf = ({ columns, rows }: NodeJS.WriteStream): Size => ({ columns: columns || 80, rows: rows || 24 })
