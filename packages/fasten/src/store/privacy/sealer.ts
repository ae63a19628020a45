// SPDX-License-Identifier: Apache-2.0
import { hash } from 'node:crypto'
import type { Clock } from '../../core/clock.ts'
import type { PersonalValue } from '../../core/personal.ts'
import { formatMicros } from '../../core/timestamp.ts'
import { sealBox, keyBytes, type KeyRing, type RandomBytes } from './key-ring.ts'
import { encodeSealed, type SealedMember, type WrappedKey } from './sealed.ts'

export interface SealerOptions {
  readonly ring: KeyRing
  readonly clock: Clock
  readonly random: RandomBytes
  /** A data key is replaced when it is older, in milliseconds. Longer: fewer keys to keep, more values under each. Default 10 minutes. */
  readonly dataKeyMs?: number
  /** Data keys held at once; the longest unused goes first. Default 10,000. */
  readonly dataKeysMax?: number
}

/** Makes disclosures of one row's personal values. */
export interface Sealing {
  /** The commitment that stands in the row for the value; the value itself is sealed now. */
  commit(value: PersonalValue): string
  /** What goes beside the draft; undefined when nothing was sealed. */
  sealed(): string | undefined
}

export interface Sealer {
  readonly ring: KeyRing
  /** `rowId` is bound into every box: a box that is moved to another row or member does not open. */
  start(rowId: string, tenant: string | undefined): Sealing
}

/**
 * Seals personal values as they are emitted, so that no plaintext of them ever rests in spool, database or write-ahead log.
 * Synchronous: a data key for each (tenant, subject) is made in this process and used for minutes; nobody is asked for it.
 * Source: spec/row.md#personal-data.
 */
export function createSealer({
  ring,
  clock,
  random,
  dataKeyMs = 600_000,
  dataKeysMax = 10_000,
}: SealerOptions): Sealer {
  const keys = new Map<string, DataKey>()

  function keyFor(tenant: string, subject: string): DataKey {
    const name = `${tenant}\0${subject}`
    const now = clock.monotonicNanos()
    const known = keys.get(name)
    if (known !== undefined && now < known.until) return known
    const key = Buffer.from(random(keyBytes))
    const id = Buffer.from(random(16)).toString('hex')
    const made_at = formatMicros(clock.nowMicros())
    const made: DataKey = {
      key,
      wrapped: ring.wrap(key, { id, tenant, subject, made_at }),
      until: now + BigInt(dataKeyMs) * 1_000_000n,
    }
    // A Map lists its keys in the order they were set, so the first is the oldest.
    keys.delete(name)
    if (keys.size >= dataKeysMax) keys.delete(keys.keys().next().value ?? '')
    keys.set(name, made)
    return made
  }

  return {
    ring,
    start(rowId, tenantId) {
      const tenant = tenantId ?? ''
      const used = new Map<string, WrappedKey>()
      const values: SealedMember[] = []
      return {
        commit({ pointer, name, value, subject }) {
          const { key, wrapped } = keyFor(tenant, subject)
          used.set(wrapped.id, wrapped)
          const salt = Buffer.from(random(16)).toString('base64url')
          const json = Buffer.from(JSON.stringify([salt, name, value]))
          const box = sealBox(key, json, boxContext(rowId, pointer), random).toString('base64')
          const isFound = typeof value === 'string' && foundPointers.has(pointer)
          const [lookup] = isFound ? ring.lookups(tenant, pointer, value) : []
          values.push({ pointer, key: wrapped.id, ...(lookup === undefined ? {} : { lookup }), box })
          return hash('sha256', json.toString('base64url'), 'base64url')
        },
        sealed: () => (values.length === 0 ? undefined : encodeSealed({ keys: [...used.values()], values })),
      }
    },
  }
}

/** Members that filters ask for, by their pointers. */
export const foundPointers: ReadonlySet<string> = new Set(['/actor', '/on_behalf_of', '/target'])

/** What a box is bound to. */
export const boxContext = (rowId: string, pointer: string): string => `${rowId} ${pointer}`

interface DataKey {
  readonly key: Uint8Array
  readonly wrapped: WrappedKey
  /** Monotonic nanoseconds. */
  readonly until: bigint
}
