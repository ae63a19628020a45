// SPDX-License-Identifier: Apache-2.0
import { genesis } from '../../../core/chain.ts'
import type { Digest } from '../../../core/digest.ts'
import { parseLogName } from '../../../core/log-name.ts'
import { createHeadMemory, generationOf } from '../../heads.ts'
import { defaultTables, tableOf, type StreamTables } from '../../row-tables.ts'
import { lockLogs } from '../locked-logs.ts'
import { prefixOf } from '../migrate.ts'
import { isReplica } from '../schema.ts'
import type { Sql, SqlRecord } from '../sql.ts'
import { holdReplica, type HeldReplica } from './held-replica.ts'
import { replicaSql, type Queries, type ReplicaSql } from './queries.ts'

export interface ReplicaOptions {
  /** Where fasten's tables lie, laid out by `openStore` of this version. Bare name. */
  readonly schema: string
  /** Default: the usual ones. */
  readonly tables?: StreamTables
  readonly digest: Digest
  /** Canonical timestamp of now. */
  readonly now: () => string
}

/** Where a log stands in this store. */
export interface ReplicaPlace {
  readonly log: string
  readonly size: number
  /** Hash of the newest row, or `genesis`. */
  readonly head_hash: string
  /** Rows that the largest checkpoint kept here covers. */
  readonly signed_size: number
  /** False for a log that this store writes itself, which takes no rows of others. */
  readonly isReplica: boolean
}

/**
 * Logs that other stores write, kept row for row: the same bytes, numbers, hashes and checkpoints, so that verification says of a copy what it says
 * of the original. A log is either written here or a replica, never both: a store that finds a replica under the name of
 * its own log does not append (`LOG_IS_REPLICA`), sweeps leave replicas alone, and no row of others enters a log that is written here.
 */
export interface Replica {
  /** Of each log that there is. Sees what is committed. */
  places(client: Queries, logs: readonly string[]): Promise<ReadonlyMap<string, ReplicaPlace>>
  /**
   * In the caller's transaction, on its connection: locks the head of `log` until that ends, making it first where there is none, and answers
   * what may be done with it. Everybody else who would write the log waits. Hold one log in a transaction.
   *
   * Throws FastenError `LOG_NOT_REPLICA` for a log that is written here, and a TypeError for a text that is no name of a log.
   */
  hold(client: Queries, log: string): Promise<HeldReplica>
}

export function createReplica({ schema, tables = defaultTables, digest, now }: ReplicaOptions): Replica {
  const prefix = prefixOf(schema)
  const table = tableOf(tables)
  let month = ''

  async function lookAt(sql: ReplicaSql, log: string): Promise<SqlRecord | undefined> {
    const [found] = await sql.run(
      `SELECT l.log_id, l.size, l.head_hash, l.replica_frontier, (now() AT TIME ZONE 'UTC')::date::text AS today
      FROM ${prefix}fasten_logs l WHERE l.table_name = $1 AND l.log = $2 FOR UPDATE OF l`,
      [table(log), log],
      'hold',
    )
    return found
  }

  /** Under the lock that everybody takes who makes a log; somebody may just have done it. */
  async function make(sql: ReplicaSql, log: string): Promise<SqlRecord | undefined> {
    const memory = createHeadMemory()
    const all = Object.values(tables)
    const locked = await lockLogs(sql as Sql, { schema, tables: all, memory, mayOpenLogs: true })
    const found = await lookAt(sql, log)
    if (found !== undefined) return found
    const logId = await locked.create(table(log), generationOf(log).base, log, now())
    await sql.run(`UPDATE ${prefix}fasten_logs SET replica_frontier = '' WHERE log_id = $1`, [logId])
    return lookAt(sql, log)
  }

  /** Partitions are there for the day of storing and two months more. */
  async function enter(sql: ReplicaSql, today: string): Promise<void> {
    if (today.slice(0, 7) === month) return
    for (const each of Object.values(tables))
      await sql.run(`SELECT ${prefix}fasten_make_months($1, $2::date, 3)`, [each, today])
    month = today.slice(0, 7)
  }

  return {
    async places(client, logs) {
      const found = await replicaSql(client).run(
        `SELECT l.log, l.size, l.head_hash, ${isReplica('l')} AS is_replica, coalesce((
          SELECT max(c.size) FROM ${prefix}fasten_checkpoints c WHERE c.table_name = l.table_name AND c.log = l.log), 0) AS signed
        FROM ${prefix}fasten_logs l WHERE l.log = ANY($1) AND l.table_name = ANY($2)`,
        [logs, Object.values(tables)],
        'places',
      )
      return new Map(found.map((record) => [String(record['log']), placeOf(record)]))
    },
    async hold(client, log) {
      if (parseLogName(log) === undefined)
        throw new TypeError(`${JSON.stringify(log)} is not the name of a log`)
      const sql = replicaSql(client)
      const line = (await lookAt(sql, log)) ?? (await make(sql, log))
      const today = String(line?.['today'])
      await enter(sql, today)
      return holdReplica(sql, { log, line: line ?? {}, table: table(log), prefix, digest, now, today })
    },
  }
}

function placeOf(record: SqlRecord): ReplicaPlace {
  return {
    log: String(record['log']),
    size: Number(record['size'] ?? 0),
    head_hash: String(record['head_hash'] ?? genesis),
    signed_size: Number(record['signed'] ?? 0),
    isReplica: record['is_replica'] === true,
  }
}
