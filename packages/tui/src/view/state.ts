// SPDX-License-Identifier: Apache-2.0
import { streams, type StreamName, type Verdict } from 'fasten/core'
import type { ReaderRow } from 'fasten/reader/remote'
import type { Edit } from '../model/edit.ts'
import type { Style } from '../model/line.ts'
import type { Size } from '../model/layout.ts'
import { emptyPane, type Direction, type More, type Pane, type Piece } from '../model/pane.ts'
import type { Question } from '../model/question.ts'
import type { StoryRows } from '../model/story.ts'

/** Everything that the screen shows. Immutable; `update` makes the next one. */
export interface State {
  readonly size: Size
  /** Where the rows are, as one may show it: without a password. */
  readonly place: string
  readonly question: Question
  readonly panes: Readonly<Record<StreamName, Pane>>
  readonly primary: StreamName
  readonly isFollowing: boolean
  /** Where somebody looks while nothing is followed; all panes stand at its time. */
  readonly cursor: Cursor | null
  readonly connection: Connection
  /** What lies over the panes; the last is on top. */
  readonly views: readonly View[]
  readonly edit: Edit | null
  /** One sentence at the foot, until the next key. */
  readonly notice: Notice | null
  /** What verifying found last, and how many rows have come since. */
  readonly verdict: { readonly verdict: Verdict; readonly rowsSince: number } | null
  /** Streams of which more rows are being asked for. */
  readonly asking: ReadonlySet<StreamName>
}

export interface Cursor {
  readonly id: string
  readonly timestamp: string
  /** Lines between the top of the primary pane and the cursor: eviction, older rows and late rows move neither. */
  readonly offset: number
}

export type Connection =
  /** The first rows are on their way. */
  | { readonly kind: 'asking' }
  | { readonly kind: 'live' }
  /** The window that is looked at has ended. */
  | { readonly kind: 'ended' }
  | { readonly kind: 'lost'; readonly problem: string }

export interface Notice {
  readonly text: string
  readonly style: Style
}

export type View = TextView | StoryView

/** A view of lines, seen from one of them on. */
export type TextView =
  | { readonly kind: 'help'; readonly top: number }
  | { readonly kind: 'detail'; readonly row: ReaderRow; readonly top: number }
  | VerifyView

/** A request: its thread, or its waterfall. */
export interface StoryView {
  readonly kind: 'thread' | 'waterfall'
  readonly requestId: string
  readonly state: 'asking' | 'here' | 'failed'
  readonly problem: string
  readonly story: StoryRows | null
  readonly cursor: number
}

export const isStory = (view: View): view is StoryView => view.kind === 'thread' || view.kind === 'waterfall'

export interface VerifyView {
  readonly kind: 'verify'
  readonly state: 'asking' | 'here' | 'failed'
  readonly problem: string
  /** Rows and logs that are there to be checked; null until that is known. */
  readonly expected: { readonly rows: number; readonly logs: number } | null
  /** Of them, so many have been read; null where whoever reads them does not say. */
  readonly read: number | null
  readonly startedMicros: number
  readonly nowMicros: number
  readonly verdict: Verdict | null
  readonly top: number
}

/** What happens to the screen. */
export type Event =
  | { readonly kind: 'key'; readonly key: string; readonly nowMicros: number }
  | { readonly kind: 'size'; readonly size: Size }
  /** The first rows of a question. */
  | { readonly kind: 'pages'; readonly pages: Readonly<Partial<Record<StreamName, Piece>>> }
  | { readonly kind: 'rows'; readonly rows: readonly ReaderRow[] }
  /** Rows that were asked for because somebody went there. */
  | {
      readonly kind: 'more'
      readonly stream: StreamName
      readonly direction: Direction
      readonly piece: Piece
    }
  | { readonly kind: 'connection'; readonly connection: Connection }
  | { readonly kind: 'notice'; readonly notice: Notice }
  | { readonly kind: 'story'; readonly requestId: string; readonly story: StoryRows }
  | { readonly kind: 'story-failed'; readonly requestId: string; readonly problem: string }
  /** How far verifying is; `expected` is null where it stays what it was. */
  | ({ readonly kind: 'verifying' } & Pick<VerifyView, 'expected' | 'read' | 'nowMicros'>)
  | { readonly kind: 'verified'; readonly verdict: Verdict }
  | { readonly kind: 'verify-failed'; readonly problem: string }

/** What the program has to do besides showing the next state. */
export type Effect =
  /** Ask the state's question anew: where it is followed for the newest rows, else for those around the cursor. */
  | { readonly kind: 'ask' }
  | ({ readonly kind: 'ask-more' } & More)
  | { readonly kind: 'ask-story'; readonly requestId: string }
  | { readonly kind: 'verify' }
  | { readonly kind: 'stop-verify' }
  | { readonly kind: 'quit' }

export interface Step {
  readonly state: State
  readonly effects: readonly Effect[]
}

export const step = (state: State, ...effects: readonly Effect[]): Step => ({ state, effects })

export function initialState(size: Size, place: string, question: Question): State {
  return {
    size,
    place,
    question,
    panes: { audit: emptyPane, sys: emptyPane, api: emptyPane },
    primary: question.streams[0] ?? streams[0],
    isFollowing: true,
    cursor: null,
    connection: { kind: 'asking' },
    views: [],
    edit: null,
    notice: null,
    verdict: null,
    asking: new Set(),
  }
}
