// SPDX-License-Identifier: Apache-2.0
import { Problem } from '../../web/problem.ts'

/**
 * One log record of an export request with what stands around it, whatever encoding it came in. Values are what JavaScript has for them: whole numbers
 * beyond 2^53 are bigints, bytes a Uint8Array, an empty value null, a list of pairs an object without prototype.
 */
export interface OtlpRecord {
  readonly resource: Attributes
  readonly scope: OtlpScope
  /** Nanoseconds since 1970; 0 where it was not said. */
  readonly time: bigint
  readonly observed: bigint
  /** 1 to 24; 0 where it was not said. */
  readonly severityNumber: number
  readonly severityText: string
  readonly eventName: string
  /** Undefined where there is none. */
  readonly body: unknown
  readonly attributes: Attributes
  /** As the sender counted them. */
  readonly droppedAttributes: number
  /** 32 and 16 lower-case hex digits; undefined where they are absent or all zero. */
  readonly trace_id: string | undefined
  readonly span_id: string | undefined
}

export interface OtlpScope {
  readonly name: string
  readonly version: string
  readonly attributes: Attributes
}

export interface Attributes {
  /** Without prototype, in the order they came; of a name that is there twice the last value. */
  readonly values: Readonly<Record<string, unknown>>
  /** Pairs that are not among them: too many, or followed by another of the same name. */
  readonly leftOut: number
}

/** Each record in its turn: read, or why it cannot be. `sent` answers its bytes, in JSON its text. */
export type DecodedRecord =
  | { readonly kind: 'record'; readonly record: OtlpRecord; readonly sent: () => Uint8Array }
  | { readonly kind: 'malformed'; readonly message: string; readonly sent: () => Uint8Array }

/** Of one request. */
export const recordsMax = 50_000
export const tooManyRecords = (): Problem =>
  new Problem(413, 'BODY_TOO_LARGE', `the body has more than ${recordsMax} log records`)

/** Attributes of one record, resource or scope that are read, and members of one object. */
export const attributesMax = 1_024
/** Items of one list that are read. */
export const itemsMax = 4_096
/** Values of one record that are read, however they are nested: a few bytes can promise very many. */
export const valuesMax = 32_768
/** Levels of values within values that are read; deeper down stands what redaction would put there. */
export const depthMax = 32
export const tooDeep = '[depth]'
/** Stands for values beyond `valuesMax`. */
export const tooMany = '[left out]'

/** Collects pairs within the bounds. */
export interface AttributeList {
  /** `value` is only asked for where it is kept. */
  add(name: string, value: () => unknown): void
  finish(): Attributes
}

export function createAttributes(): AttributeList {
  const values = Object.create(null) as Record<string, unknown>
  let count = 0
  let leftOut = 0
  return {
    add(name, value) {
      const isThere = name in values
      if (isThere || count >= attributesMax) leftOut++
      if (!isThere && count >= attributesMax) return
      if (!isThere) count++
      values[name] = value()
    },
    finish: () => ({ values, leftOut }),
  }
}

export const noAttributes: Attributes = { values: Object.create(null) as Record<string, unknown>, leftOut: 0 }
export const noScope: OtlpScope = { name: '', version: '', attributes: noAttributes }

/** A whole number as the smallest of what JavaScript has for it. */
export const wholeNumber = (value: bigint): number | bigint =>
  value >= -9007199254740991n && value <= 9007199254740991n ? Number(value) : value

/** A trace or span id; undefined for one that is none. */
export const idIn = (hex: string, digits: 32 | 16): string | undefined =>
  hex.length === digits && /^[0-9a-f]+$/.test(hex) && !/^0+$/.test(hex) ? hex : undefined
