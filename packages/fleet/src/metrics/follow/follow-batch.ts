// SPDX-License-Identifier: Apache-2.0
import type { PoolClient } from 'pg'
import type { FleetDatabase } from '../../database/fleet-database.ts'
import type { NameLimits } from './admit-names.ts'
import { countApi } from './count-api.ts'
import { countAudit } from './count-audit.ts'
import { isKept, readKept } from './kept.ts'
import { takeApi, takeAudit, type FollowedStream, type Taken } from './take-rows.ts'
import { bucketOf } from '../tiers.ts'

export interface BatchOptions {
  readonly stream: FollowedStream
  readonly rowsMax: number
  readonly limits: NameLimits
}

/** `behind`: more rows wait. `reached`: none do. `elsewhere`: another server counts this stream's rows just now. */
export type BatchEnd = 'behind' | 'reached' | 'elsewhere'

/**
 * Counts the next rows of a stream. Rows, buckets and cursor are one transaction under the lock of the cursor's line: a row is counted once,
 * whoever dies when, and of several servers one counts while the others go on with something else.
 */
export async function followBatch(
  database: Pick<FleetDatabase, 'transact' | 'pool'>,
  { stream, rowsMax, limits }: BatchOptions,
): Promise<BatchEnd> {
  if (!(await hasMore(database, stream))) return 'reached'
  return database.transact(async (sql) => {
    // A server that is cut off must not keep the others from counting for longer than this.
    await sql.query(
      "SET LOCAL idle_in_transaction_session_timeout = '30s'; SET LOCAL statement_timeout = '60s'",
    )
    const { rows } = await sql.query<{ position: string }>(
      'SELECT position FROM fleet_red_cursors WHERE stream = $1 FOR UPDATE SKIP LOCKED',
      [stream],
    )
    if (rows[0] === undefined) return 'elsewhere'
    const behind = Number(rows[0].position)
    const kept = await readKept(sql)
    const into = { limits, kept }
    const taken =
      stream === 'api'
        ? await counted(await takeApi(sql, behind, rowsMax), (samples) => countApi(sql, samples, into))
        : await counted(await takeAudit(sql, behind, rowsMax), (samples) => countAudit(sql, samples, into))
    await move(sql, stream, {
      position: taken.position,
      untimed: taken.untimed,
      counted: taken.seconds.length,
      tooLate: taken.seconds.filter((second) => !isKept(kept, 'day', bucketOf('day', second))).length,
    })
    return taken.isAll ? 'reached' : 'behind'
  })
}

/** Without a lock, and so without writing: most looks find nothing. */
async function hasMore({ pool }: Pick<FleetDatabase, 'pool'>, stream: FollowedStream): Promise<boolean> {
  const { rows } = await pool.query(
    `SELECT FROM fleet_red_cursors r JOIN fasten_counters c ON c.name = 'position' AND c.value > r.position WHERE r.stream = $1`,
    [stream],
  )
  return rows.length > 0
}

interface Counted {
  readonly position: number
  readonly isAll: boolean
  /** Rows whose time cannot be read. */
  readonly untimed: number
  /** When the others happened. */
  readonly seconds: readonly number[]
}

async function counted<S extends { readonly second: number | undefined }>(
  { samples, position, isAll }: Taken<S>,
  count: (samples: readonly (S & { readonly second: number })[]) => Promise<void>,
): Promise<Counted> {
  const timed = samples.filter(
    (sample): sample is S & { readonly second: number } => sample.second !== undefined,
  )
  await count(timed)
  return {
    position,
    isAll,
    untimed: samples.length - timed.length,
    seconds: timed.map(({ second }) => second),
  }
}

interface Move {
  readonly position: number
  readonly counted: number
  readonly untimed: number
  readonly tooLate: number
}

async function move(sql: PoolClient, stream: FollowedStream, by: Move): Promise<void> {
  await sql.query(
    `UPDATE fleet_red_cursors SET position = $2, counted = counted + $3, untimed = untimed + $4, too_late = too_late + $5,
      moved_at = clock_timestamp() WHERE stream = $1`,
    [stream, by.position, by.counted, by.untimed, by.tooLate],
  )
}
