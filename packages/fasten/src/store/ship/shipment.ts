// SPDX-License-Identifier: Apache-2.0

/** A log as a shipper knows it. */
export interface Shipment {
  readonly log: string
  /** Rows it has here. */
  size: number
  /** Where the fleet is; undefined until it was asked, and again when an answer was lost. */
  place: FleetPlace | undefined
  /** What this store last recorded as shipped. */
  recorded: number
  /** So many of its rows are covered by a cosignature of the fleet's that holds; infinite where nothing is signed. */
  cosigned: number
  /** The size at which the fleet, which has more, has last seen the end that is here. */
  compared: number | undefined
  /** Until then, in milliseconds of the monotonic clock, rows are sent without a signature: the fleet does not know its key. */
  unsignedUntil: number
  /** Why it is not shipped; undefined while it is. */
  refusal: Refusal | undefined
}

/** What a fleet has of a log. */
export interface FleetPlace {
  readonly size: number
  readonly signed_size: number
}

interface Refusal {
  readonly code: string
  /** When it is tried again, in milliseconds of the monotonic clock. */
  readonly until: number
}

export const newShipment = (log: string, size: number, recorded: number, isSigned = true): Shipment => ({
  log,
  size,
  place: undefined,
  recorded,
  cosigned: isSigned ? recorded : Infinity,
  compared: undefined,
  unsignedUntil: 0,
  refusal: undefined,
})

/** Whether rows or signatures of it are still to be sent, as far as is known without looking for checkpoints. */
export function isBehind(
  { size, place, cosigned, refusal, unsignedUntil }: Shipment,
  nowMs: number,
): boolean {
  if (place === undefined || (refusal !== undefined && refusal.until > nowMs)) return false
  return place.size < size || (Math.min(place.signed_size, cosigned) < place.size && unsignedUntil <= nowMs)
}

/**
 * So many rows the fleet has, and has put its name to: retention may take them here. What it only says to have is not among them, since whoever
 * stands between could say so, and strip the rest of the answer.
 */
export const promised = ({ place, cosigned }: Shipment): number | undefined =>
  place && Math.min(place.size, cosigned)
