// SPDX-License-Identifier: Apache-2.0
import type { Fasten } from 'fasten'
import type { Clock } from 'fasten/core'
import type { FleetDatabase } from '../database/fleet-database.ts'

/** What everything in this room works with. */
export interface NodesDeps {
  readonly database: Pick<FleetDatabase, 'pool' | 'transact' | 'seals'>
  /** Tells every change in the transaction that makes it. */
  readonly fasten: Fasten
  readonly clock: Clock
}
