// SPDX-License-Identifier: Apache-2.0
import { FastenError, type StreamName } from 'fasten/core'
import type { Reader, ReaderRow, TailEvent } from 'fasten/reader/remote'
import type { Piece } from '../model/pane.ts'
import type { Question } from '../model/question.ts'
import { aroundRows } from './questions.ts'

/** Who is told what comes. */
export interface Listener {
  onPages(pages: Readonly<Partial<Record<StreamName, Piece>>>): void
  /** Resolves when the next row may come. */
  onRow(row: ReaderRow): Promise<void>
  onConnection(state: 'live' | 'ended' | { readonly problem: string }): void
}

export interface FollowOptions {
  readonly signal: AbortSignal
  /** How to wait, so that tests need not. */
  readonly pause: (waitMs: number, signal: AbortSignal) => Promise<void>
  /** A time that somebody looks at: the first rows are those around it, instead of the newest. */
  readonly around?: string | undefined
}

/**
 * Asks a question: its newest rows once, then every new one until `signal` aborts. Each row comes once or twice, none is missed: the tail has its place
 * before the pages are asked for. When the connection breaks it waits and goes on behind the last row. Ends without an error unless the question itself is refused.
 */
export async function followQuestion(
  open: () => Promise<Reader>,
  question: Question,
  listener: Listener,
  { signal, pause, around }: FollowOptions,
): Promise<void> {
  const place: Place = { around, resume: undefined, hasPages: false, failures: 0 }
  while (!signal.aborted) {
    let reader: Reader | undefined
    try {
      reader = await open()
      await once(reader, question, listener, place, signal)
      if (question.tail === null) return
      // A server ends a tail after a while; whoever follows comes back.
      await pause(waitMsMin, signal)
    } catch (error) {
      if (signal.aborted) return
      if (!isPassing(error)) throw error
      listener.onConnection({ problem: `trying again: ${error.message}` })
      await pause(Math.min(waitMsMin * 2 ** place.failures++, waitMsMax), signal)
    } finally {
      await reader?.close()
    }
  }
}

interface Place {
  readonly around: string | undefined
  resume: string | undefined
  hasPages: boolean
  /** Attempts in a row that failed. */
  failures: number
}

const waitMsMin = 250
const waitMsMax = 5000

async function once(
  reader: Reader,
  question: Question,
  listener: Listener,
  place: Place,
  signal: AbortSignal,
): Promise<void> {
  const { tail } = question
  if (tail === null) {
    listener.onPages(await firstPages(reader, question, place.around, signal))
    return listener.onConnection('ended')
  }
  const placed = Promise.withResolvers<void>()
  const resumed = {
    ...tail,
    ...(place.resume === undefined ? {} : { resume: place.resume }),
    onPlace(id: string): void {
      place.resume = id
      placed.resolve()
    },
  }
  const events = reader.tail(resumed, signal)[Symbol.asyncIterator]()
  let next = events.next()
  // What goes wrong here is thrown below, where the event is awaited.
  const begun = next.then(
    () => undefined,
    () => undefined,
  )
  try {
    if (!place.hasPages) {
      // A server of an earlier kind says no place; its first event, or its error, comes all the same.
      await Promise.race([placed.promise, begun])
      listener.onPages(await firstPages(reader, question, place.around, signal))
      place.hasPages = true
    }
    listener.onConnection('live')
    for (;;) {
      const event: IteratorResult<TailEvent> = await next
      if (event.done === true) return
      place.failures = 0
      place.resume = event.value.id
      await listener.onRow(event.value.row)
      next = events.next()
    }
  } finally {
    // Ends the tail where the pages failed. Whoever waits for its next event has gone.
    next.catch(() => undefined)
    void events.return?.().catch(() => undefined)
  }
}

async function firstPages(
  reader: Reader,
  question: Question,
  around: string | undefined,
  signal: AbortSignal,
): Promise<Readonly<Partial<Record<StreamName, Piece>>>> {
  const found = await Promise.all(
    question.streams.map(async (stream) => {
      if (around !== undefined)
        return [stream, await aroundRows(reader, question, stream, around, signal)] as const
      const { rows, next_cursor } = await reader.page(question.page(stream), signal)
      return [stream, { rows, hasOlder: next_cursor !== null, hasNewer: false }] as const
    }),
  )
  return Object.fromEntries(found)
}

/** What another attempt may cure: the world. A wrong question and a bug never are. */
function isPassing(error: unknown): error is FastenError {
  return error instanceof FastenError && !/^(?:BAD|QUERY|DSN|CONFIG)_/.test(error.code)
}
