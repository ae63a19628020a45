// SPDX-License-Identifier: Apache-2.0

/** What a shipper tells its process; each once, until it is over or something else is wrong. */
export type ShipEvent =
  | { readonly event: 'fleet_enrolled'; readonly node_id: string; readonly fleet: string }
  /** Nothing is shipped at all; rows wait in the store. */
  | { readonly event: 'fleet_ship_failed'; readonly error: string; readonly code: string }
  | { readonly event: 'fleet_ship_recovered'; readonly recovery_after_seconds: number }
  /** One log is not shipped; the others are. */
  | {
      readonly event: 'fleet_log_refused'
      readonly log: string
      readonly code: string
      readonly error: string
      readonly at_seq?: number
    }
  | { readonly event: 'fleet_log_accepted'; readonly log: string }
  /** The fleet has fewer rows of a log than it once said. It gets them again, as far as they are here. */
  | {
      readonly event: 'fleet_rolled_back'
      readonly log: string
      readonly shipped: number
      readonly size: number
    }
