// SPDX-License-Identifier: Apache-2.0

/** Time, handed in so that tests decide it. */
export interface Clock {
  /** Microseconds since the Unix epoch, an integer. May step in either direction, as wall clocks do. */
  nowMicros(): number
  /** Monotonic nanoseconds from an arbitrary start; for durations only. */
  monotonicNanos(): bigint
}
