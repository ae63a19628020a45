// SPDX-License-Identifier: Apache-2.0

/** What a process sees of time when it asks how old rows are. */
export interface ClockReading {
  /** Of this start of this machine; another one after a restart. */
  readonly machine: string
  /** Since that start, by a counter that no clock step moves and that counts while the machine sleeps; microseconds. */
  readonly uptimeMicros: number
  /** The wall clock, microseconds since the epoch. */
  readonly wallMicros: number
}

/** What the store remembers of one machine's last reading. */
export interface ClockMark {
  readonly machine: string
  readonly uptimeMicros: number
  /** Retention time at that reading. */
  readonly trustedMicros: number
}

/**
 * Retention time: never ahead of the wall clock, and never further on than time has demonstrably passed. A wall clock that jumps
 * forward takes it along by what the machine's uptime has counted and no more, so that nothing is swept for a clock that is
 * wrong; one that jumps back takes it back with it, and rows are swept later.
 *
 * The first reading of a store believes the wall clock up to the newest thing that is stored (`newestMicros`), or altogether where
 * nothing is. A machine that was never seen begins where retention time stands: what passed before is not believed, for nobody
 * here has seen it pass. Source: docs/decisions/0014-the-age-of-a-row.md.
 */
export function advance(
  reading: ClockReading,
  marks: readonly ClockMark[],
  newestMicros: number | null,
): { readonly mark: ClockMark; readonly nowMicros: number } {
  const { machine, uptimeMicros, wallMicros } = reading
  const furthest = marks.reduce<number | null>(
    (most, { trustedMicros }) => (most === null || trustedMicros > most ? trustedMicros : most),
    null,
  )
  const own = marks.find((each) => each.machine === machine)
  const start = furthest ?? Math.min(wallMicros, newestMicros ?? wallMicros)
  const passed = own === undefined ? 0 : Math.max(0, uptimeMicros - own.uptimeMicros)
  // Counted on while the wall clock is behind: once it is right again, nothing has been lost.
  const trustedMicros = Math.max(start, (own?.trustedMicros ?? start) + passed)
  return { mark: { machine, uptimeMicros, trustedMicros }, nowMicros: Math.min(wallMicros, trustedMicros) }
}

/** Machines that a store remembers; the ones that were furthest behind are forgotten first. */
export const clockMarksMax = 64
