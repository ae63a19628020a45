// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto'
import { canonicalize, formatMicros, type JsonValue } from 'fasten/core'
import type { ArrivingRow } from '../sources/arriving-row.ts'
import type { Claim } from './claim.ts'

export interface Arriving {
  /** What tells it apart from everything else of its source. */
  readonly identity: string
  /** False where `identity` is a digest of what it says. */
  readonly isNamed: boolean
  /** By the fleet's clock, in microseconds: its time, where it says none. */
  readonly arrived: number
  readonly sent: Uint8Array
}

/**
 * A claim as it is handed over to be sealed. Named by its sender, it must say the same whenever it comes, in whatever encoding: then its content is a digest of what the
 * row says, without what it was known by.
 */
export function arriving(claim: Claim, { identity, isNamed, arrived, sent }: Arriving): ArrivingRow {
  const { timestamp, origin, ...said } = claim
  return {
    ...said,
    identity,
    ...(isNamed ? { content: digestOf([timestamp ?? null, said]) } : {}),
    timestamp: formatMicros(timestamp ?? arrived),
    origin: { proof: 'none', ...origin },
    sent,
  }
}

const digestOf = (said: unknown): string =>
  createHash('sha256')
    .update(canonicalize(plain(said)))
    .digest('hex')

/** What was read, with texts for what JSON has no value for. */
function plain(value: unknown): JsonValue {
  if (typeof value === 'string') return value.toWellFormed()
  if (typeof value === 'boolean' || value === null || Number.isFinite(value)) return value as JsonValue
  if (ArrayBuffer.isView(value))
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex')
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value === 'number' || typeof value === 'bigint' || value === undefined) return String(value)
  if (typeof value !== 'object') throw new TypeError(`a ${typeof value} is never read`)
  const members = Object.entries(value).filter(([, member]) => member !== undefined)
  return Object.fromEntries(members.map(([name, member]) => [name.toWellFormed(), plain(member)]))
}
