// SPDX-License-Identifier: Apache-2.0
import type { Fasten } from 'fasten'
import type { Clock } from 'fasten/core'
import { pause } from 'fasten/reader'
import type { FleetDatabase } from '../../database/fleet-database.ts'
import { nameLimits, type NameLimits } from './admit-names.ts'
import { followBatch } from './follow-batch.ts'
import { defaultRetention, sweepBuckets, type Retention } from './sweep.ts'
import type { FollowedStream } from './take-rows.ts'

export interface FollowerOptions {
  readonly database: FleetDatabase
  readonly fasten: Pick<Fasten, 'log'>
  readonly clock: Clock
  /** Between two looks when everything is counted, default 1000 ms. */
  readonly everyMs?: number
  /** Rows of one transaction, default 5000. More of them hold more memory, and are lost work when a server dies. */
  readonly rowsMax?: number
  readonly limits?: NameLimits
  readonly retention?: Retention
}

export interface Follower {
  /** Ends after the transaction that runs. */
  close(): Promise<void>
}

/**
 * Counts api and audit rows into buckets as they are stored, and sweeps old buckets once an hour. Any number of servers may run one. While the
 * database is away it tries again, ever more seldom, half a minute apart at most.
 */
export function startFollower(options: FollowerOptions): Follower {
  const { database, fasten, clock, everyMs = 1000, rowsMax = 5000 } = options
  const { limits = nameLimits, retention = defaultRetention } = options
  const ending = new AbortController()

  async function follow(stream: FollowedStream): Promise<void> {
    await repeat(`following ${stream}`, everyMs, async () => {
      while (!ending.signal.aborted)
        if ((await followBatch(database, { stream, rowsMax, limits })) !== 'behind') return
    })
  }

  async function repeat(what: string, pauseMs: number, work: () => Promise<void>): Promise<void> {
    let failures = 0
    while (!ending.signal.aborted) {
      try {
        await work()
        failures = 0
      } catch (error) {
        // Told once for each time that it begins to fail.
        if (failures++ === 0) fasten.log.error('metrics_failed', { what, error: error as Error })
      }
      await pause(
        failures === 0 ? pauseMs : Math.min(pauseMs, 1000) * 2 ** Math.min(failures, 5),
        ending.signal,
      )
    }
  }

  const running = [
    follow('api'),
    follow('audit'),
    repeat('sweeping buckets', 3_600_000, () => sweepBuckets(database, clock, retention)),
  ]
  return {
    async close() {
      ending.abort()
      await Promise.all(running)
    },
  }
}
