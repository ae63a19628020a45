// SPDX-License-Identifier: Apache-2.0
import type { Fasten } from 'fasten'
import {
  parseLogName,
  policyHash,
  runsOf,
  sweptFacts,
  type RetentionPolicy,
  type SweptRun,
} from 'fasten/core'
import { sha256, type Hold } from 'fasten/store'
import { judgeRows, stretchRows, type Judgement, type PrunableRow } from 'fasten/store/replica'
import type { PoolClient } from 'pg'
import type { FleetDatabase } from '../../database/fleet-database.ts'
import { noTenant } from '../../database/tenant-scope.ts'
import { holdsOf } from '../holds/holds.ts'

export interface AnnounceDeps {
  readonly database: Pick<FleetDatabase, 'pool' | 'transact'>
  readonly fasten: Pick<Fasten, 'emit'>
}

export interface AnnounceOrder {
  readonly policy: RetentionPolicy
  /** Retention time. */
  readonly nowMicros: number
  /** True ends it after the transaction that is running. */
  readonly isStopped: () => boolean
}

/**
 * Of the rows of nodes, tells those that are due by the fleet's own policy: one row REPLICA_SWEPT for each log, stretch and class, in the fleet's own log of the
 * same tenant. They go once that row is stored and signed (let-go.ts), so nothing is gone that nothing explains, whenever somebody looks. Answers how
 * many rows were told.
 *
 * Rows that no checkpoint covers stay, and all rows of a log that a hold stands on at its node. Stretches in which nothing is due are not looked at again before
 * something is.
 */
export async function announceDue(deps: AnnounceDeps, order: AnnounceOrder): Promise<number> {
  if (!hasPeriods(order.policy)) return 0
  const hash = policyHash(order.policy, sha256)
  let told = 0
  for (const log of await replicas(deps)) {
    const due = await dueStretches(deps, log, hash, order.nowMicros)
    for (let at = 0; at < due.length && !order.isStopped(); at += stretchesMax)
      told += await deps.database.transact(async (sql) =>
        announce(sql, deps, { log, stretches: due.slice(at, at + stretchesMax), hash, order }),
      )
  }
  return told
}

const hasPeriods = ({ classes, rules, sys, api }: RetentionPolicy): boolean =>
  [sys, api, ...Object.values(classes), ...rules.map(({ days }) => days)].some((days) => days !== null)

interface ReplicaLog {
  readonly log_id: string
  readonly log: string
  readonly table_name: string
  readonly size: number
  /** Rows that a checkpoint covers. */
  readonly signed: number
}

async function replicas({ database }: AnnounceDeps): Promise<readonly ReplicaLog[]> {
  const { rows } = await database.pool.query<
    Record<'log_id' | 'log' | 'table_name' | 'size' | 'signed', string>
  >(
    `SELECT l.log_id, l.log, l.table_name, l.size, coalesce((
      SELECT max(c.size) FROM fasten_checkpoints c WHERE c.table_name = l.table_name AND c.log = l.log), 0) AS signed
    FROM fasten_logs l WHERE l.replica_frontier IS NOT NULL AND l.size > 0 AND NOT EXISTS (
      SELECT FROM fleet_node_holds h WHERE h.base = l.base AND h.table_name = l.table_name AND NOT h.released)
    ORDER BY l.log_id`,
  )
  return rows.map((row) => ({ ...row, size: Number(row.size), signed: Number(row.signed) }))
}

async function dueStretches(
  { database }: AnnounceDeps,
  { log_id, signed }: ReplicaLog,
  hash: string,
  nowMicros: number,
): Promise<readonly number[]> {
  const { rows } = await database.pool.query<{ stretch: string }>(
    `SELECT n AS stretch FROM generate_series(0, $4::bigint - 1) AS n WHERE NOT EXISTS (SELECT FROM fasten_stretches s
      WHERE s.log_id = $1 AND s.stretch = n AND s.policy_hash = $2 AND (s.due IS NULL OR s.due > $3)) ORDER BY n`,
    [log_id, hash, nowMicros, Math.ceil(signed / stretchRows)],
  )
  return rows.map(({ stretch }) => Number(stretch))
}

interface Announcement {
  readonly log: ReplicaLog
  readonly stretches: readonly number[]
  readonly hash: string
  readonly order: AnnounceOrder
}

async function announce(
  sql: PoolClient,
  { fasten }: AnnounceDeps,
  { log, stretches, hash, order }: Announcement,
): Promise<number> {
  const holds = await holdsOf(sql)
  const ordered = await orderedRuns(sql, log)
  let told = 0
  for (const stretch of stretches) {
    const found = judged(await rowsIn(sql, log, stretch, ordered), { log, holds, order })
    const groups = Map.groupBy(found.expired, (each) => each.class)
    for (const [of, group] of groups) {
      const runs = runsOf(group.map(({ row }) => row.monotonic_seq))
      for (let at = 0; at < runs.length; at += runsMax)
        await tell(sql, fasten, { log, hash, class: of, runs: runs.slice(at, at + runsMax) })
      told += group.length
    }
    // One that is still being filled is looked at again.
    if ((stretch + 1) * stretchRows <= log.size)
      await sql.query(
        `INSERT INTO fasten_stretches (log_id, stretch, policy_hash, due) VALUES ($1, $2, $3, $4)
        ON CONFLICT (log_id, stretch) DO UPDATE SET policy_hash = excluded.policy_hash, due = excluded.due`,
        [log.log_id, stretch, hash, found.dueMicros === null ? null : Math.ceil(found.dueMicros)],
      )
  }
  return told
}

/** Rows that are told already and have not gone yet. */
async function orderedRuns(sql: PoolClient, { log_id }: ReplicaLog): Promise<readonly SweptRun[]> {
  const { rows } = await sql.query<{ runs: readonly SweptRun[] }>(
    "SELECT runs FROM fleet_sweeps WHERE log_id = $1 AND done_at IS NULL AND told_by = 'fleet'",
    [log_id],
  )
  return rows.flatMap(({ runs }) => runs)
}

async function rowsIn(
  sql: PoolClient,
  { log_id, table_name }: ReplicaLog,
  stretch: number,
  ordered: readonly SweptRun[],
): Promise<readonly PrunableRow[]> {
  const { rows } = await sql.query<{ monotonic_seq: string; position: string; leaf: string; hash: string }>(
    `SELECT monotonic_seq, position, leaf, hash FROM "${table_name}" t
    WHERE log_id = $1 AND monotonic_seq BETWEEN $2 AND $3 AND leaf IS NOT NULL AND hash IS NOT NULL
      AND NOT EXISTS (SELECT FROM fasten_expired e WHERE e.log_id = t.log_id AND e.monotonic_seq = t.monotonic_seq)
    ORDER BY monotonic_seq`,
    [log_id, stretch * stretchRows, (stretch + 1) * stretchRows - 1],
  )
  return rows
    .map(({ monotonic_seq, position, leaf, hash }) => ({
      monotonic_seq: Number(monotonic_seq),
      position: Number(position),
      leaf,
      hash,
      hasDetailValues: false,
    }))
    .filter(({ monotonic_seq: seq }) => !ordered.some(([from, to]) => from <= seq && seq <= to))
}

function judged(
  rows: readonly PrunableRow[],
  about: { readonly log: ReplicaLog; readonly holds: readonly Hold[]; readonly order: AnnounceOrder },
): Judgement {
  const { log, holds, order } = about
  return judgeRows(rows, {
    stream: parseLogName(log.log)?.stream ?? 'audit',
    policy: order.policy,
    nowMicros: order.nowMicros,
    holds,
    replicatedSize: Infinity,
    anchoredSize: log.signed,
    digest: sha256,
  })
}

async function tell(
  sql: PoolClient,
  fasten: AnnounceDeps['fasten'],
  about: {
    readonly log: ReplicaLog
    readonly hash: string
    readonly class: string
    readonly runs: readonly SweptRun[]
  },
): Promise<void> {
  const { log, hash, runs } = about
  const count = runs.reduce((sum, [from, to]) => sum + to - from + 1, 0)
  const tenant_id = parseLogName(log.log)?.tenant_id
  const { rows } = await sql.query<{ sweep_id: string }>(
    `INSERT INTO fleet_sweeps (log_id, tenant, told_by, class, policy_hash, runs, rows)
    VALUES ($1, $2, 'fleet', $3, $4, $5, $6) RETURNING sweep_id`,
    [log.log_id, tenant_id ?? noTenant, about.class, hash, JSON.stringify(runs), count],
  )
  const [from = 0, to = 0] = [runs[0]?.[0], runs.at(-1)?.[1]]
  const facts = sweptFacts({ log: log.log, from, to, class: about.class, count, policy_hash: hash, runs })
  await fasten.emit(sql, {
    code: 'REPLICA_SWEPT',
    target: log.log,
    target_kind: 'log',
    actor: 'fleet',
    actor_kind: 'system',
    ...(tenant_id === undefined ? {} : { tenant_id }),
    detail: { ...facts, order: Number(rows[0]?.sweep_id) },
  })
}

/** Of two numbers of 15 digits each a leaf holds as many. */
const runsMax = 1_500
/** Of one transaction. */
const stretchesMax = 2
