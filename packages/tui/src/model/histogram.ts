// SPDX-License-Identifier: Apache-2.0
import { parseTime, formatMicros } from 'fasten/core'
import type { ReaderRow } from 'fasten/reader/remote'
import { isError } from './face.ts'

export interface Bucket {
  readonly rows: number
  readonly errors: number
}

/** Rows over time. Buckets begin at whole multiples of their width, so that they stay what they are while time goes on. */
export interface Histogram {
  readonly startMicros: number
  readonly widthMicros: number
  readonly buckets: readonly Bucket[]
}

const second = 1_000_000
/** From a tenth of a second to a year, each a time that people count in. */
const widths: readonly number[] = [
  ...[0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30].map((count) => count * second),
  ...[1, 2, 5, 10, 15, 30].map((minutes) => minutes * 60 * second),
  ...[1, 2, 3, 6, 12].map((hours) => hours * 3600 * second),
  ...[1, 2, 7, 14, 30, 90, 365].map((days) => days * 86_400 * second),
]

/** The rows that are here, in at most `bucketsMax` buckets; null where there are none. */
export function histogramOf(rows: readonly ReaderRow[], bucketsMax: number): Histogram | null {
  const times = rows.map((row) => parseTime(row.timestamp, 0) ?? 0)
  if (times.length === 0 || bucketsMax < 1) return null
  const oldest = times.reduce((least, each) => Math.min(least, each))
  const newest = times.reduce((most, each) => Math.max(most, each))
  const widthMicros =
    widths.find((width) => Math.floor(newest / width) - Math.floor(oldest / width) < bucketsMax) ??
    Math.ceil((newest - oldest) / Math.max(1, bucketsMax - 1) + 1)
  const startMicros = Math.floor(oldest / widthMicros) * widthMicros
  const count = Math.floor(newest / widthMicros) - Math.floor(oldest / widthMicros) + 1
  const buckets = Array.from({ length: count }, () => ({ rows: 0, errors: 0 }))
  for (const [index, row] of rows.entries()) {
    const bucket = buckets[Math.floor((times[index] ?? 0) / widthMicros) - startMicros / widthMicros]
    if (bucket === undefined) continue
    bucket.rows++
    if (isError(row)) bucket.errors++
  }
  return { startMicros, widthMicros, buckets }
}

const steps = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█']

/** How high a bucket stands beside the highest; a bucket with one row in it is never empty. */
export function barOf({ rows }: Bucket, most: number): string {
  if (rows === 0) return ' '
  return steps[Math.min(steps.length - 1, Math.floor((rows / most) * steps.length))] ?? '█'
}

/** Which bucket a time lies in; undefined outside. */
export function bucketOf(
  { startMicros, widthMicros, buckets }: Histogram,
  timestamp: string,
): number | undefined {
  const index = Math.floor(((parseTime(timestamp, 0) ?? 0) - startMicros) / widthMicros)
  return index >= 0 && index < buckets.length ? index : undefined
}

/** `10s`, `5min`, `1h`: how wide a bucket is. */
export function widthText(micros: number): string {
  if (micros < second) return `${micros / 1000}ms`
  if (micros < 60 * second) return `${micros / second}s`
  if (micros < 3600 * second) return `${micros / second / 60}min`
  if (micros < 86_400 * second) return `${micros / second / 3600}h`
  return `${Math.round(micros / second / 86_400)}d`
}

/** The day and the time of day where a histogram begins. */
export const startText = ({ startMicros }: Histogram): string =>
  formatMicros(startMicros).slice(5, 19).replace('T', ' ')
