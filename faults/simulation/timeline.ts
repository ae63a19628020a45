// SPDX-License-Identifier: Apache-2.0
/**
 * Time of a simulation: a list of what happens next.
 *
 *   take the earliest event ▸ it is now that late ▸ do it ▸ wait until every actor is parked ▸ take the next
 *
 * An actor is something that runs by itself: a shipper, a request in a server. It is parked while it waits for time to pass or for an
 * answer, both of which are events. Between two events it does real work (files, SQL) that takes as long as it takes, alone; so
 * in what order things happen is decided by the seed and never by the machine.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Clock } from '../../packages/fasten/src/core/clock.ts'
import type { Timer } from '../../packages/fasten/src/store/ship/shipper.ts'

export interface Timeline {
  /** Milliseconds since the start of the simulation. */
  nowMs(): number
  /** A clock that is wrong by so much. */
  clock(skewMs?: number): Clock
  /** Something happens in so many milliseconds. The function that is answered calls it off. */
  in(ms: number, work: () => unknown): () => void
  actor(name: string): Actor
  /** Writes a line of what happened. Two runs of one seed write the same lines. */
  tell(line: string): void
  readonly told: readonly string[]
  /** Something is not as it must be: the step in which it happens throws. */
  violated(what: string): void
  /** The next event, and everything that follows from it at once. False when there is none. */
  step(): Promise<boolean>
}

export interface Actor {
  readonly isDead: boolean
  /** Timers in which it is parked. */
  readonly timer: Timer
  /** Parked until one of the two is called; a second call is nothing. */
  wait<T>(begin: (resolve: (value: T) => void, reject: (error: unknown) => void) => void): Promise<T>
  /** Parked for so long. */
  sleep(ms: number): Promise<void>
  /** So many more threads of it work from now on, until each is parked or left. */
  enter(count?: number): void
  leave(count?: number): void
  /** It stops where it is, parked, and nothing that it waits for comes. */
  kill(): void
}

/** What the simulation looks for. */
export class Violation extends Error {}

/** How long an actor may work for real before the simulation is given up. */
const patienceMs = 120_000

export function createTimeline(): Timeline {
  const events: { readonly at: number; readonly order: number; readonly work: () => unknown }[] = []
  const working = new Map<{ readonly name: string }, number>()
  const violations: string[] = []
  const told: string[] = []
  let allParked = (): void => {}
  let now = 0
  let order = 0

  function schedule(ms: number, work: () => unknown): () => void {
    const event = { at: now + Math.max(0, Math.round(ms)), order: order++, work }
    let place = events.length
    while (place > 0 && (events[place - 1]?.at ?? 0) > event.at) place--
    events.splice(place, 0, event)
    return () => {
      const index = events.indexOf(event)
      if (index >= 0) events.splice(index, 1)
    }
  }

  async function parked(): Promise<void> {
    for (;;) {
      // What was parked a moment ago may have gone on at once.
      await nextTurn()
      if (working.size === 0) return
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(() => reject(new TypeError(`it hangs in ${names()}`)), patienceMs)
        allParked = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  }

  const names = (): string => [...working].map(([{ name }, count]) => `${name} (${count})`).join(', ')

  function actor(name: string): Actor {
    let isDead = false
    const id = { name }
    const move = (by: number): void => {
      if (isDead) return
      const count = (working.get(id) ?? 0) + by
      if (count !== 0) working.set(id, count)
      else if (working.delete(id) && working.size === 0) allParked()
    }
    const self: Actor = {
      get isDead() {
        return isDead
      },
      timer(ms, then) {
        let isOver = false
        move(-1)
        const cancel = schedule(ms, () => {
          if (isOver || isDead) return
          isOver = true
          move(1)
          then()
        })
        return () => {
          if (isOver) return
          isOver = true
          cancel()
          move(1)
        }
      },
      wait(begin) {
        move(-1)
        return new Promise((resolve, reject) => {
          let isOver = false
          const once =
            <V>(settle: (value: V) => void) =>
            (value: V): void => {
              if (isOver || isDead) return
              isOver = true
              move(1)
              settle(value)
            }
          begin(once(resolve), once(reject))
        })
      },
      sleep: (ms) => self.wait((resolve) => void schedule(ms, () => resolve(undefined))),
      enter: (count = 1) => move(count),
      leave: (count = 1) => move(-count),
      kill() {
        isDead = true
        working.delete(id)
      },
    }
    return self
  }

  return {
    nowMs: () => now,
    clock: (skewMs = 0) => ({
      nowMicros: () => 1_795_000_000_000_000 + (now + skewMs) * 1000,
      monotonicNanos: () => BigInt(now) * 1_000_000n,
    }),
    in: schedule,
    actor,
    told,
    violated: (what) => void violations.push(what),
    tell: (line) => void told.push(`${String(now).padStart(8)} ${line}`),
    async step() {
      const event = events.shift()
      if (event === undefined) return false
      now = event.at
      await event.work()
      await parked()
      if (violations.length > 0) throw new Violation(violations.join('\n'))
      return true
    },
  }
}
