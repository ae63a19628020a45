// SPDX-License-Identifier: Apache-2.0
/**
 * Makes the wall clock of this process, threads included, do what clocks do: an hour back, ten years ahead, standing still, a second
 * twice (a leap). It changes with every 40th reading. The monotonic clock stays as it is, as with a real step.
 */
const realNow = Date.now
const hour = 3_600_000
const moods = [
  (now: number): number => now,
  (now: number): number => now - hour,
  (now: number): number => now + 10 * 365 * 24 * hour,
  (now: number): number => now - (now % 60_000),
  (now: number): number => now - (now % 2000 >= 1000 ? 1000 : 0),
]
let readings = 0
Date.now = () => {
  const mood = moods[Math.floor(readings++ / 40) % moods.length]
  return mood === undefined ? realNow() : mood(realNow())
}
