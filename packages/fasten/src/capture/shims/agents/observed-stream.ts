// SPDX-License-Identifier: Apache-2.0

/** Told of what passes by, in its order. None of these may throw. */
export interface StreamObserver<Chunk> {
  chunk(chunk: Chunk): void
  /** It ended by itself. */
  ended(): void
  failed(error: unknown): void
  /** Whoever reads it has given up. */
  cancelled(): void
}

/** The same chunks at the pace at which they are read; none is asked for before somebody wants it. Giving up reaches the source. */
export function observedStream<Chunk>(
  source: ReadableStream<Chunk>,
  observer: StreamObserver<Chunk>,
): ReadableStream<Chunk> {
  const reader = source.getReader()
  return new ReadableStream<Chunk>(
    {
      async pull(controller) {
        try {
          const { done, value } = await reader.read()
          if (done) {
            observer.ended()
            controller.close()
          } else {
            observer.chunk(value)
            controller.enqueue(value)
          }
        } catch (error) {
          observer.failed(error)
          throw error
        }
      },
      cancel(reason) {
        observer.cancelled()
        return reader.cancel(reason)
      },
    },
    { highWaterMark: 0 },
  )
}

/** What a row says when nobody listened to the end. */
export const givenUp = (): Error => new DOMException('the caller stopped listening', 'AbortError')
