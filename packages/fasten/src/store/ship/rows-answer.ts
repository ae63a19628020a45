// SPDX-License-Identifier: Apache-2.0
import type { FleetAnswer } from './fleet-client.ts'
import type { FleetPlace } from './shipment.ts'

/** What the fleet says of one section. */
export interface SectionResult extends FleetPlace {
  readonly log: string
  readonly cosignature: string | undefined
  readonly refused:
    | { readonly code: string; readonly message: string; readonly at_seq: number | undefined }
    | undefined
}

/** The results of an answer to rows, one a section; undefined when it is no such answer. Source: spec/fleet.md#rows. */
export function sectionResults(
  { results }: FleetAnswer,
  logs: readonly string[],
): readonly SectionResult[] | undefined {
  if (!Array.isArray(results) || results.length !== logs.length) return undefined
  const read = results.map(resultOf)
  return read.every((result, index) => result !== undefined && result.log === logs[index])
    ? (read as SectionResult[])
    : undefined
}

/** Where the fleet is, by log; undefined when the answer does not say. Source: spec/fleet.md#where-to-go-on. */
export function placesIn({ places }: FleetAnswer): ReadonlyMap<string, NamedPlace> | undefined {
  if (!isObject(places)) return undefined
  const read = new Map<string, NamedPlace>()
  for (const [log, value] of Object.entries(places)) {
    const place = placeOf(value)
    const head_hash = isObject(value) ? value['head_hash'] : undefined
    if (place === undefined || typeof head_hash !== 'string') return undefined
    read.set(log, { ...place, head_hash })
  }
  return read
}

export interface NamedPlace extends FleetPlace {
  readonly head_hash: string
}

function resultOf(value: unknown): SectionResult | undefined {
  const place = placeOf(value)
  if (place === undefined || !isObject(value)) return undefined
  const { log, cosignature, refused } = value
  if (typeof log !== 'string') return undefined
  return {
    ...place,
    log,
    cosignature: typeof cosignature === 'string' ? cosignature : undefined,
    refused: isObject(refused)
      ? {
          code: String(refused['code']),
          message: String(refused['message']).slice(0, 300),
          at_seq: isCount(refused['at_seq']) ? refused['at_seq'] : undefined,
        }
      : undefined,
  }
}

function placeOf(value: unknown): FleetPlace | undefined {
  if (!isObject(value)) return undefined
  const { size, signed_size } = value
  return isCount(size) && isCount(signed_size) ? { size, signed_size } : undefined
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
