// SPDX-License-Identifier: Apache-2.0
import { DDSketch } from '@datadog/sketches-js'

/**
 * Durations in bins whose bounds lie 2 % apart, so that a value read from them is at most 1 % from one that was put in. Counts are exact, and
 * what is merged is what would have been there had all values been put into one. Microseconds; no more than 1,850 bins for everything up to 2^53.
 */
export type DurationSketch = DDSketch

export const relativeAccuracy = 0.01

export function emptySketch(): DurationSketch {
  return new DDSketch({ relativeAccuracy })
}

export function addDuration(sketch: DurationSketch, micros: number): void {
  sketch.accept(micros)
}

/**
 * The bins as bytes: a version, the zeros, then each bin that holds something, as the distance from the key before it and its count, all of them
 * varints. One for each content, whatever order it came in; about 3 bytes for each bin, where the library's own form has 8 for empty ones too.
 */
export function sketchBytes(sketch: DurationSketch): Buffer {
  const bytes: number[] = [version]
  pushVarint(bytes, sketch.zeroCount)
  let before = 0
  const { bins, offset } = sketch.store
  for (let index = 0; index < bins.length; index++) {
    const count = bins[index] ?? 0
    if (count === 0) continue
    const key = index + offset
    pushVarint(bytes, key - before)
    pushVarint(bytes, count)
    before = key
  }
  return Buffer.from(bytes)
}

/** Adds what `bytes` hold. Throws TypeError for bytes that `sketchBytes` has not made. */
export function addSketchBytes(sketch: DurationSketch, bytes: Uint8Array): void {
  if (bytes[0] !== version) throw new TypeError(`a sketch begins with ${version}, not with ${bytes[0]}`)
  const at = { bytes, index: 1 }
  const zeros = readVarint(at)
  sketch.zeroCount += zeros
  sketch.count += zeros
  let key = 0
  while (at.index < bytes.length) {
    key += readVarint(at)
    const count = readVarint(at)
    sketch.store.add(key, count)
    sketch.count += count
  }
}

/** The value at this rank of all (0 to 1), in microseconds, rounded; null of nothing. */
export function quantile(sketch: DurationSketch, share: number): number | null {
  return sketch.count === 0 ? null : Math.round(sketch.getValueAtQuantile(share))
}

/** How many values are at most `micros`; those within 1 % of it may be counted on either side. */
export function countUpTo(sketch: DurationSketch, micros: number): number {
  const last = sketch.mapping.key(micros)
  const { bins, offset } = sketch.store
  let count = sketch.zeroCount
  for (let index = 0; index < bins.length && index + offset <= last; index++) count += bins[index] ?? 0
  return count
}

const version = 1

/** Seven bits at a time by division: counts go beyond what shifts can hold. Keys of values of at least 1 are never negative. */
function pushVarint(bytes: number[], value: number): void {
  let rest = value
  while (rest >= 128) {
    bytes.push((rest % 128) + 128)
    rest = Math.floor(rest / 128)
  }
  bytes.push(rest)
}

function readVarint(at: { readonly bytes: Uint8Array; index: number }): number {
  let value = 0
  for (let factor = 1; ; factor *= 128) {
    const byte = at.bytes[at.index++]
    if (byte === undefined) throw new TypeError('a sketch ends within a number')
    value += (byte % 128) * factor
    if (byte < 128) return value
  }
}
