// SPDX-License-Identifier: Apache-2.0
import { chain, genesis } from '../../core/chain.ts'
import type { Digest } from '../../core/digest.ts'
import { FastenError } from '../../core/error.ts'
import { hexOf } from '../../core/octets.ts'
import { logName, parseLogName, type LogParts } from '../../core/log-name.ts'
import { streams, type StreamName } from '../../core/row.ts'
import type { HeadLooks, HeadMemory, OpenLog } from '../heads.ts'
import { createRowCells } from '../row-cells.ts'
import { rowColumns, type StreamTables } from '../row-tables.ts'
import { keyFacts } from '../keys/key-facts.ts'
import type { OwnRow, OwnRows, PreviousLog } from '../own-rows.ts'
import type { RefusedKey } from '../privacy/key-store.ts'
import type { AppendBatch, AppendedRow, AppendResult, RejectedDraft, SpooledDraft } from '../ports.ts'
import { isRejection, malformed, placeInLeaf } from '../rejection.ts'
import { prepareDisclosures, startDisclosing } from './disclosures.ts'
import type { SqliteConnection, SqliteStatement } from './driver.ts'
import { isConstraint } from './fault.ts'
import { prepareHeads } from './heads.ts'
import { rollback } from './migrate.ts'
import { prepareOutbox, type Numbering, type SqliteOutbox } from './outbox.ts'

export interface AppendOptions {
  readonly tables: StreamTables
  readonly digest: Digest
  /** Canonical timestamp of now. */
  readonly now: () => string
  readonly memory: HeadMemory
  readonly ownRows: OwnRows
  /** The key that signs the logs written here: each names it in a row before the first row that it covers. */
  readonly publicKey: () => Uint8Array | undefined
}

/** What a transaction of maintenance may do. */
export interface Deed {
  readonly connection: SqliteConnection
  /**
   * Appends to the log that answers for `base` (a generation 1 name), which is opened if there is none. `declares` is a public key
   * in hex that this row names.
   */
  appendOwn(base: string, own: OwnRow, declares?: string): AppendedRow
}

export interface Transactions {
  /** `refused` are the keys in the batch that may not be kept: their values are not stored, and a row of the log says so. */
  append(batch: AppendBatch, refused?: readonly RefusedKey[]): AppendResult
  readonly outbox: SqliteOutbox
  perform<T>(work: (deed: Deed) => T): T
}

/**
 * The insert transaction on one connection, as `RowSink.append` describes it. Synchronous: when it returns, the batch is
 * durable or it is not there. What it throws is the driver's error or a FastenError, with the transaction rolled back.
 *
 * A draft whose row is there already, byte for byte, is answered with the place it has: after a commit whose outcome
 * nobody could learn, the caller tries the same batch again.
 */
export function createTransactions(connection: SqliteConnection, options: AppendOptions): Transactions {
  const statements = prepare(connection, options.tables)
  const attempt = <T>(work: (placing: Placing) => { readonly answer: T; readonly isKept: boolean }): T => {
    try {
      statements.begin.run()
      const placing = startPlacing(statements, options)
      const { answer, isKept } = work(placing)
      if (!isKept) {
        rollback(connection)
        return answer
      }
      placing.moveHeads()
      statements.commit.run()
      placing.remember()
      return answer
    } catch (error) {
      rollback(connection)
      throw error
    }
  }
  const transact: typeof attempt = (work) => {
    for (;;) {
      try {
        return attempt(work)
      } catch (error) {
        // The batch starts over, with a new log in place of that one; a log of this transaction cannot be condemned again.
        if (!(error instanceof LogOccupied)) throw error
        options.memory.condemn(error.table, error.base)
      }
    }
  }
  return {
    outbox: statements.outbox,
    append: (batch, refused = []) =>
      transact<AppendResult>((placing) => {
        const { outboxKeys } = batch
        if (outboxKeys !== undefined && !statements.outbox.take(outboxKeys))
          return { answer: { appended: [], rejected: [], isRaced: true }, isKept: false }
        const { appended, rejected } = placing.placeAll(batch.drafts, refused)
        if (rejected.length > 0) return { answer: { appended: [], rejected }, isKept: false }
        if (outboxKeys === undefined) statements.setSpool.run(batch.spool, batch.position)
        return { answer: { appended, rejected }, isKept: true }
      }),
    perform: (work) =>
      transact((placing) => ({
        answer: work({ connection, appendOwn: placing.appendOwn }),
        isKept: true,
      })),
  }
}

/** A row lies where the next row of a log belongs, although the log's head does not count it. */
class LogOccupied extends Error {
  readonly table: string
  readonly base: string

  constructor(table: string, base: string, cause: unknown) {
    super(`a row lies beyond the head of ${base}`, { cause })
    this.table = table
    this.base = base
  }
}

/** One transaction's work: the logs it touched, and the store position that the next row gets. */
function startPlacing(statements: Statements, options: AppendOptions) {
  const { tables, digest, now, memory, ownRows } = options
  const key = options.publicKey()
  const keyHex = key && hexOf(key)
  const touched = new Map<string, OpenLog>()
  const moved = new Set<OpenLog>()
  let position = statements.newestPosition()
  let numbering: Numbering | undefined

  function placeAll(drafts: readonly SpooledDraft[], refused: readonly RefusedKey[]): AppendResult {
    const disclosing = startDisclosing(statements.disclosures, refused)
    const appended: AppendedRow[] = []
    const rejected: RejectedDraft[] = []
    for (const [index, given] of drafts.entries()) {
      try {
        const draft = given.isUnnumbered
          ? (numbering ??= statements.outbox.startNumbering()).number(given)
          : given
        const log = touched.get(draft.log) ?? open(draft)
        const before = position
        const row = place(draft, log)
        appended.push(row)
        // A row that was there already has its values, too.
        if (position > before) disclosing.keep(draft, position, row.log, row.monotonic_seq)
      } catch (error) {
        if (!isRejection(error)) throw error
        rejected.push({ index, code: error.code, message: error.message })
      }
    }
    if (rejected.length === 0) for (const [base, own] of disclosing.ownRows(baseOf)) appendOwn(base, own)
    return { appended, rejected }
  }

  function place(draft: SpooledDraft, log: OpenLog): AppendedRow {
    const chained = chain(draft.text, log.head, digest)
    const { cellsOf, insert } = statements.table(log.parts.stream)
    const { id, cells } = cellsOf(chained.leaf, chained.hash, position + 1, log)
    try {
      insert.run(...cells)
    } catch (error) {
      if (!isConstraint(error)) throw error
      return settle(draft, log, id, error)
    }
    const { size } = log.head
    log.head = chained.head
    log.position = ++position
    moved.add(log)
    return { id, log: log.head.log, monotonic_seq: size, hash: chained.hash }
  }

  /** After a constraint refused a row: it is there already, its log has rows that its head does not count, or it is bad. */
  function settle(draft: SpooledDraft, log: OpenLog, id: string, cause: unknown): AppendedRow {
    const table = statements.table(draft.stream)
    const known = table.byId.get(id)
    if (known !== undefined) {
      const there = placeInLeaf(String(known['leaf']))
      const hash = there === undefined ? undefined : chain(draft.text, there, digest).hash
      if (there !== undefined && hash !== undefined && hash === known['hash'])
        return { id, log: there.log, monotonic_seq: there.size, hash }
      throw new FastenError('ROW_DUPLICATE', `another row has the id "${id}" already`, {
        at: there?.log ?? draft.log,
        hint: 'ids are never used twice',
        cause,
      })
    }
    if (statements.heads.hashAt(log, log.head.size) !== undefined)
      throw new LogOccupied(log.table, draft.log, cause)
    throw malformed(cause instanceof Error ? cause.message : String(cause), draft, cause)
  }

  function appendOwn(base: string, own: OwnRow, declares?: string): AppendedRow {
    const stream = parseLogName(base)?.stream ?? 'audit'
    const log = touched.get(base) ?? open({ stream, log: base, text: nothing }, declares)
    const row = place({ stream, log: base, text: ownRows.row(log.parts, log.head.log, own) }, log)
    if (declares !== undefined) note(log, declares)
    return row
  }

  /** A log says which key signs it before the first row that the key covers. */
  function declare(log: OpenLog, base: string): void {
    if (key === undefined || keyHex === undefined || log.publicKeys?.includes(keyHex) === true) return
    const name = log.head.log
    const own = { code: 'KEY_DECLARED', facts: keyFacts(name, key, digest) } as const
    place({ stream: log.parts.stream, log: base, text: ownRows.row(log.parts, name, own) }, log)
    note(log, keyHex)
  }

  function note(log: OpenLog, publicKey: string): void {
    const { publicKeys = '' } = log
    if (!publicKeys.includes(publicKey)) log.publicKeys = `${publicKeys} ${publicKey}`.trim()
  }

  function open(draft: SpooledDraft, isNaming?: string): OpenLog {
    const parts = parseLogName(draft.log)
    const table = tables[draft.stream]
    if (table === undefined) throw malformed(`this store keeps no ${draft.stream} rows`, draft)
    if (parts === undefined || parts.generation !== undefined || parts.stream !== draft.stream) {
      throw malformed(`"${draft.log}" is not the name of a first log of the ${draft.stream} stream`, draft)
    }
    const found = memory.find(statements.heads, table, draft.log, parts)
    const log = found.log ?? create(table, { ...parts, generation: found.generation }, found.previous)
    touched.set(draft.log, log)
    if (isNaming === undefined) declare(log, draft.log)
    return log
  }

  function create(table: string, parts: LogParts, previous: PreviousLog | undefined): OpenLog {
    const name = logName(parts)
    const logId = statements.newLogId()
    statements.createLog.run(logId, table, name, now())
    const log: OpenLog = {
      logId,
      table,
      parts,
      head: { log: name, size: 0, head_hash: genesis },
      position: 0,
      publicKeys: keyHex ?? '',
    }
    const facts = key === undefined ? {} : keyFacts(name, key, digest)
    place({ stream: parts.stream, log: name, text: ownRows.logCreated(parts, name, previous, facts) }, log)
    return log
  }

  return {
    placeAll,
    appendOwn,
    moveHeads() {
      const at = now()
      numbering?.save()
      for (const { logId, head, position: newest, publicKeys = '' } of moved) {
        statements.moveHead.run(head.size, head.head_hash, newest, at, publicKeys, logId)
      }
    },
    remember() {
      for (const [base, log] of touched) memory.remember(base, log)
    },
  }
}

/** The first generation of a log. */
function baseOf(log: string): string {
  const parts = parseLogName(log)
  return parts === undefined ? log : logName({ ...parts, generation: 1 })
}

type Placing = ReturnType<typeof startPlacing>
type Statements = ReturnType<typeof prepare>

const nothing = new Uint8Array()

interface TableStatements {
  readonly insert: SqliteStatement
  readonly cellsOf: ReturnType<typeof createRowCells>
  readonly byId: SqliteStatement
}

function prepare(connection: SqliteConnection, tables: StreamTables) {
  const perTable = new Map<StreamName, TableStatements>()
  for (const stream of streams) {
    const table = tables[stream]
    if (table === undefined) continue
    const names = rowColumns(stream)
    perTable.set(stream, {
      insert: connection.prepare(
        `INSERT INTO ${table} (${names.join(', ')}) VALUES (${names.map(() => '?').join(', ')})`,
      ),
      cellsOf: createRowCells(stream),
      byId: connection.prepare(`SELECT leaf, hash FROM ${table} WHERE id = ?`),
    })
  }
  /** The largest value of a column, over all tables here, that a number can hold; others were written by another hand. */
  const largest = (column: 'position' | 'log_id'): SqliteStatement =>
    connection.prepare(
      `SELECT max(0, ${['fasten_logs', ...Object.values(tables)]
        .map((table) => `ifnull((SELECT max(${column}) FROM ${table} WHERE ${column} < ${1e15}), 0)`)
        .join(', ')}) AS largest`,
    )
  const newest = largest('position')
  const newestLogId = largest('log_id')
  const heads: HeadLooks = prepareHeads(connection)
  return {
    begin: connection.prepare('BEGIN IMMEDIATE'),
    disclosures: prepareDisclosures(connection),
    commit: connection.prepare('COMMIT'),
    setSpool: connection.prepare(`
      INSERT INTO fasten_spools (spool, position) VALUES (?, ?)
      ON CONFLICT (spool) DO UPDATE SET position = max(position, excluded.position)`),
    createLog: connection.prepare(`
      INSERT INTO fasten_logs (log_id, table_name, log, size, head_hash, position, moved_at)
      VALUES (?, ?, ?, 0, '${genesis}', 0, ?)`),
    moveHead: connection.prepare(
      'UPDATE fasten_logs SET size = ?, head_hash = ?, position = ?, moved_at = ?, public_keys = ? WHERE log_id = ?',
    ),
    heads,
    outbox: prepareOutbox(connection),
    /** Also counts positions whose rows are gone: a cursor must never see a number twice. */
    newestPosition: (): number => Number(newest.get()?.['largest'] ?? 0),
    /** Above every id that a row carries, so that stray rows never become part of a new log. */
    newLogId: (): number => Number(newestLogId.get()?.['largest'] ?? 0) + 1,
    table(stream: StreamName): TableStatements {
      const statements = perTable.get(stream)
      if (statements === undefined) throw new TypeError(`no table for the ${stream} stream`)
      return statements
    },
  }
}
