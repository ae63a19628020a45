// SPDX-License-Identifier: Apache-2.0

/** A member of the ring; alone it is its own neighbour. */
export interface InFlight {
  earlier: InFlight | undefined
  later: InFlight | undefined
}

/** The one that has waited longest, or undefined when there is none. */
let oldest: InFlight | undefined

/**
 * Remembers what has begun and not ended. A ring through the members themselves, because a set costs fifty nanoseconds
 * per request for what is looked at once in the life of a process.
 */
export function join(member: InFlight): void {
  if (oldest === undefined) {
    oldest = member
    member.earlier = member
    member.later = member
    return
  }
  const newest = oldest.earlier ?? oldest
  member.later = oldest
  member.earlier = newest
  newest.later = member
  oldest.earlier = member
}

export function leave(member: InFlight): void {
  const { earlier, later } = member
  if (earlier === undefined || later === undefined) return
  earlier.later = later
  later.earlier = earlier
  if (oldest === member) oldest = later === member ? undefined : later
  member.earlier = undefined
  member.later = undefined
}

/** The member that has waited longest. */
export function oldestInFlight(): InFlight | undefined {
  return oldest
}
