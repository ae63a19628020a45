// SPDX-License-Identifier: Apache-2.0
import type { Problem } from './problem.ts'
import type { TailEvent } from './reader.ts'

export interface EventStreamOptions {
  /** A comment goes out after this much silence, so that proxies keep the connection and a dead one is noticed. */
  readonly heartbeatMs: number
  /** What the client waits before it comes back, as it is told at the start. */
  readonly retryMs: number
  /** The answer ends after this long; the client comes back with its last id and is authorised anew. */
  readonly lifetimeMsMax: number
  /** Turns what the tail threw into what the client is shown. */
  readonly problemOf: (error: unknown) => Problem
  /** Called once, however the stream ends. */
  readonly onEnd: () => void
}

/**
 * A tail as a body of server-sent events: each row one `message` event whose id resumes behind it, failures one `problem`
 * event before the end. Nothing is read ahead of the client: each pull yields one chunk, so a slow client costs one row.
 * `controller` ends the tail; it is aborted when the client goes away.
 */
export function eventStream(
  tail: (onPlace: (id: string) => void) => AsyncIterable<TailEvent>,
  controller: AbortController,
  options: EventStreamOptions,
): ReadableStream<Uint8Array> {
  const { signal } = controller
  let place: string | undefined
  let tellPlaced: (() => void) | undefined
  const placed = new Promise<void>((resolve) => (tellPlaced = resolve))
  const events = tail((id) => {
    place = id
    tellPlaced?.()
  })[Symbol.asyncIterator]()
  const encoder = new TextEncoder()
  let pending: Promise<Outcome> | undefined
  let lifetime: ReturnType<typeof setTimeout> | undefined
  let isPlaced = false
  let hasEnded = false

  const end = (): void => {
    if (hasEnded) return
    hasEnded = true
    clearTimeout(lifetime)
    controller.abort()
    options.onEnd()
  }

  return new ReadableStream<Uint8Array>(
    {
      start(body) {
        lifetime = setTimeout(() => controller.abort(), options.lifetimeMsMax)
        // Something at once, so that headers reach the client before the first row does.
        body.enqueue(encoder.encode(`retry: ${options.retryMs}\n: following\n\n`))
      },
      async pull(body) {
        pending ??= outcome(events.next())
        const found = await firstOf(
          isPlaced ? [pending] : [pending, placed.then(() => 'placed' as const)],
          options.heartbeatMs,
          signal,
        )
        if (found === 'silence' || found === 'placed') {
          isPlaced ||= found === 'placed'
          const text = placeText(place)
          place = undefined
          return body.enqueue(encoder.encode(text))
        }
        pending = undefined
        place = undefined
        if (found !== 'aborted' && 'event' in found)
          return body.enqueue(encoder.encode(eventText(found.event)))
        if (found !== 'aborted' && 'error' in found && !signal.aborted) {
          body.enqueue(
            encoder.encode(`event: problem\ndata: ${JSON.stringify(options.problemOf(found.error))}\n\n`),
          )
        }
        end()
        body.close()
      },
      cancel: end,
    },
    { highWaterMark: 1 },
  )
}

/** One row as an event. JSON text holds no raw line break, so one `data` line carries it whole. */
export function eventText({ id, row }: TailEvent): string {
  return `id: ${id}\ndata: ${JSON.stringify(row)}\n\n`
}

/** An id without data: no event for the client's handlers, but what it comes back with from now on. */
function placeText(place: string | undefined): string {
  return place === undefined ? ': still here\n\n' : `id: ${place}\n\n`
}

type Outcome = { readonly event: TailEvent } | { readonly done: true } | { readonly error: unknown }

/** The promise as a value, so that a tail that fails while nobody pulls is not an unhandled rejection. */
async function outcome(next: Promise<IteratorResult<TailEvent>>): Promise<Outcome> {
  try {
    const result = await next
    return result.done === true ? { done: true } : { event: result.value }
  } catch (error) {
    return { error }
  }
}

async function firstOf(
  awaited: readonly Promise<Outcome | 'placed'>[],
  ms: number,
  signal: AbortSignal,
): Promise<Outcome | 'placed' | 'silence' | 'aborted'> {
  let timer: ReturnType<typeof setTimeout> | undefined
  let stop: (() => void) | undefined
  const silence = new Promise<'silence' | 'aborted'>((resolve) => {
    timer = setTimeout(() => resolve('silence'), ms)
    stop = () => resolve('aborted')
    signal.addEventListener('abort', stop, { once: true })
    if (signal.aborted) stop()
  })
  try {
    return await Promise.race([...awaited, silence])
  } finally {
    clearTimeout(timer)
    if (stop !== undefined) signal.removeEventListener('abort', stop)
  }
}
