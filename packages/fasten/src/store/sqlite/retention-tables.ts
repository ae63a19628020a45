// SPDX-License-Identifier: Apache-2.0
/** What a pruner reads of a SQLite file. Every function answers for a file that was made before there were these tables, too. */
import type { StreamName } from '../../core/row.ts'
import { generationOf } from '../heads.ts'
import type { ShippedLog } from '../ports.ts'
import { holdFrom, type Hold } from '../retention/hold.ts'
import type { PrunableRow } from '../retention/judge.ts'
import { stretchRows, type PrunableLog } from '../retention/pruner.ts'
import type { ClockMark } from '../retention/retention-clock.ts'
import type { SqlValue } from './driver.ts'
import { hasTable } from './migrate.ts'
import type { Statements } from './statements.ts'

/** A log with what the store keeps of it for sweeping. */
export interface SweptLog extends PrunableLog {
  readonly logId: bigint
  readonly table: string
  readonly replicatedSize: number
}

/** The logs of these tables, or of them the one that is named. */
export function sweptLogs(
  statements: Statements,
  tables: ReadonlyMap<StreamName, string>,
  only?: string,
): SweptLog[] {
  if (!isKept(statements)) return []
  return [...tables].flatMap(([stream, table]) => {
    // With one that is named come its other generations: they say whether it is the newest.
    const from = only === undefined ? undefined : generationOf(only).base
    const found = statements
      .prepare(
        `SELECT l.log_id, log, size, policy_hash, ifnull(expired, 0) AS expired, ifnull(replicated_size, 0) AS replicated_size
         FROM fasten_logs l LEFT JOIN fasten_retention USING (log_id)
         WHERE table_name = ? ${from === undefined ? '' : 'AND log >= ? AND log < ?'} ORDER BY log`,
      )
      .all(...(from === undefined ? [table] : [table, from, `${from}\u007f`]))
    const newest = newestGenerations(found.map(({ log }) => String(log)))
    const logs = found.map((record): SweptLog => {
      const { base, generation } = generationOf(String(record['log']))
      return {
        log: String(record['log']),
        stream,
        size: Number(record['size']),
        expired: Number(record['expired']),
        policy_hash: textOrNull(record['policy_hash']),
        isNewest: newest.get(base) === generation,
        logId: record['log_id'] as bigint,
        table,
        replicatedSize: Number(record['replicated_size']),
      }
    })
    return only === undefined ? logs : logs.filter(({ log }) => log === only)
  })
}

/** The newest generation of each log, by its first name. */
function newestGenerations(names: readonly string[]): ReadonlyMap<string, number> {
  const newest = new Map<string, number>()
  for (const name of names) {
    const { base, generation } = generationOf(name)
    newest.set(base, Math.max(generation, newest.get(base) ?? 0))
  }
  return newest
}

/** What was recorded of rows that are elsewhere too. */
export function shippedLogs(
  statements: Statements,
  tables: ReadonlyMap<StreamName, string>,
): readonly ShippedLog[] {
  if (!isKept(statements)) return []
  const isTimed =
    statements
      .prepare("SELECT 1 FROM pragma_table_info('fasten_retention') WHERE name = 'replicated_at'")
      .get() !== undefined
  return statements
    .prepare(
      `SELECT log, replicated_size, ${isTimed ? 'replicated_at' : 'NULL'} AS at
       FROM fasten_retention JOIN fasten_logs USING (log_id)
       WHERE table_name IN (SELECT value FROM json_each(?)) AND replicated_size > 0 ORDER BY log`,
    )
    .all(JSON.stringify([...tables.values()]))
    .map(({ log, replicated_size, at = null }) => ({
      log: String(log),
      size: Number(replicated_size),
      at: textOrNull(at),
    }))
}

/** Stretches of a log that may have something due, ascending. */
export function dueStretches(
  statements: Statements,
  { logId, size }: SweptLog,
  policyHash: string,
  nowMicros: number,
): number[] {
  const quiet = new Set(
    statements
      .prepare(
        'SELECT stretch FROM fasten_stretches WHERE log_id = ? AND policy_hash = ? AND (due IS NULL OR due > ?)',
      )
      .all(logId, policyHash, BigInt(nowMicros))
      .map(({ stretch }) => Number(stretch)),
  )
  return Array.from({ length: Math.ceil(size / stretchRows) }, (_, stretch) => stretch).filter(
    (stretch) => !quiet.has(stretch),
  )
}

export function nextDue(statements: Statements, policyHash: string): number | null {
  if (!isKept(statements)) return null
  const found = statements
    .prepare('SELECT min(due) AS due FROM fasten_stretches WHERE policy_hash = ?')
    .get(policyHash)
  return found?.['due'] === null || found === undefined ? null : Number(found['due'])
}

/** SQL: a disclosure is one of a detail. */
export const inDetail = "(pointer = '/detail' OR substr(pointer, 1, 8) = '/detail/')"

/** The rows of a stretch that are whole enough to be judged; what lies beside a hash that was kept is not. */
export function rowsIn(
  statements: Statements,
  { logId, table, stream }: SweptLog,
  stretch: number,
): PrunableRow[] {
  // Only audit rows say of themselves that their detail is personal.
  const hasDetailValues =
    stream === 'audit' && hasTable(statements, 'fasten_disclosures')
      ? `pii_in_detail IS NOT NULL AND EXISTS (SELECT 1 FROM fasten_disclosures d WHERE d.position = t.position AND ${inDetail})`
      : '0'
  return statements
    .prepareArrays(
      `SELECT monotonic_seq, position, leaf, hash, ${hasDetailValues} FROM ${table} t
       WHERE log_id = ? AND monotonic_seq BETWEEN ? AND ? AND typeof(leaf) = 'text' AND hash IS NOT NULL
         AND NOT EXISTS (SELECT 1 FROM fasten_expired e WHERE e.log_id = t.log_id AND e.monotonic_seq = t.monotonic_seq)
       ORDER BY monotonic_seq`,
    )
    .all(logId, stretch * stretchRows, (stretch + 1) * stretchRows - 1)
    .map(([seq, position, leaf, hash, hasDetail]) => ({
      monotonic_seq: Number(seq),
      position: Number(position),
      leaf: String(leaf),
      hash: String(hash),
      hasDetailValues: Number(hasDetail) === 1,
    }))
}

export function allHolds(statements: Statements): Hold[] {
  if (!isKept(statements)) return []
  return statements.prepare('SELECT * FROM fasten_holds ORDER BY placed_at, hold_id').all().map(holdFrom)
}

export function clockMarks(statements: Statements): ClockMark[] {
  if (!isKept(statements)) return []
  return statements
    .prepare('SELECT machine, uptime, trusted FROM fasten_clock ORDER BY trusted DESC, machine')
    .all()
    .map(({ machine, uptime, trusted }) => ({
      machine: String(machine),
      uptimeMicros: Number(uptime),
      trustedMicros: Number(trusted),
    }))
}

/** When the newest rows were stored, as text; null for an empty store. */
export function newestMove({ prepare }: Statements): string | null {
  return textOrNull(prepare('SELECT max(moved_at) AS moved_at FROM fasten_logs').get()?.['moved_at'])
}

/** Rows from this number on are covered by no signed checkpoint. */
export function anchoredSize(statements: Statements, { log, table }: SweptLog): number {
  if (!hasTable(statements, 'fasten_checkpoints')) return 0
  const found = statements
    .prepare('SELECT max(size) AS size FROM fasten_checkpoints WHERE table_name = ? AND log = ?')
    .get(table, log)
  return Number(found?.['size'] ?? 0)
}

/** True once the file has the tables that sweeping needs. */
export function isKept(statements: Statements): boolean {
  return hasTable(statements, 'fasten_expired')
}

const textOrNull = (value: SqlValue | undefined): string | null =>
  value === null || value === undefined ? null : String(value)
