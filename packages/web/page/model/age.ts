// SPDX-License-Identifier: Apache-2.0

const units = [
  ['day', 86_400],
  ['h', 3600],
  ['min', 60],
  ['s', 1],
] as const

/**
 * How long ago `at` was, or how long it is until then, as people say it: `4 s ago`, `12 min ago`, `in 30 days`. Rounded down in the largest
 * unit of which there is one; within a second of now it is `now`.
 */
export function ageText(at: string, nowMicros: number): string {
  const seconds = (nowMicros / 1000 - Date.parse(at)) / 1000
  const size = Math.abs(seconds)
  const [unit, length] = units.find(([, each]) => size >= each) ?? ['now', 0]
  if (unit === 'now') return 'now'
  const number = Math.floor(size / length)
  const words = `${number} ${unit}${unit === 'day' && number !== 1 ? 's' : ''}`
  return seconds < 0 ? `in ${words}` : `${words} ago`
}

/** Whole seconds since `at`; none where it is still to come. */
export const secondsSince = (at: string, nowMicros: number): number =>
  Math.max(0, Math.floor((nowMicros / 1000 - Date.parse(at)) / 1000))
