// SPDX-License-Identifier: Apache-2.0
import { parseTime } from 'fasten/core'

/**
 * Microseconds since 1970 of what loggers write as a time: RFC 3339 and its kin (without an offset: UTC), a number, or a text that is one, of seconds,
 * milliseconds, microseconds or nanoseconds, whichever lies between 1973 and the year 5138, and `{seconds, nanos}`. Undefined for anything else, and for times that no
 * row can have.
 */
export function microsOf(value: unknown): number | undefined {
  if (typeof value === 'string') {
    const text = value.trim()
    if (/^\d{9,19}(\.\d{1,9})?$/.test(text)) return ofNumber(Number(text))
    // Python's logging writes 2026-11-26 12:00:00,123; `now` and `-2h` are questions and no times.
    return /^\d{4}-/.test(text) ? within(parseTime(text, 0)) : undefined
  }
  if (typeof value === 'number') return ofNumber(value)
  if (typeof value !== 'object' || value === null) return undefined
  const { seconds, nanos = 0 } = value as { readonly seconds?: unknown; readonly nanos?: unknown }
  const whole = typeof seconds === 'string' && /^\d{1,12}$/.test(seconds) ? Number(seconds) : seconds
  if (typeof whole !== 'number' || typeof nanos !== 'number' || !Number.isInteger(whole)) return undefined
  return within(whole * 1_000_000 + Math.floor(nanos / 1000))
}

function ofNumber(value: number): number | undefined {
  if (!(value >= 1e8)) return undefined
  if (value < 1e11) return within(Math.round(value * 1e6))
  if (value < 1e14) return within(Math.round(value * 1e3))
  return within(Math.floor(value < 1e17 ? value : value / 1e3))
}

/** Canonical timestamps have four digits of a year. */
const within = (micros: number | undefined): number | undefined =>
  micros !== undefined && micros >= 0 && micros < 253_402_300_800_000_000 && Number.isFinite(micros)
    ? micros
    : undefined
