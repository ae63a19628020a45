// SPDX-License-Identifier: Apache-2.0
import { pause } from 'fasten/reader'
import { followWords } from './follow/follow-words.ts'
import type { RetentionDeps } from './retention-room.ts'
import { announceDue } from './sweep/announce.ts'
import { letGoNext } from './sweep/let-go.ts'
import { createRetentionTime } from './sweep/retention-time.ts'
import { thinCheckpoints } from './sweep/thin-checkpoints.ts'

export interface ReplicaKeeper {
  /** Everything that is to be done now; answers false when another server is at it. */
  turn(): Promise<boolean>
  /** Ends after the transaction that runs. */
  close(): Promise<void>
}

export interface KeeperOptions {
  /** Between two turns, default 30,000 ms; 0 for none by itself. */
  readonly everyMs?: number
  /** Between two times that the policy is applied, default 3,600 s. */
  readonly policyEveryS?: number
}

/**
 * Lets go of what is to go, all servers of a fleet taking turns: follows what rows say of sweeps and holds, takes away what they name, and once an hour
 * applies the fleet's own policy and thins out checkpoints. What goes wrong is told in the log, once until it goes well again, and tried the next time.
 *
 * Months in which nothing is left are dropped by the fleet's own fasten when it sweeps its own rows.
 */
export function startKeeper(
  deps: RetentionDeps,
  { everyMs = 30_000, policyEveryS = 3_600 }: KeeperOptions = {},
): ReplicaKeeper {
  const { database, fasten, clock, retention, serverId } = deps
  const ending = new AbortController()
  const isStopped = (): boolean => ending.signal.aborted
  const retentionTime = createRetentionTime(clock)

  async function turn(): Promise<boolean> {
    if (!(await takeLease())) return false
    while (!isStopped() && (await followWords(database))) await takeLease()
    await letGo()
    if (!isStopped() && (await isPolicyDue())) {
      const nowMicros = await retentionTime(database.pool)
      await announceDue(deps, { policy: retention.policy, nowMicros, isStopped })
      await thinCheckpoints(database, nowMicros)
    }
    return true
  }

  async function letGo(): Promise<void> {
    for (let steps = 1; !isStopped() && (await letGoNext(database, retention.follow)); steps++) {
      if (steps % 16 === 0 && !(await takeLease())) return
      // So that whoever stores rows gets a turn.
      await pause(5, ending.signal)
    }
  }

  /** The times are the database's, which all servers share. */
  async function takeLease(): Promise<boolean> {
    const { rowCount } = await database.pool.query(
      `UPDATE fleet_retention_lease SET server = $1, until = clock_timestamp() + interval '2 minutes'
      WHERE server IS NULL OR server = $1 OR until < clock_timestamp()`,
      [serverId],
    )
    return rowCount === 1
  }

  async function isPolicyDue(): Promise<boolean> {
    const { rowCount } = await database.pool.query(
      `UPDATE fleet_retention_lease SET swept_at = clock_timestamp()
      WHERE swept_at IS NULL OR swept_at < clock_timestamp() - make_interval(secs => $1)`,
      [policyEveryS],
    )
    return rowCount === 1
  }

  async function run(): Promise<void> {
    let hasFailed = false
    while (!isStopped()) {
      await pause(everyMs, ending.signal)
      if (isStopped()) return
      try {
        await turn()
        hasFailed = false
      } catch (error) {
        if (!hasFailed) fasten.log.error('retention_failed', { error: error as Error })
        hasFailed = true
      }
    }
  }

  const running = everyMs === 0 ? Promise.resolve() : run()
  return {
    turn,
    async close() {
      ending.abort()
      await running
      await database.pool
        .query('UPDATE fleet_retention_lease SET server = NULL WHERE server = $1', [serverId])
        .catch((error: unknown) => fasten.log.warn('retention_lease_kept', { error: error as Error }))
    },
  }
}
