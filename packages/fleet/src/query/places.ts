// SPDX-License-Identifier: Apache-2.0
import { Problem } from '../web/problem.ts'

export interface PlacesOptions {
  /** For the message: `tail`, `export`. */
  readonly of: string
  /** On this server. */
  readonly max: number
  /** For one actor, so that none of them holds all. */
  readonly perActorMax: number
}

/** Takes a place and answers what gives it back, which may be called twice. Throws `Problem` 429 or 503 when none is free. */
export type Places = (actor: string) => () => void

/** A bound on answers that last: each costs connections and memory for as long as its client likes. */
export function createPlaces({ of, max, perActorMax }: PlacesOptions): Places {
  const byActor = new Map<string, number>()
  let taken = 0
  return (actor) => {
    const own = byActor.get(actor) ?? 0
    if (own >= perActorMax)
      throw new Problem(429, 'TOO_MANY_AT_ONCE', `${own} places for a ${of} are yours already`, {
        hint: 'end one of them',
        retryAfterS: 5,
      })
    if (taken >= max)
      throw new Problem(503, 'READER_BUSY', `every place for a ${of} is taken`, { retryAfterS: 5 })
    taken++
    byActor.set(actor, own + 1)
    let isHeld = true
    return () => {
      if (!isHeld) return
      isHeld = false
      taken--
      const left = (byActor.get(actor) ?? 1) - 1
      if (left > 0) byActor.set(actor, left)
      else byActor.delete(actor)
    }
  }
}
