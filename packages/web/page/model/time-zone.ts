// SPDX-License-Identifier: Apache-2.0

/** What times are shown in: as rows say them, or as the clock on the wall of whoever looks. */
export type TimeZone = 'utc' | 'local'

interface Parts {
  readonly date: string
  readonly time: string
  /** `Z`, or the offset from UTC. */
  readonly offset: string
}

/**
 * A row's timestamp (spec/row.md: RFC 3339, UTC, to the microsecond) in the zone that was chosen. The fraction is the row's own, to the
 * digit: a browser's clock knows milliseconds only.
 */
export function timeParts(timestamp: string, zone: TimeZone): Parts {
  const fraction = /\.(\d+)Z$/.exec(timestamp)?.[1] ?? ''
  const shown = fraction === '' ? '' : `.${fraction}`
  if (zone === 'utc')
    return { date: timestamp.slice(0, 10), time: `${timestamp.slice(11, 19)}${shown}`, offset: 'Z' }
  const at = new Date(timestamp)
  const two = (value: number): string => String(value).padStart(2, '0')
  const minutes = -at.getTimezoneOffset()
  const offset = `${minutes < 0 ? '−' : '+'}${two(Math.floor(Math.abs(minutes) / 60))}:${two(Math.abs(minutes) % 60)}`
  return {
    date: `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`,
    time: `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}${shown}`,
    offset,
  }
}
