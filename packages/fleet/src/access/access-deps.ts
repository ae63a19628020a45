// SPDX-License-Identifier: Apache-2.0
import type { Fasten } from 'fasten'
import type { Clock } from 'fasten/core'
import type { AccessConfig } from '../config/access-config.ts'
import type { FleetDatabase } from '../database/fleet-database.ts'

/** What everything in this room works with. */
export interface AccessDeps {
  readonly database: Pick<FleetDatabase, 'pool' | 'transact' | 'seals'>
  /** Tells every change in the transaction that makes it. */
  readonly fasten: Fasten
  readonly clock: Clock
  readonly config: AccessConfig
  /** 32 bytes that all servers of the fleet share. */
  readonly secret: Buffer
}

/** What a change needs, also one that is made without a server. */
export type ChangeDeps = Pick<AccessDeps, 'database' | 'fasten' | 'clock'>

/** The moment, as the database is asked with it. */
export function now({ clock }: Pick<AccessDeps, 'clock'>): Date {
  return new Date(clock.nowMicros() / 1000)
}
