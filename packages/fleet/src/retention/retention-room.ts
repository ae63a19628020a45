// SPDX-License-Identifier: Apache-2.0
import type { Fasten } from 'fasten'
import type { Clock } from 'fasten/core'
import type { RetentionConfig } from '../config/retention-config.ts'
import type { FleetDatabase } from '../database/fleet-database.ts'

export interface RetentionDeps {
  readonly database: FleetDatabase
  readonly fasten: Fasten
  readonly clock: Clock
  readonly retention: RetentionConfig
  /** This server, for the lease. */
  readonly serverId: string
}
