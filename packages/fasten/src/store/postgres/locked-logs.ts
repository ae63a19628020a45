// SPDX-License-Identifier: Apache-2.0
import type { Head } from '../../core/chain.ts'
import { FastenError } from '../../core/error.ts'
import type { HeadLooks, HeadMemory, HeadRecord, OpenLog } from '../heads.ts'
import { prefixOf } from './migrate.ts'
import { lockClass } from './schema.ts'
import type { Sql } from './sql.ts'

export interface BaseOfTable {
  readonly table: string
  /** Name of the log, generation 1. */
  readonly base: string
}

/** The logs that a transaction holds. */
export interface LockedLogs {
  /** Locks the heads of all generations of these logs and reads them. Throws `NewLogs` when one is missing and none may be opened. */
  lock(wanted: readonly BaseOfTable[]): Promise<void>
  readonly looks: HeadLooks
  /** A new line for a log; answers its `log_id`, above every one that any row carries. */
  create(table: string, base: string, log: string, now: string): Promise<number>
  /** Moves each head from where it was to where it is. Throws FastenError `STORE_BUSY` when one is not where it was. */
  move(moved: readonly (readonly [log: OpenLog, before: Head])[], now: string): Promise<void>
}

/** A log must be opened, for which the lock of new logs has to be taken before any head is. */
export class NewLogs extends Error {
  constructor() {
    super('a log must be opened')
  }
}

interface Seen extends HeadRecord {
  readonly newest: { readonly monotonic_seq: number; readonly hash: string | null } | undefined
  readonly known: { readonly monotonic_seq: number; readonly hash: string | null } | undefined
}

export async function lockLogs(
  sql: Sql,
  {
    schema,
    tables,
    memory,
    mayOpenLogs,
  }: {
    readonly schema: string
    readonly tables: readonly string[]
    readonly memory: HeadMemory
    readonly mayOpenLogs: boolean
  },
): Promise<LockedLogs> {
  const prefix = prefixOf(schema)
  const seen = new Map<string, Seen[]>()
  const byId = new Map<number, Seen>()
  if (mayOpenLogs)
    await sql.run('SELECT pg_advisory_xact_lock($1, hashtext($2))', [lockClass, `${schema} logs`])

  async function lock(wanted: readonly BaseOfTable[]): Promise<void> {
    const fresh = wanted.filter((one) => !seen.has(keyOf(one)))
    if (fresh.length === 0) return
    const held = await sql.run(
      `SELECT l.log_id FROM ${prefix}fasten_logs l
      JOIN unnest($1::text[], $2::text[]) AS w (table_name, base) ON l.base = w.base AND l.table_name = w.table_name
      ORDER BY l.log_id FOR UPDATE OF l`,
      [fresh.map(({ table }) => table), fresh.map(({ base }) => base)],
      'fasten_lock',
    )
    const heldIds = new Set(held.map(({ log_id }) => Number(log_id)))
    for (const one of fresh) seen.set(keyOf(one), [])
    for (const table of new Set(fresh.map((one) => one.table)))
      await look(
        table,
        fresh.filter((one) => one.table === table).map(({ base }) => base),
        heldIds,
      )
    if (!mayOpenLogs && fresh.some((one) => seen.get(keyOf(one))?.length === 0)) throw new NewLogs()
  }

  /**
   * Read by a statement of its own: what a locking statement reads beside the locked row is as old as its beginning, from before
   * the wait for the lock.
   */
  async function look(table: string, bases: readonly string[], heldIds: ReadonlySet<number>): Promise<void> {
    const left = bases.map((base) => Math.max(memory.left(table, base)?.size ?? 0, 0) - 1)
    const rows = await sql.run(
      `SELECT l.log_id, l.base, l.log, l.size, l.head_hash, l.position, l.public_keys, l.replica_frontier,
        n.monotonic_seq AS newest_seq, n.hash AS newest_hash, k.monotonic_seq AS known_seq, k.hash AS known_hash
      FROM unnest($2::text[], $3::bigint[]) AS w (base, left_at)
      JOIN ${prefix}fasten_logs l ON l.base = w.base AND l.table_name = $1
      LEFT JOIN LATERAL (
        SELECT r.monotonic_seq, r.hash FROM ${prefix}"${table}" r WHERE r.log_id = l.log_id
        ORDER BY r.monotonic_seq DESC LIMIT 1) n ON true
      LEFT JOIN LATERAL (
        SELECT r.monotonic_seq, r.hash FROM ${prefix}"${table}" r
        WHERE r.log_id = l.log_id AND r.monotonic_seq = w.left_at
        UNION ALL SELECT e.monotonic_seq, encode(e.hash, 'hex') FROM ${prefix}fasten_expired e
        WHERE e.log_id = l.log_id AND e.monotonic_seq = w.left_at LIMIT 1) k ON true`,
      [table, bases, left],
      `fasten_look_${table}`.slice(0, 63),
    )
    for (const row of rows) {
      const logId = Number(row['log_id'])
      // Somebody opened a later generation while we waited for the lock of an earlier one.
      if (!heldIds.has(logId)) throw new NewLogs()
      if (row['replica_frontier'] !== null)
        throw new FastenError('LOG_IS_REPLICA', 'this log is written by another store and only kept here', {
          at: String(row['log']),
          hint: 'give this service another service_id or source_node_id, or its own schema: ?schema=NAME',
        })
      const record: Seen = {
        logId,
        head: { log: String(row['log']), size: Number(row['size']), head_hash: String(row['head_hash']) },
        position: Number(row['position']),
        publicKeys: String(row['public_keys']),
        newest: rowOf(row['newest_seq'], row['newest_hash']),
        known: rowOf(row['known_seq'], row['known_hash']),
      }
      seen.get(keyOf({ table, base: String(row['base']) }))?.push(record)
      byId.set(logId, record)
    }
  }

  return {
    lock,
    looks: {
      generations: (table, base) => seen.get(keyOf({ table, base })) ?? [],
      newestRow: ({ logId }) => byId.get(logId)?.newest,
      hashAt({ logId }, monotonic_seq) {
        const known = byId.get(logId)?.known
        return known?.monotonic_seq === monotonic_seq ? known.hash : undefined
      },
    },
    async create(table, base, log, now) {
      if (!mayOpenLogs) throw new NewLogs()
      const carried = tables.map(
        (each) => `(SELECT max(log_id) FROM ${prefix}"${each}" WHERE log_id < ${strayFrom})`,
      )
      const [counter] = await sql.run(
        `UPDATE ${prefix}fasten_counters SET value = 1 + greatest(value,
          (SELECT max(log_id) FROM ${prefix}fasten_logs WHERE log_id < ${strayFrom}), ${carried.join(', ')})
        WHERE name = 'log_id' RETURNING value`,
      )
      const logId = Number(counter?.['value'])
      await sql.run(
        `INSERT INTO ${prefix}fasten_logs (log_id, table_name, base, log, size, head_hash, position, moved_at)
        VALUES ($1, $2, $3, $4, 0, 'genesis', 0, $5)`,
        [logId, table, base, log, now],
      )
      return logId
    },
    async move(moved, now) {
      const changed = await sql.change(
        `UPDATE ${prefix}fasten_logs l
        SET size = m.size, head_hash = m.head_hash, position = m.position, moved_at = $7, public_keys = m.public_keys
        FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::bigint[], $5::text[], $6::bigint[], $8::text[])
          AS m (log_id, old_size, old_hash, size, head_hash, position, public_keys)
        WHERE l.log_id = m.log_id AND l.size = m.old_size AND l.head_hash = m.old_hash`,
        [
          moved.map(([log]) => log.logId),
          moved.map(([, before]) => before.size),
          moved.map(([, before]) => before.head_hash),
          moved.map(([log]) => log.head.size),
          moved.map(([log]) => log.head.head_hash),
          moved.map(([log]) => log.position),
          now,
          moved.map(([log]) => log.publicKeys ?? ''),
        ],
        'fasten_move',
      )
      if (changed === moved.length) return
      throw new FastenError('STORE_BUSY', 'the head of a log was moved by somebody who did not lock it', {
        at: schema,
        hint: 'nothing was stored and the batch is tried again; look for who else writes fasten_logs',
      })
    },
  }
}

/** Numbers from here on were written by another hand: no counter reaches them. */
export const strayFrom = 1e15

const keyOf = ({ table, base }: BaseOfTable): string => `${table} ${base}`

const rowOf = (seq: unknown, hash: unknown) =>
  seq === null || seq === undefined
    ? undefined
    : { monotonic_seq: Number(seq), hash: hash === null || hash === undefined ? null : (hash as string) }
