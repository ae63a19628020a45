// SPDX-License-Identifier: Apache-2.0
import { genesis, type Head } from '../../core/chain.ts'
import { logName, parseLogName, type LogParts } from '../../core/log-name.ts'
import type { SqliteConnection, SqliteStatement } from './driver.ts'
import type { LogEnd, PreviousLog } from '../own-rows.ts'

/** A log as the transaction in progress sees it. */
export interface OpenLog {
  readonly logId: number
  readonly table: string
  readonly parts: LogParts
  head: Head
  /** Store position of its newest row. */
  position: number
}

/** What this process knows a log to be, from its own commits. */
interface Remembered {
  readonly generation: number
  readonly head: Head
}

export interface Found {
  /** The log to append to, or undefined when one must be created. */
  readonly log: OpenLog | undefined
  /** For the log to create: the one it is opened instead of. */
  readonly previous: PreviousLog | undefined
  readonly generation: number
}

/**
 * The memory of a writing process: where it left each log. A store that was replaced by an older copy, or that lost rows,
 * is found out by comparing; such a log is never continued, because that would fork what readers elsewhere have seen.
 * Holds one entry per log ever written; nothing here is trusted across processes.
 */
export function createHeadMemory() {
  const remembered = new Map<string, Remembered>()
  const condemned = new Set<string>()
  return {
    /**
     * Which log answers for `base` (a generation 1 name) in `table`: the newest generation if it is as we left it, else a new one.
     */
    find(statements: HeadStatements, table: string, base: string, parts: LogParts): Found {
      const newest = newestGeneration(statements, table, base, parts)
      const known = remembered.get(keyOf(table, base))
      if (newest === undefined) {
        if (known === undefined) return { log: undefined, previous: undefined, generation: 1 }
        return replaced(known.head, 'log_missing', known.generation + 1)
      }
      const generation = newest.parts.generation ?? 1
      const isCondemned = condemned.has(keyOf(table, base))
      const fault = isCondemned ? 'rows_beyond_head' : faultOf(statements, newest, generation, known)
      if (fault === undefined) return { log: newest, previous: undefined, generation }
      const isOurs = known !== undefined && known.generation >= generation
      return replaced(
        isOurs ? known.head : newest.head,
        fault,
        Math.max(generation, known?.generation ?? 1) + 1,
      )
    },

    /** A row lies where the head of `base` says that none is. It is not continued. */
    condemn(table: string, base: string): void {
      condemned.add(keyOf(table, base))
    },

    /** To be called once the transaction that moved `log` is durable. */
    remember(base: string, { table, parts, head }: OpenLog): void {
      condemned.delete(keyOf(table, base))
      remembered.set(keyOf(table, base), { generation: parts.generation ?? 1, head })
    },
  }
}

export type HeadMemory = ReturnType<typeof createHeadMemory>

export interface HeadStatements {
  generations(table: string): SqliteStatement
  newestRow(table: string): SqliteStatement
  hashAt(table: string): SqliteStatement
}

/** Heads are few and read in every batch; each statement is prepared once per table. */
export function prepareHeads(connection: SqliteConnection): HeadStatements {
  const perTable = (sql: (table: string) => string): ((table: string) => SqliteStatement) => {
    const cache = new Map<string, SqliteStatement>()
    return (table) => {
      const known = cache.get(table)
      if (known !== undefined) return known
      // Somebody may have written a number there that is none of ours.
      const statement = connection.prepare(sql(table), { hasBigInts: true })
      cache.set(table, statement)
      return statement
    }
  }
  return {
    // "~" is the last printable ASCII character, so all later generations of a name lie between name~ and name DEL.
    generations: perTable(
      () => `
      SELECT log_id, log, size, head_hash, position FROM fasten_logs
      WHERE table_name = ? AND (log = ? OR (log > ? || '~' AND log < ? || char(127)))`,
    ),
    newestRow: perTable(
      (table) => `
      SELECT monotonic_seq, hash FROM ${table} WHERE log_id = ? ORDER BY monotonic_seq DESC LIMIT 1`,
    ),
    hashAt: perTable((table) => `SELECT hash FROM ${table} WHERE log_id = ? AND monotonic_seq = ?`),
  }
}

function newestGeneration(
  statements: HeadStatements,
  table: string,
  base: string,
  parts: LogParts,
): OpenLog | undefined {
  let newest: OpenLog | undefined
  for (const row of statements.generations(table).all(table, base, base, base)) {
    const found = parseLogName(String(row['log']))
    const generation = found?.generation ?? 1
    if (found === undefined || logName({ ...found, generation: 1 }) !== base) continue
    if (newest !== undefined && generation <= (newest.parts.generation ?? 1)) continue
    newest = {
      logId: Number(row['log_id']),
      table,
      parts: { ...parts, generation },
      head: { log: String(row['log']), size: Number(row['size']), head_hash: String(row['head_hash']) },
      position: Number(row['position']),
    }
  }
  return newest
}

function faultOf(
  statements: HeadStatements,
  log: OpenLog,
  generation: number,
  known: Remembered | undefined,
): LogEnd | undefined {
  if (known === undefined || generation > known.generation) return tailFault(statements, log)
  if (generation < known.generation || log.head.size < known.head.size) return 'rolled_back'
  if (log.head.size === known.head.size)
    return log.head.head_hash === known.head.head_hash ? undefined : 'diverged'
  // Another process wrote on: what we stored must still lie under its rows, and they must end where the head says.
  const ours = statements.hashAt(log.table).get(log.logId, known.head.size - 1)?.['hash']
  return ours === known.head.head_hash ? tailFault(statements, log) : 'diverged'
}

/** Asked when this process did not write the newest row: whether the rows end where the head says. */
function tailFault(statements: HeadStatements, { table, logId, head }: OpenLog): LogEnd | undefined {
  const row = statements.newestRow(table).get(logId)
  const rows = row === undefined ? 0 : Number(row['monotonic_seq']) + 1
  if (rows < head.size) return 'tail_missing'
  if (rows > head.size) return 'rows_beyond_head'
  return (row?.['hash'] ?? genesis) === head.head_hash ? undefined : 'tail_changed'
}

function replaced(head: Head, reason: LogEnd, generation: number): Found {
  return {
    log: undefined,
    generation,
    previous: { log: head.log, size: head.size, head_hash: head.head_hash, reason },
  }
}

const keyOf = (table: string, base: string): string => `${table} ${base}`
