// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '../core/clock.ts'
import type { Verdict } from '../core/verdict.ts'
import type { Reader } from '../reader/reader.ts'

/** What the terminal program is told. */
export interface ScreenRequest {
  /** What is looked at, without secrets. */
  readonly place: string
  /** Query text to begin with; may be empty. */
  readonly filter: string
  readonly isColoured: boolean
  readonly clock: Clock
  /** Leaves the screen when it aborts. */
  readonly signal: AbortSignal
  /** A reader; whoever asked for it closes it. */
  open(): Promise<Reader>
  /** The verdict over everything, believing whom the command line says; `onRead` as for a reader. */
  verify(signal: AbortSignal, onRead: (rows: number) => void): Promise<Verdict>
}

/**
 * The terminal program, a package of its own that this one does not need: shows a request on the terminal of this process until somebody leaves. Throws
 * `FastenError` before it has taken the screen.
 */
export type ShowScreen = (request: ScreenRequest) => Promise<void>
