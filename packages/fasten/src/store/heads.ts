// SPDX-License-Identifier: Apache-2.0
import { genesis, type Head } from '../core/chain.ts'
import { logName, parseLogName, type LogParts } from '../core/log-name.ts'
import type { LogEnd, PreviousLog } from './own-rows.ts'

/** A log as the transaction in progress sees it. */
export interface OpenLog {
  readonly logId: number
  readonly table: string
  readonly parts: LogParts
  head: Head
  /** Store position of its newest row. */
  position: number
  /** Keys that rows of the log have named, in hex, parted by spaces. */
  publicKeys?: string
}

/** What is known of a log from outside the database: from this process's own commits, or from what was signed last. */
export interface Remembered {
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
 * Holds one entry per log ever written. `recall` is asked once for each log: what earlier processes of this node signed
 * (keys/sealed-memory.ts). Nothing that lies in the database is trusted across processes.
 */
export function createHeadMemory(
  recall: (table: string, base: string) => Remembered | undefined = () => undefined,
) {
  const remembered = new Map<string, Remembered>()
  const condemned = new Set<string>()
  const asked = new Set<string>()

  function knownOf(table: string, base: string): Remembered | undefined {
    const key = keyOf(table, base)
    if (!asked.has(key)) {
      const before = recall(table, base)
      asked.add(key)
      if (before !== undefined && !remembered.has(key)) remembered.set(key, before)
    }
    return remembered.get(key)
  }

  return {
    /**
     * Which log answers for `base` (a generation 1 name) in `table`: the newest generation if it is as we left it, else a new one.
     */
    find(looks: HeadLooks, table: string, base: string, parts: LogParts): Found {
      const newest = newestGeneration(looks, table, base, parts)
      const known = knownOf(table, base)
      if (newest === undefined) {
        if (known === undefined) return { log: undefined, previous: undefined, generation: 1 }
        return replaced(known.head, 'log_missing', known.generation + 1)
      }
      const generation = newest.parts.generation ?? 1
      const isCondemned = condemned.has(keyOf(table, base))
      const fault = isCondemned ? 'rows_beyond_head' : faultOf(looks, newest, generation, known)
      if (fault === undefined) return { log: newest, previous: undefined, generation }
      const isOurs = known !== undefined && known.generation >= generation
      return replaced(
        isOurs ? known.head : newest.head,
        fault,
        Math.max(generation, known?.generation ?? 1) + 1,
      )
    },

    /** Where this process left the log that answers for `base`; undefined when it never wrote there. */
    left: (table: string, base: string): Head | undefined => knownOf(table, base)?.head,

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

/** A line of the table of logs. */
export interface HeadRecord {
  readonly logId: number
  readonly head: Head
  readonly position: number
  readonly publicKeys?: string
}

/** What a transaction sees of the logs in its database. */
export interface HeadLooks {
  /** The logs of `table` whose name is `base` or that of a later generation of it; others in between do no harm. */
  generations(table: string, base: string): readonly HeadRecord[]
  /** The row of the log with the largest number. */
  newestRow(log: OpenLog): { readonly monotonic_seq: number; readonly hash: string | null } | undefined
  /** The `hash` column of the row at that number; undefined when there is no such row. */
  hashAt(log: OpenLog, monotonic_seq: number): string | null | undefined
}

function newestGeneration(
  looks: HeadLooks,
  table: string,
  base: string,
  parts: LogParts,
): OpenLog | undefined {
  let newest: OpenLog | undefined
  for (const { logId, head, position, publicKeys = '' } of looks.generations(table, base)) {
    const found = parseLogName(head.log)
    const generation = found?.generation ?? 1
    if (found === undefined || logName({ ...found, generation: 1 }) !== base) continue
    if (newest !== undefined && generation <= (newest.parts.generation ?? 1)) continue
    newest = { logId, table, parts: { ...parts, generation }, head, position, publicKeys }
  }
  return newest
}

function faultOf(
  looks: HeadLooks,
  log: OpenLog,
  generation: number,
  known: Remembered | undefined,
): LogEnd | undefined {
  if (known === undefined || generation > known.generation) return tailFault(looks, log)
  if (generation < known.generation || log.head.size < known.head.size) return 'rolled_back'
  if (log.head.size === known.head.size)
    return log.head.head_hash === known.head.head_hash ? undefined : 'diverged'
  // Another process wrote on: what we stored must still lie under its rows, and they must end where the head says.
  const ours = looks.hashAt(log, known.head.size - 1)
  return ours === known.head.head_hash ? tailFault(looks, log) : 'diverged'
}

/** Asked when this process did not write the newest row: whether the rows end where the head says. */
function tailFault(looks: HeadLooks, log: OpenLog): LogEnd | undefined {
  const row = looks.newestRow(log)
  const rows = row === undefined ? 0 : row.monotonic_seq + 1
  if (rows < log.head.size) return 'tail_missing'
  if (rows > log.head.size) return 'rows_beyond_head'
  return (row?.hash ?? genesis) === log.head.head_hash ? undefined : 'tail_changed'
}

function replaced(head: Head, reason: LogEnd, generation: number): Found {
  return {
    log: undefined,
    generation,
    previous: { log: head.log, size: head.size, head_hash: head.head_hash, reason },
  }
}

const keyOf = (table: string, base: string): string => `${table} ${base}`

/** The name that a log and its successors share, and which of them it is; 0 for one whose name is none. */
export function generationOf(log: string): { readonly base: string; readonly generation: number } {
  const parts = parseLogName(log)
  return parts === undefined
    ? { base: log, generation: 0 }
    : { base: logName({ ...parts, generation: 1 }), generation: parts.generation ?? 1 }
}
