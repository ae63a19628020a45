// SPDX-License-Identifier: Apache-2.0
import { FastenError } from '../../core/error.ts'
import type { Drainer } from '../../store/drain-thread.ts'
import type { StoredPlace } from '../../store/drain-runner.ts'
import type { AppendedRow } from '../../store/ports.ts'

/**
 * Asks the drainer to look into the outbox while rows of this process may be in it.
 *
 * Nobody tells us when a transaction ends. So after an `emit(tx, …)` the outbox is looked at soon, and then at doubling intervals up to
 * five seconds, until all that was put in was seen moving or ten minutes have passed; most of what is left then was
 * rolled back. What commits later still is moved with the next row, at the next start, or by any other process that is awake.
 * No timer keeps the process alive, unless somebody waits for `stored`.
 */
export interface OutboxWatch {
  /** A row was put into a transaction. */
  expect(key: string): void
  /** Of rows that were moved, by this process. */
  moved(rows: readonly AppendedRow[]): void
  /** Rejects `NOT_STORED_YET` when the row has not been committed within the watch, or fasten was closed. */
  stored(key: string): Promise<StoredPlace>
  /** Everything committed before now is moved; false when `timeoutMs` passed first. True at once when no transaction was used. */
  sweep(timeoutMs: number): Promise<boolean>
  counts(): { readonly inserted: number; readonly moved: number; readonly outstanding: number }
  close(): void
}

const firstMs = 5
const longestMs = 5_000
const watchMs = 600_000
/** More are watched as a whole, not one by one. */
const keysMax = 10_000

interface Waiter {
  readonly resolve: (place: StoredPlace) => void
  readonly reject: (error: FastenError) => void
}

export function createOutboxWatch(drainer: Drainer): OutboxWatch {
  /** Keys with who waits for them, in the order they came. */
  const outstanding = new Map<string, Waiter[]>()
  const places = new Map<string, StoredPlace>()
  let inserted = 0
  let movedRows = 0
  let pauseMs = firstMs
  let watchedMs = 0
  let timer: NodeJS.Timeout | undefined
  let isSweeping = false
  let isClosed = false

  const isAwaited = (): boolean => outstanding.values().some((waiters) => waiters.length > 0)

  function schedule(): void {
    if (isClosed || isSweeping || outstanding.size === 0) return
    clearTimeout(timer)
    timer = setTimeout(poll, pauseMs)
    if (!isAwaited()) timer.unref()
  }

  function poll(): void {
    isSweeping = true
    void look().then(() => {
      isSweeping = false
      watchedMs += pauseMs
      pauseMs = Math.min(pauseMs * 2, longestMs)
      if (watchedMs >= watchMs) giveUp('was not committed within ten minutes; it was probably rolled back')
      schedule()
    })
  }

  async function look(): Promise<void> {
    try {
      await drainer.sweep(isAwaited())
      // Another process may have moved what somebody waits for here.
      for (const [key, waiters] of outstanding) {
        if (waiters.length === 0) continue
        const place = await drainer.locate('audit', key)
        if (place !== null) settle(key, place)
      }
    } catch {
      // The drainer tells of a store that is away; the next look asks again, and after the end there is none.
    }
  }

  function settle(key: string, place: StoredPlace): void {
    const waiters = outstanding.get(key)
    if (waiters === undefined) return
    outstanding.delete(key)
    movedRows++
    places.set(key, place)
    if (places.size > keysMax) places.delete(places.keys().next().value ?? '')
    for (const { resolve } of waiters) resolve(place)
  }

  function giveUp(why: string): void {
    for (const [key, waiters] of outstanding) {
      for (const { reject } of waiters)
        reject(
          new FastenError('NOT_STORED_YET', `row ${key} ${why}`, {
            at: key,
            hint: 'if its transaction commits after all, the row is stored by the next process that is awake',
          }),
        )
    }
    outstanding.clear()
  }

  return {
    expect(key) {
      inserted++
      outstanding.set(key, [])
      if (outstanding.size > keysMax) {
        const oldest = outstanding.keys().next().value ?? ''
        if (outstanding.get(oldest)?.length === 0) outstanding.delete(oldest)
      }
      watchedMs = 0
      if (pauseMs > firstMs || timer === undefined) {
        pauseMs = firstMs
        schedule()
      }
    },
    moved(rows) {
      for (const { id, log, monotonic_seq, hash } of rows) settle(id, { log, monotonic_seq, hash })
    },
    stored(key) {
      const place = places.get(key)
      if (place !== undefined) return Promise.resolve(place)
      return new Promise((resolve, reject) => {
        const waiters = outstanding.get(key) ?? []
        waiters.push({ resolve, reject })
        outstanding.set(key, waiters)
        pauseMs = firstMs
        watchedMs = 0
        schedule()
      })
    },
    async sweep(timeoutMs) {
      if (inserted === 0) return true
      let late: NodeJS.Timeout | undefined
      const inTime = await Promise.race([
        drainer.sweep(true).then(
          () => true,
          () => false,
        ),
        new Promise<false>((resolve) => {
          late = setTimeout(() => resolve(false), timeoutMs)
        }),
      ])
      clearTimeout(late)
      return inTime
    },
    counts: () => ({ inserted, moved: movedRows, outstanding: outstanding.size }),
    close() {
      isClosed = true
      clearTimeout(timer)
      giveUp('was not seen to be stored before fasten was closed')
    },
  }
}
