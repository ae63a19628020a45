// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '../../core/clock.ts'
import { parseLogName } from '../../core/log-name.ts'
import { formatMicros } from '../../core/timestamp.ts'
import type { Store } from '../ports.ts'
import { software } from '../software.ts'
import { FleetFault, type FleetClient } from './fleet-client.ts'

/** What waits to be stored. */
export interface SpoolDepth {
  readonly rows: number
  readonly bytes: number
  readonly bytes_max?: number
}

export interface StatusParts {
  readonly client: FleetClient
  readonly store: Store
  readonly clock: Clock
  readonly credential: string
  readonly signal: AbortSignal
}

export interface StatusAnswer {
  /** From sending the report until its answer was there. */
  readonly roundTripMs: number
  /** The fleet wants this node to change its credential. */
  readonly wantsRotation: boolean
}

/** Tells the fleet how this node stands; undefined where it takes no reports. Throws a `FleetFault`, or what the store throws. Source: spec/fleet.md#status. */
export async function sendStatus(
  { client, store, clock, credential, signal }: StatusParts,
  about: {
    readonly spool: SpoolDepth
    readonly stats: Readonly<Record<string, number>>
    /** Of the report before; left out where there is none. */
    readonly round_trip_ms?: number
  },
): Promise<StatusAnswer | undefined> {
  const signed = new Map(((await store.checkpoints?.({})) ?? []).map(({ log, size }) => [log, size] as const))
  const logs = (await store.heads())
    .filter(({ log }) => parseLogName(log) !== undefined)
    .map(({ log, size }) => ({ log, size, signed_size: signed.get(log) ?? 0 }))
  const body = {
    software: `${software.name}/${software.version}`,
    sent_at: formatMicros(clock.nowMicros()),
    logs,
    ...about,
  }
  const sent = clock.monotonicNanos()
  try {
    const answer = await client.ask(
      { method: 'POST', path: '/status', credential, body: Buffer.from(JSON.stringify(body)) },
      signal,
    )
    const roundTripMs = Number((clock.monotonicNanos() - sent) / 1000n) / 1000
    return { roundTripMs, wantsRotation: answer['rotate'] === true }
  } catch (error) {
    // A fleet that takes no reports takes rows all the same.
    if (!(error instanceof FleetFault) || error.status !== 404) throw error
    return undefined
  }
}
