// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto'
import type { RetentionPolicy, SweptRun } from 'fasten/core'
import { sha256, type Hold } from 'fasten/store'
import { judgeRows, type Judgement, type PrunableRow } from 'fasten/store/replica'
import type { PoolClient } from 'pg'
import type { FleetDatabase } from '../../database/fleet-database.ts'
import type { TenantScope } from '../../database/tenant-scope.ts'
import { holdsOf } from '../holds/holds.ts'

/**
 * Lets go of the content of some rows that a stored and signed row names, in one transaction: leaf and columns go, the hash stays at its place. Answers
 * false when nothing is left to do now.
 *
 * It takes no row that a hold of this fleet keeps, no row 0, none of the node's store itself but its heartbeats (or what they explain would be
 * unexplained), and none whose leaf is not what was hashed. What a node let go is followed for `follow` only. What this fleet lets go by itself waits
 * while a hold stands at the node: which rows that one keeps, nobody here knows.
 */
export async function letGoNext(
  database: Pick<FleetDatabase, 'transact'>,
  follow: TenantScope,
): Promise<boolean> {
  return database.transact(async (sql) => {
    await sql.query("SET LOCAL lock_timeout = '15s'; SET LOCAL statement_timeout = '60s'")
    // A hold that is placed meanwhile waits for this transaction, and holds what is left after it.
    await sql.query('LOCK TABLE fasten_holds IN SHARE MODE')
    const holds = await holdsOf(sql)
    const known = digestOf(holds)
    const order = await nextOrder(sql, follow, known)
    if (order === undefined) return false
    const seqs = numbersFrom(order.runs, Number(order.next_seq), rowsMax)
    const { expired, kept } = judged(await rowsAt(sql, order, seqs), order, holds)
    await take(sql, order, expired)
    const last = seqs.at(-1)
    const isEnd = seqs.length < rowsMax || last === order.runs.at(-1)?.[1]
    const held = Number(order.held) + kept.held
    await sql.query(
      `UPDATE fleet_sweeps SET gone = gone + $2, held = $3, next_seq = $4, holds = $5,
        done_at = CASE WHEN $6 THEN clock_timestamp() END WHERE sweep_id = $1`,
      [
        order.sweep_id,
        expired.length,
        held,
        isEnd ? 0 : (last ?? 0) + 1,
        isEnd && held > 0 ? known : null,
        isEnd && held === 0,
      ],
    )
    return true
  })
}

interface Order {
  readonly sweep_id: string
  readonly log_id: string
  readonly table_name: string
  readonly runs: readonly SweptRun[]
  readonly next_seq: string
  readonly held: string
}

async function nextOrder(sql: PoolClient, follow: TenantScope, holds: string): Promise<Order | undefined> {
  const { rows } = await sql.query<Order>(
    `SELECT s.sweep_id, s.log_id, l.table_name, s.runs, s.next_seq, CASE WHEN s.next_seq = 0 THEN 0 ELSE s.held END AS held
    FROM fleet_sweeps s JOIN fasten_logs l ON l.log_id = s.log_id JOIN fasten_logs t ON t.log_id = s.told_log_id
    WHERE s.done_at IS NULL AND s.told_by = ANY ($1) AND (s.told_by = 'fleet' OR $2 OR s.tenant = ANY ($3))
      AND (s.holds IS NULL OR s.holds <> $4)
      AND EXISTS (SELECT FROM fasten_checkpoints c WHERE c.table_name = t.table_name AND c.log = t.log AND c.size > s.told_seq)
      AND NOT (s.told_by = 'fleet' AND EXISTS (SELECT FROM fleet_node_holds h
        WHERE h.base = l.base AND h.table_name = l.table_name AND NOT h.released))
    ORDER BY s.sweep_id LIMIT 1 FOR UPDATE OF s SKIP LOCKED`,
    [
      follow.length === 0 ? ['fleet'] : ['fleet', 'node'],
      follow === 'all',
      follow === 'all' ? [] : follow,
      holds,
    ],
  )
  return rows[0]
}

async function rowsAt(
  sql: PoolClient,
  { log_id, table_name }: Order,
  seqs: readonly number[],
): Promise<readonly PrunableRow[]> {
  const { rows } = await sql.query<{ monotonic_seq: string; position: string; leaf: string; hash: string }>(
    `SELECT monotonic_seq, position, leaf, hash FROM "${table_name}" t
    WHERE log_id = $1 AND monotonic_seq = ANY ($2::bigint[]) AND leaf IS NOT NULL AND hash IS NOT NULL
      AND NOT EXISTS (SELECT FROM fasten_expired e WHERE e.log_id = t.log_id AND e.monotonic_seq = t.monotonic_seq)
    ORDER BY monotonic_seq`,
    [log_id, seqs],
  )
  return rows.map(({ monotonic_seq, position, leaf, hash }) => ({
    monotonic_seq: Number(monotonic_seq),
    position: Number(position),
    leaf,
    hash,
    hasDetailValues: false,
  }))
}

/** By the laws of every sweep, with a period that is over for every row: whether it is over, whoever ordered this has judged. */
function judged(rows: readonly PrunableRow[], { table_name }: Order, holds: readonly Hold[]): Judgement {
  return judgeRows(rows, {
    stream: table_name === 'sys_log' ? 'sys' : table_name === 'api_log' ? 'api' : 'audit',
    policy: atOnce,
    nowMicros: Number.MAX_SAFE_INTEGER,
    holds,
    replicatedSize: Infinity,
    anchoredSize: Infinity,
    digest: sha256,
  })
}

async function take(
  sql: PoolClient,
  { log_id, table_name }: Order,
  expired: Judgement['expired'],
): Promise<void> {
  if (expired.length === 0) return
  await sql.query("SET LOCAL fasten.sweep = 'on'")
  await sql.query(
    `WITH gone AS (
      DELETE FROM "${table_name}" WHERE position = ANY ($1::bigint[]) AND log_id = $2 RETURNING log_id, monotonic_seq, position, hash
    ) INSERT INTO fasten_expired (log_id, monotonic_seq, position, hash)
    SELECT log_id, monotonic_seq, position, decode(hash, 'hex') FROM gone`,
    [expired.map(({ row }) => row.position), log_id],
  )
  await sql.query(
    `INSERT INTO fasten_retention AS r (log_id, expired) VALUES ($1, $2)
    ON CONFLICT (log_id) DO UPDATE SET expired = r.expired + excluded.expired`,
    [log_id, expired.length],
  )
}

/** At most `max` of the numbers in `runs` from `from` on. */
export function numbersFrom(runs: readonly SweptRun[], from: number, max: number): readonly number[] {
  const seqs: number[] = []
  for (const [first, last] of runs)
    for (let seq = Math.max(first, from); seq <= last; seq++) {
      seqs.push(seq)
      if (seqs.length === max) return seqs
    }
  return seqs
}

function digestOf(holds: readonly Hold[]): string {
  const standing = holds.filter(({ released_at }) => released_at === null).map(({ hold_id }) => hold_id)
  return createHash('sha256').update(standing.join()).digest('hex')
}

const atOnce: RetentionPolicy = {
  classes: { short: 0, medium: 0, long: 0, regulated: 0, permanent: 0 },
  rules: [{ of: '*', days: 0 }],
  sys: 0,
  api: 0,
}
/** Of one transaction: some tens of milliseconds in which the rows' index pages are busy. */
const rowsMax = 1_024
