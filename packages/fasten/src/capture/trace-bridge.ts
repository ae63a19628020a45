// SPDX-License-Identifier: Apache-2.0
import type { Clean } from '../core/row.ts'
import type { RequestContext } from './context.ts'

/** The span of another tracer in which work runs. */
export interface ActiveSpan {
  readonly trace_id: string
  readonly span_id: string
  readonly trace_flags: number
  readonly tracestate?: string
}

/**
 * Another tracer in this process, whose spans our rows belong to. At most one at a time, installed by its door; without one each
 * question here is the comparison of a variable with undefined. No method may throw.
 */
export interface TraceBridge {
  /** The span of this process that is active, or undefined outside any. */
  activeSpan(): ActiveSpan | undefined
  /** The context of work that only the other tracer knows of; asked when there is none of ours. */
  ambientContext(): RequestContext | undefined
  /** Whether anything makes spans in this process now. */
  isTracing(): boolean
  /** A request of ours began within a span: the span is told whose it is. */
  mark(context: RequestContext): void
  /** Whether work in this context would otherwise be a stranger to the other tracer. */
  isUnknown(context: RequestContext): boolean
  /** Runs `work` where the other tracer, too, knows who sent it. */
  enter<T>(context: RequestContext, work: () => T): T
  /** A row of ours, on its way to the store. */
  onRow(row: Clean): void
}

let installed: TraceBridge | undefined
let isApart = false

/** The bridge, or undefined while there is none. */
export const traceBridge = (): TraceBridge | undefined => installed

/** The span that rows written now belong to. */
export function activeSpan(): ActiveSpan | undefined {
  return installed === undefined || isApart ? undefined : installed.activeSpan()
}

/** Installs a bridge in place of any earlier one. Answers how to take it out again; that does nothing once another took its place. */
export function installTraceBridge(bridge: TraceBridge): () => void {
  installed = bridge
  return () => {
    if (installed === bridge) installed = undefined
  }
}

/**
 * Runs `work`, which must be synchronous, with no regard to the active span: for rows that are written at an end which comes about
 * in somebody else's span, as the close of a pipelined answer does.
 */
export function apartFromSpans<T>(work: () => T): T {
  if (installed === undefined) return work()
  const before = isApart
  isApart = true
  try {
    return work()
  } finally {
    isApart = before
  }
}
