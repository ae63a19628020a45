// SPDX-License-Identifier: Apache-2.0
import { canonicalize } from '../../core/canonical.ts'
import type { Digest } from '../../core/digest.ts'
import { ownBootPrefix } from '../../core/emission.ts'
import { FastenError, systemCode } from '../../core/error.ts'
import { readJson } from '../../core/read-json.ts'
import { policyHash } from '../../core/retention-policy.ts'
import type { JsonObject, StreamName } from '../../core/row.ts'
import { addToRuns } from '../../core/swept.ts'
import { generationOf } from '../heads.ts'
import type { Hold } from '../retention/hold.ts'
import { judgeRows, type PrunableRow } from '../retention/judge.ts'
import { isSweepable, type MonthsOrder, type PrunedLog } from '../retention/pruner.ts'
import { notContinued, sweepRows } from '../retention/sweep-rows.ts'
import type { PostgresDeed } from './append.ts'
import { earlierMonths, type Month } from './compact.ts'
import {
  allHolds,
  anchoredSize,
  hasDetailValues,
  sweptLogs,
  type RetentionPlace,
  type SweptLog,
} from './retention-tables.ts'

export interface MonthPruning {
  readonly order: MonthsOrder
  readonly digest: Digest
  readonly read: <T>(work: (place: RetentionPlace) => Promise<T>) => Promise<T>
  readonly transact: <T>(
    logs: readonly string[],
    work: (deed: PostgresDeed, place: RetentionPlace) => Promise<T>,
  ) => Promise<T>
}

/**
 * Lets whole months go at once: where every row of a month that is over has expired, its hashes are kept by one statement, its logs are
 * told, and the partition is dropped, in one transaction. No row is deleted by itself, and nothing has to be vacuumed. Rows of
 * the store itself, which never expire, move to the partition of today.
 *
 * Whether all have expired is judged before, without holding anybody up: rows of a month that is over only ever go, by sweeps, of which
 * there is one at a time. What could have changed nevertheless is looked at again in the transaction: holds, the hashes, the number of
 * rows. A month that does not fit is left to be swept row by row; so is one that somebody reads for longer than we wait.
 */
export async function pruneMonths({
  order,
  digest,
  read,
  transact,
}: MonthPruning): Promise<readonly PrunedLog[]> {
  const pruned: PrunedLog[] = []
  const tables = await read(async (place) => [...place.tables])
  for (const [stream, table] of tables) {
    const months = await read(async ({ prefix, sql }) => earlierMonths(sql, prefix, [table]))
    for (const month of months) {
      if (order.isStopped()) return pruned
      const judged = await read(async (place) => judgeMonth(place, month, stream, order, digest))
      if (judged === null) continue
      try {
        pruned.push(
          ...(await transact(
            [...judged.logs.values()].map(({ log }) => generationOf(log.log).base),
            async (deed, place) => dropMonth(deed, place, { month, table, judged, order, digest }),
          )),
        )
      } catch (error) {
        if (!isOutOfReach(error)) throw error
      }
    }
  }
  return pruned
}

interface JudgedMonth {
  readonly rows: number
  /** Positions of the rows of the store itself, which stay. */
  readonly own: readonly string[]
  readonly logs: ReadonlyMap<
    string,
    { readonly log: SweptLog; readonly expired: Map<string, [number, number][]> }
  >
  readonly holds: string
}

/** The month as it is to go, or null when something in it stays. */
async function judgeMonth(
  place: RetentionPlace,
  month: Month,
  stream: StreamName,
  order: MonthsOrder,
  digest: Digest,
): Promise<JudgedMonth | null> {
  const { sql, prefix } = place
  const known = new Map((await sweptLogs(place)).map((log) => [log.logId, log]))
  const holds = await allHolds(place)
  const logs = new Map<string, { log: SweptLog; expired: Map<string, [number, number][]> }>()
  const anchored = new Map<string, number>()
  const own: string[] = []
  let rows = 0
  for (let after = '-1'; ;) {
    const page = await sql.run(
      `SELECT t.position, t.log_id, t.monotonic_seq, t.leaf, t.hash, e.hash IS NOT NULL AS is_kept,
        ${hasDetailValues(prefix, stream)} AS has_detail_values
      FROM ${month.name} t LEFT JOIN ${prefix}fasten_expired e ON e.log_id = t.log_id AND e.monotonic_seq = t.monotonic_seq
      WHERE t.position > $1 ORDER BY t.position LIMIT ${pageRows}`,
      [after],
    )
    const byLog = Map.groupBy(page, ({ log_id }) => String(log_id))
    for (const [logId, records] of byLog) {
      const log = known.get(logId)
      if (log === undefined || !isSweepable(log, order.service_id)) return null
      if (records.some(({ leaf, hash, is_kept }) => leaf === null || hash === null || is_kept === true))
        return null
      const found = records.map((record): PrunableRow => ({
        monotonic_seq: Number(record['monotonic_seq']),
        position: Number(record['position']),
        leaf: String(record['leaf']),
        hash: String(record['hash']),
        hasDetailValues: record['has_detail_values'] === true,
      }))
      if (order.needsCheckpoint && !anchored.has(logId)) anchored.set(logId, await anchoredSize(place, log))
      const { expired } = judgeRows(found, {
        stream,
        policy: order.policy,
        nowMicros: order.nowMicros,
        holds,
        replicatedSize: order.needsReplication ? log.replicatedSize : Infinity,
        anchoredSize: anchored.get(logId) ?? Infinity,
        digest,
      })
      const going = new Set(expired.map(({ row }) => row))
      for (const row of found) {
        if (going.has(row)) continue
        if (!isOwn(row) || own.push(String(row.position)) > ownRowsMax) return null
      }
      if (expired.length === 0) continue
      const entry = logs.get(logId) ?? { log, expired: new Map<string, [number, number][]>() }
      logs.set(logId, entry)
      for (const each of expired) {
        const runs = entry.expired.get(each.class) ?? []
        entry.expired.set(each.class, runs)
        addToRuns(runs, each.row.monotonic_seq)
      }
    }
    rows += page.length
    const last = page.at(-1)
    if (last === undefined || page.length < pageRows) break
    after = String(last['position'])
  }
  return logs.size === 0 ? null : { rows, own, logs, holds: textOf(holds) }
}

/** Everything in one transaction: after a crash at any statement the month is there as before. */
async function dropMonth(
  { sql, prefix, appendOwn }: PostgresDeed,
  place: RetentionPlace,
  {
    month,
    table,
    judged,
    order,
    digest,
  }: {
    readonly month: Month
    readonly table: string
    readonly judged: JudgedMonth
    readonly order: MonthsOrder
    readonly digest: Digest
  },
): Promise<readonly PrunedLog[]> {
  const { rows, own, logs } = judged
  const now = new Map((await sweptLogs(place)).map((log) => [log.logId, log]))
  if (textOf(await allHolds(place)) !== judged.holds) throw outOfReach('holds have changed', month)
  const pruned: PrunedLog[] = []
  for (const [logId, { expired }] of logs) {
    const log = now.get(logId)
    if (log === undefined || !isSweepable(log, order.service_id))
      throw outOfReach('one of its logs is not continued', month)
    const told = sweepRows(log, order.policy, { expired, details: [] }, digest)
    const { base } = generationOf(log.log)
    for (const row of told.rows) if ((await appendOwn(base, row)).log !== log.log) throw notContinued(log.log)
    const sum = Object.values(told.swept).reduce((total, count) => total + count, 0)
    await sql.run(
      `INSERT INTO ${prefix}fasten_retention AS r (log_id, policy_hash, expired) VALUES ($1, $2, $3)
      ON CONFLICT (log_id) DO UPDATE SET policy_hash = excluded.policy_hash, expired = r.expired + excluded.expired`,
      [logId, policyHash(order.policy, digest), sum],
    )
    pruned.push({ log: log.log, swept: told.swept })
  }
  // A row that is not what was hashed is evidence of damage, and does not get through.
  const kept = await sql.change(
    `INSERT INTO ${prefix}fasten_expired (log_id, monotonic_seq, position, hash)
    SELECT log_id, monotonic_seq, position, decode(hash, 'hex') FROM ${month.name}
    WHERE position <> ALL($1::bigint[]) AND decode(hash, 'hex') = sha256('\\x00'::bytea || convert_to(leaf, 'UTF8'))`,
    [own],
  )
  if (kept !== rows - own.length) throw outOfReach('rows have changed', month)
  await sql.run(
    `DELETE FROM ${prefix}fasten_disclosures d USING ${month.name} t
    WHERE d.position = t.position AND t.position <> ALL($1::bigint[])`,
    [own],
  )
  const columns = await sql.run(
    `SELECT string_agg(quote_ident(attname), ', ') AS names FROM pg_attribute
    WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attname <> 'stored_on'`,
    [month.name],
  )
  const names = String(columns[0]?.['names'])
  if (own.length > 0)
    await sql.run(
      `INSERT INTO ${prefix}"${table}" (stored_on, ${names})
      SELECT (now() AT TIME ZONE 'UTC')::date, ${names} FROM ${month.name} WHERE position = ANY($1::bigint[])`,
      [own],
    )
  // Whoever waits behind this lock cannot read either, so it is not waited for long, and held for no more than the drop.
  await sql.run(`SET LOCAL lock_timeout = '${lockWaitMs}ms'`)
  await sql.run(`DROP TABLE ${month.name}`)
  return pruned
}

/** Why a month is swept row by row instead. */
const outOfReach = (what: string, { name }: Month): FastenError =>
  new FastenError('STORE_BUSY', `${name} cannot go as a whole: ${what}`, { at: name })

/** Locks that others hold, a server that gives a statement too little time, a table of somebody else: nothing has happened then. */
function isOutOfReach(error: unknown): boolean {
  if (error instanceof FastenError && error.code === 'STORE_BUSY') return true
  const state = systemCode(error) ?? ''
  if (['55P03', '57014', '42501', '40P01'].includes(state)) return true
  return error instanceof Error && isOutOfReach(error.cause)
}

function isOwn({ leaf }: PrunableRow): boolean {
  const { boot_id } = readJson(leaf) as JsonObject
  return typeof boot_id === 'string' && boot_id.startsWith(ownBootPrefix)
}

const textOf = (holds: readonly Hold[]): string =>
  canonicalize(readJson(JSON.stringify(holds)) as JsonObject[])

const pageRows = 2_048
/** Rows of the store itself that a month may leave behind; more, and moving them costs what was to be saved. */
const ownRowsMax = 1_000
const lockWaitMs = 2_000
