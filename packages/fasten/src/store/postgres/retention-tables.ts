// SPDX-License-Identifier: Apache-2.0
/** What a pruner reads of a Postgres schema. Every function answers for a schema from before there were these tables, too. */
import type { StreamName } from '../../core/row.ts'
import { generationOf } from '../heads.ts'
import type { ShippedLog } from '../ports.ts'
import { holdFrom, type Hold } from '../retention/hold.ts'
import type { PrunableRow } from '../retention/judge.ts'
import { stretchRows, type PrunableLog } from '../retention/pruner.ts'
import type { ClockMark } from '../retention/retention-clock.ts'
import { isReplica } from './schema.ts'
import type { Sql } from './sql.ts'

/** Where to read: names are written with `prefix` before them. */
export interface RetentionPlace {
  readonly sql: Sql
  readonly prefix: string
  readonly tables: ReadonlyMap<StreamName, string>
}

/** A log with what the store keeps of it for sweeping. */
export interface SweptLog extends PrunableLog {
  readonly logId: string
  readonly table: string
  readonly replicatedSize: number
}

/** All logs that are written here, or the one of them that is named: what happens to rows of replicas, their own store decides. */
export async function sweptLogs(place: RetentionPlace, only?: string): Promise<SweptLog[]> {
  if (!(await isKept(place))) return []
  const { sql, prefix, tables } = place
  const logs: SweptLog[] = []
  for (const [stream, table] of tables) {
    const found = await sql.run(
      `SELECT l.log_id, log, size, policy_hash, coalesce(expired, 0) AS expired, coalesce(replicated_size, 0) AS replicated_size
      FROM ${prefix}fasten_logs l LEFT JOIN ${prefix}fasten_retention r ON r.log_id = l.log_id
      WHERE table_name = $1 AND ($2::text IS NULL OR l.base = $2) AND NOT ${isReplica('l')} ORDER BY log`,
      // With one that is named come its other generations: they say whether it is the newest.
      [table, only === undefined ? null : generationOf(only).base],
    )
    const newest = new Map<string, number>()
    for (const { log } of found) {
      const { base, generation } = generationOf(String(log))
      newest.set(base, Math.max(generation, newest.get(base) ?? 0))
    }
    for (const record of found) {
      const { base, generation } = generationOf(String(record['log']))
      if (only !== undefined && record['log'] !== only) continue
      logs.push({
        log: String(record['log']),
        stream,
        size: Number(record['size']),
        expired: Number(record['expired']),
        policy_hash: textOrNull(record['policy_hash']),
        isNewest: newest.get(base) === generation,
        logId: String(record['log_id']),
        table,
        replicatedSize: Number(record['replicated_size']),
      })
    }
  }
  return logs
}

/** What was recorded of rows that are elsewhere too. */
export async function shippedLogs(place: RetentionPlace): Promise<readonly ShippedLog[]> {
  if (!(await isKept(place))) return []
  const { sql, prefix, tables } = place
  // By way of JSON, since the column of the time is not there before layout 8.
  const found = await sql.run(
    `SELECT log, replicated_size, to_jsonb(r) ->> 'replicated_at' AS at
    FROM ${prefix}fasten_retention r JOIN ${prefix}fasten_logs USING (log_id)
    WHERE table_name = ANY($1) AND replicated_size > 0 ORDER BY log`,
    [[...tables.values()]],
  )
  return found.map(({ log, replicated_size, at }) => ({
    log: String(log),
    size: Number(replicated_size),
    at: textOrNull(at),
  }))
}

export async function dueStretches(
  { sql, prefix }: RetentionPlace,
  { logId, size }: SweptLog,
  policyHash: string,
  nowMicros: number,
): Promise<number[]> {
  const quiet = await sql.run(
    `SELECT stretch FROM ${prefix}fasten_stretches WHERE log_id = $1 AND policy_hash = $2 AND (due IS NULL OR due > $3)`,
    [logId, policyHash, nowMicros],
  )
  const isQuiet = new Set(quiet.map(({ stretch }) => Number(stretch)))
  return Array.from({ length: Math.ceil(size / stretchRows) }, (_, stretch) => stretch).filter(
    (stretch) => !isQuiet.has(stretch),
  )
}

export async function nextDue(place: RetentionPlace, policyHash: string): Promise<number | null> {
  if (!(await isKept(place))) return null
  const [row] = await place.sql.run(
    `SELECT min(due) AS due FROM ${place.prefix}fasten_stretches WHERE policy_hash = $1`,
    [policyHash],
  )
  return (row?.['due'] ?? null) === null ? null : Number(row?.['due'])
}

/** SQL: a disclosure is one of a detail. */
export const inDetail = "(pointer = '/detail' OR starts_with(pointer, '/detail/'))"

/** SQL: whether values of its detail lie beside the row `t`. Only audit rows say of themselves that their detail is personal. */
export const hasDetailValues = (prefix: string, stream: StreamName): string =>
  stream === 'audit'
    ? `(pii_in_detail IS NOT NULL AND EXISTS (
        SELECT FROM ${prefix}fasten_disclosures d WHERE d.position = t.position AND ${inDetail}))`
    : 'false'

/** The rows of a stretch that are whole enough to be judged; what lies beside a hash that was kept is not. */
export async function rowsIn(
  { sql, prefix }: RetentionPlace,
  { logId, table, stream }: SweptLog,
  stretch: number,
): Promise<PrunableRow[]> {
  const isThere = await hasTable(sql, prefix, 'fasten_disclosures')
  const rows = await sql.run(
    `SELECT monotonic_seq, position, leaf, hash, ${isThere ? hasDetailValues(prefix, stream) : 'false'} AS has_detail_values FROM ${prefix}"${table}" t
    WHERE log_id = $1 AND monotonic_seq BETWEEN $2 AND $3 AND leaf IS NOT NULL AND hash IS NOT NULL
      AND NOT EXISTS (SELECT 1 FROM ${prefix}fasten_expired e
        WHERE e.log_id = t.log_id AND e.monotonic_seq = t.monotonic_seq)
    ORDER BY monotonic_seq`,
    [logId, stretch * stretchRows, (stretch + 1) * stretchRows - 1],
  )
  return rows.map((row) => ({
    monotonic_seq: Number(row['monotonic_seq']),
    position: Number(row['position']),
    leaf: String(row['leaf']),
    hash: String(row['hash']),
    hasDetailValues: row['has_detail_values'] === true,
  }))
}

export async function allHolds(place: RetentionPlace): Promise<Hold[]> {
  if (!(await isKept(place))) return []
  const rows = await place.sql.run(`SELECT * FROM ${place.prefix}fasten_holds ORDER BY placed_at, hold_id`)
  return rows.map(holdFrom)
}

export async function clockMarks(place: RetentionPlace): Promise<ClockMark[]> {
  if (!(await isKept(place))) return []
  const rows = await place.sql.run(`SELECT machine, uptime, trusted FROM ${place.prefix}fasten_clock`)
  return rows.map(({ machine, uptime, trusted }) => ({
    machine: String(machine),
    uptimeMicros: Number(uptime),
    trustedMicros: Number(trusted),
  }))
}

/** When the newest rows were stored, as text; null for an empty store. */
export async function newestMove({ sql, prefix }: RetentionPlace): Promise<string | null> {
  const [row] = await sql.run(`SELECT max(moved_at) AS moved_at FROM ${prefix}fasten_logs`)
  return textOrNull(row?.['moved_at'])
}

/** Rows from this number on are covered by no signed checkpoint. */
export async function anchoredSize(
  { sql, prefix }: RetentionPlace,
  { log, table }: SweptLog,
): Promise<number> {
  if (!(await hasTable(sql, prefix, 'fasten_checkpoints'))) return 0
  const [row] = await sql.run(
    `SELECT max(size) AS size FROM ${prefix}fasten_checkpoints WHERE table_name = $1 AND log = $2`,
    [table, log],
  )
  return Number(row?.['size'] ?? 0)
}

/** True once the schema has the tables that sweeping needs. */
export const isKept = ({ sql, prefix }: Pick<RetentionPlace, 'sql' | 'prefix'>): Promise<boolean> =>
  hasTable(sql, prefix, 'fasten_expired')

/** `prefix` is a quoted schema and a dot, as a name for `to_regclass` begins. */
export async function hasTable(sql: Sql, prefix: string, table: string): Promise<boolean> {
  const [row] = await sql.run('SELECT to_regclass($1) IS NOT NULL AS found', [`${prefix}${table}`])
  return row?.['found'] === true
}

const textOrNull = (value: unknown): string | null => (typeof value === 'string' ? value : null)
