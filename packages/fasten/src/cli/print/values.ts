// SPDX-License-Identifier: Apache-2.0
import { jsonLine, visible } from '../../core/visible.ts'

/** `key=value` pairs as people and grep read them; nested values as compact JSON. Empty for no members. */
export function pairs(members: unknown): string {
  if (typeof members !== 'object' || members === null) return ''
  return Object.entries(members)
    .map(([key, value]) => `${visible(key)}=${scalar(value)}`)
    .join(' ')
}

/** An error as rows keep it. */
export interface ErrorShape {
  readonly name?: string
  readonly message: string
  readonly stack?: string
}

export function isErrorShape(value: unknown): value is ErrorShape {
  if (
    typeof value !== 'object' ||
    value === null ||
    !('message' in value) ||
    typeof value.message !== 'string'
  )
    return false
  return (
    ('stack' in value && typeof value.stack === 'string') ||
    ('name' in value && typeof value.name === 'string')
  )
}

/** A value in one word: bare where that is unambiguous, quoted where it has spaces, quotes or nothing at all. */
export function scalar(value: unknown): string {
  // Its stack would bury the line; it is in --json, and below the row in a thread.
  if (isErrorShape(value)) return scalar(`${value.name ?? 'Error'}: ${value.message}`)
  if (typeof value !== 'string') return jsonLine(value)
  return value !== '' && !/[\s"=]/.test(value) ? visible(value) : `"${visible(value).replaceAll('"', '\\"')}"`
}

/** Microseconds as people say them: `840µs`, `12.3ms`, `4.20s`, `3m07s`. */
export function duration(micros: number): string {
  if (micros < 1000) return `${Math.round(micros)}µs`
  if (micros < 1e6) return `${(micros / 1000).toFixed(micros < 1e5 ? 1 : 0)}ms`
  if (micros < 6e7) return `${(micros / 1e6).toFixed(2)}s`
  const seconds = Math.round(micros / 1e6)
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m${String(seconds % 60).padStart(2, '0')}s`
  const minutes = Math.round(seconds / 60)
  return `${Math.floor(minutes / 60)}h${String(minutes % 60).padStart(2, '0')}m`
}

/** `12,480`: grouped digits, the same on every machine. */
export function grouped(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',')
}

/** `1 row`, `2 rows`, `no rows`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  if (count === 0) return `no ${many}`
  return `${grouped(count)} ${count === 1 ? one : many}`
}

const sizes = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] as const

/** Bytes in powers of 1000 with three significant digits: `512B`, `4.10MB`. */
export function bytes(count: number): string {
  let size = count
  let unit = 0
  while (size >= 999.5 && unit < sizes.length - 1) {
    size /= 1000
    unit++
  }
  return unit === 0 ? `${count}B` : `${size.toPrecision(3)}${sizes[unit]}`
}
