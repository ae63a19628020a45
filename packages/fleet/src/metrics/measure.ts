// SPDX-License-Identifier: Apache-2.0
import {
  addDuration,
  addSketchBytes,
  emptySketch,
  sketchBytes,
  type DurationSketch,
} from './duration-sketch.ts'

/** One request to look at, out of many that were counted. */
export interface Exemplar {
  readonly request_id: string
  readonly trace_id: string | null
  readonly duration_us: number
  /** Canonical timestamp of the row. */
  readonly at: string
}

/** What is known of some requests. Merging is adding: any split of the same requests comes to the same measure. */
export interface Measure {
  requests: number
  /** Exact; more than a number can hold where somebody stored absurd durations. */
  sumUs: bigint
  maxUs: number
  readonly sketch: DurationSketch
  slowest: Exemplar | undefined
  /** The newest that failed. */
  latest: Exemplar | undefined
}

/** As it rests in a bucket and comes out of the database. */
export interface StoredMeasure {
  readonly requests: string
  readonly sum_us: string
  readonly max_us: string
  readonly sketch: Buffer
  readonly slowest: Exemplar | null
  readonly latest: Exemplar | null
}

export function emptyMeasure(): Measure {
  return { requests: 0, sumUs: 0n, maxUs: 0, sketch: emptySketch(), slowest: undefined, latest: undefined }
}

export interface MeasuredRequest {
  /** Undefined for a row that says none, which is counted and has no duration. */
  readonly durationUs: number | undefined
  readonly isFailed: boolean
  readonly exemplar: Exemplar | undefined
}

export function addRequest(to: Measure, { durationUs, isFailed, exemplar }: MeasuredRequest): void {
  to.requests++
  if (durationUs !== undefined) {
    addDuration(to.sketch, durationUs)
    to.sumUs += BigInt(durationUs)
    if (durationUs > to.maxUs) to.maxUs = durationUs
  }
  if (exemplar === undefined) return
  to.slowest = first(to.slowest, exemplar, isSlower)
  if (isFailed) to.latest = first(to.latest, exemplar, isNewer)
}

export function addMeasure(to: Measure, from: Measure): void {
  addSketchBytes(to.sketch, sketchBytes(from.sketch))
  addCounts(to, from)
}

export function addStored(to: Measure, from: StoredMeasure): void {
  addSketchBytes(to.sketch, from.sketch)
  addCounts(to, {
    requests: Number(from.requests),
    sumUs: BigInt(from.sum_us),
    maxUs: Number(from.max_us),
    slowest: from.slowest ?? undefined,
    latest: from.latest ?? undefined,
  })
}

function addCounts(to: Measure, from: Omit<Measure, 'sketch'>): void {
  to.requests += from.requests
  to.sumUs += from.sumUs
  to.maxUs = Math.max(to.maxUs, from.maxUs)
  to.slowest = first(to.slowest, from.slowest, isSlower)
  to.latest = first(to.latest, from.latest, isNewer)
}

function first(
  a: Exemplar | undefined,
  b: Exemplar | undefined,
  isBefore: (a: Exemplar, b: Exemplar) => boolean,
): Exemplar | undefined {
  if (a === undefined || b === undefined) return a ?? b
  return isBefore(b, a) ? b : a
}

// Among equals one has to go first wherever they meet, or the order of merging would show.
const isSlower = (a: Exemplar, b: Exemplar): boolean =>
  a.duration_us === b.duration_us ? isLater(a, b) : a.duration_us > b.duration_us
const isNewer = (a: Exemplar, b: Exemplar): boolean =>
  a.at === b.at && a.duration_us !== b.duration_us ? a.duration_us > b.duration_us : isLater(a, b)
const isLater = (a: Exemplar, b: Exemplar): boolean => textOf(a) > textOf(b)
const textOf = ({ at, request_id, trace_id }: Exemplar): string => `${at} ${request_id} ${trace_id ?? ''}`
