// SPDX-License-Identifier: Apache-2.0

const threeDigits = Array.from({ length: 1000 }, (_, value) => String(value).padStart(3, '0'))
let cachedSecond = -1
let cachedPrefix = ''

/**
 * Canonical time text: UTC, `YYYY-MM-DDTHH:MM:SS.ffffffZ`, 27 characters for years 0 to 9999.
 * Fixed width, so lexicographic order is time order (spec/row.md#timestamps).
 */
export function formatMicros(micros: number): string {
  const second = Math.floor(micros / 1_000_000)
  if (second !== cachedSecond) {
    // Rows of one second share the first 20 characters; formatting a Date costs ten times the rest.
    cachedPrefix = new Date(second * 1000).toISOString().slice(0, 20)
    cachedSecond = second
  }
  const rest = micros - second * 1_000_000
  const ms = Math.floor(rest / 1000)
  return `${cachedPrefix}${threeDigits[ms]}${threeDigits[rest - ms * 1000]}Z`
}

const rfc3339 =
  /^(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2}):(\d{2})(?:[.,](\d{1,9}))?([Zz]|[+-]\d{2}:?\d{2})?$/
const dateOnly = /^(\d{4})-(\d{2})-(\d{2})$/
const relative = /^([+-])(\d{1,9})(us|ms|s|m|h|d|w|y)$/
const unitMicros = {
  us: 1,
  ms: 1e3,
  s: 1e6,
  m: 6e7,
  h: 3.6e9,
  d: 8.64e10,
  w: 6.048e11,
  y: 3.1536e13,
} as const

/**
 * Microseconds since the epoch of an RFC 3339 time (no offset means UTC; digits past the sixth are cut), a date
 * (midnight UTC), `now`, or a relative time such as `-2h` (units us ms s m h d w y). Undefined when it is none of these
 * or names a day or hour that does not exist.
 */
export function parseTime(text: string, nowMicros: number): number | undefined {
  const trimmed = text.trim()
  if (trimmed === 'now') return nowMicros
  const ago = relative.exec(trimmed)
  if (ago) {
    const size = Number(ago[2]) * unitMicros[ago[3] as keyof typeof unitMicros]
    return nowMicros + (ago[1] === '-' ? -size : size)
  }
  const day = dateOnly.exec(trimmed)
  const full = day ? null : rfc3339.exec(trimmed)
  const match = day ?? full
  if (!match) return undefined
  const [year, month, date] = [Number(match[1]), Number(match[2]), Number(match[3])]
  const [hour, minute, second] = full ? [Number(full[4]), Number(full[5]), Number(full[6])] : [0, 0, 0]
  const midnight = new Date(0)
  midnight.setUTCFullYear(year, month - 1, date)
  if (midnight.getUTCMonth() !== month - 1 || midnight.getUTCDate() !== date) return undefined
  // A leap second (60) is folded into the next second, as POSIX time does.
  if (hour > 23 || minute > 59 || second > 60) return undefined
  const fraction = full ? Number((full[7] ?? '').slice(0, 6).padEnd(6, '0')) : 0
  const offset = offsetMinutes(full?.[8])
  if (offset === undefined) return undefined
  const seconds = midnight.getTime() / 1000 + hour * 3600 + (minute - offset) * 60 + second
  return seconds * 1_000_000 + fraction
}

/** Minutes east of UTC of `Z`, `+05:30`, `+0530` or nothing; undefined when out of range. */
function offsetMinutes(text: string | undefined): number | undefined {
  if (text === undefined || text === 'Z' || text === 'z') return 0
  const hours = Number(text.slice(1, 3))
  const minutes = Number(text.slice(-2))
  if (hours > 23 || minutes > 59) return undefined
  return (text.startsWith('-') ? -1 : 1) * (hours * 60 + minutes)
}
