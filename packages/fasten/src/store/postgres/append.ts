// SPDX-License-Identifier: Apache-2.0
import { chain, genesis, type Head } from '../../core/chain.ts'
import type { Digest } from '../../core/digest.ts'
import { FastenError, systemCode } from '../../core/error.ts'
import { logName, parseLogName, type LogParts } from '../../core/log-name.ts'
import { hexOf } from '../../core/octets.ts'
import type { StreamName } from '../../core/row.ts'
import type { HeadMemory, OpenLog } from '../heads.ts'
import { keyFacts } from '../keys/key-facts.ts'
import type { OwnRow, OwnRows, PreviousLog } from '../own-rows.ts'
import type { RefusedKey } from '../privacy/key-store.ts'
import type { AppendBatch, AppendedRow, AppendResult, RejectedDraft, SpooledDraft } from '../ports.ts'
import { isRejection, malformed, placeInLeaf } from '../rejection.ts'
import type { StreamTables } from '../row-tables.ts'
import { lockLogs, NewLogs, type LockedLogs } from './locked-logs.ts'
import { disclosingOf } from './disclosures.ts'
import { prefixOf } from './migrate.ts'
import type { Months } from './months.ts'
import { numberDrafts, takeFromOutbox } from './outbox.ts'
import { createPendingRows, type PendingRows } from './pending-rows.ts'
import type { Sql } from './sql.ts'
import { findStored, keyOf, type StoredIds, type StoredRowText } from './stored-ids.ts'

export interface AppendOptions {
  /** Bare name. */
  readonly schema: string
  readonly tables: StreamTables
  readonly digest: Digest
  /** Canonical timestamp of now. */
  readonly now: () => string
  readonly memory: HeadMemory
  readonly ownRows: OwnRows
  readonly months: Months
  /** The key that signs the logs written here: each names it in a row before the first row that it covers. */
  readonly publicKey: () => Uint8Array | undefined
}

/** What a transaction of maintenance may do. */
export interface PostgresDeed {
  /** The transaction's connection. Names are written with `prefix` before them: `"schema".`. */
  readonly sql: Sql
  readonly prefix: string
  /**
   * Appends to the log that answers for `base` (a generation 1 name), which is opened if there is none. `declares` is a public key
   * in hex that this row names.
   */
  appendOwn(base: string, own: OwnRow, declares?: string): Promise<AppendedRow>
  /** As `RowSink.append` does with the drafts of a batch. Nothing of them is stored when one is rejected. */
  placeAll(drafts: readonly SpooledDraft[]): Promise<AppendResult>
}

export interface DeedOptions {
  /**
   * Logs that the work will append to, by their generation 1 names: their heads are locked before it begins, in the order everybody
   * locks them. One that it names only later can collide with a batch, which the server notices and this call throws.
   */
  readonly logs?: readonly string[]
}

export interface Transactions {
  append(batch: AppendBatch, refused?: readonly RefusedKey[]): Promise<AppendResult>
  /** One transaction: what `work` does and the rows that tell of it commit together, or not at all. May run `work` again. */
  perform<T>(work: (deed: PostgresDeed) => Promise<T>, options?: DeedOptions): Promise<T>
}

/**
 * The insert transaction on one connection, as `RowSink.append` describes it. What it throws is the driver's error or a FastenError;
 * the transaction is then still open, and its owner rolls it back or drops the connection.
 *
 * Locks are taken in one order by everybody, so that no two transactions wait for each other: the lock of new logs (only when one
 * must be opened), heads by `log_id`, the counter of positions. The counter comes last because all writers of the database meet
 * there; between it and the commit are three statements.
 *
 * The head row is the lease: whoever holds it writes the log, for at most `idle_in_transaction_session_timeout` if the process is
 * stopped meanwhile. Its size and hash are the fencing token, compared when it is moved.
 */
export function createTransactions(sql: Sql, options: AppendOptions): Transactions {
  async function transact<T>(
    bases: readonly BaseLog[],
    work: (placing: Placing) => Promise<{ readonly answer: T; readonly isKept: boolean }>,
  ): Promise<T> {
    let mayOpenLogs = false
    for (;;) {
      try {
        const today = await sql.begin()
        if (today.slice(0, 7) !== options.months.through()) {
          await sql.rollback()
          await options.months.make(sql, today)
          continue
        }
        const placing = await startPlacing(sql, options, { bases, mayOpenLogs, today })
        const { answer, isKept } = await work(placing)
        if (!isKept) {
          await sql.rollback()
          return answer
        }
        await placing.finish()
        await sql.commit()
        placing.remember()
        return answer
      } catch (error) {
        // Starts over: with the lock of new logs, with a new log in place of one, or because somebody stored the same id meanwhile.
        if (error instanceof NewLogs) mayOpenLogs = true
        else if (error instanceof LogOccupied) options.memory.condemn(error.table, error.base)
        else {
          if (systemCode(error) === '23514') options.months.forget()
          throw error
        }
        await sql.rollback()
      }
    }
  }

  return {
    append: ({ drafts, spool, position, outboxKeys }, refused = []) =>
      transact<AppendResult>(basesOf(drafts), async (placing) => {
        const prefix = prefixOf(options.schema)
        if (outboxKeys !== undefined && !(await takeFromOutbox(sql, prefix, outboxKeys)))
          return { answer: { appended: [], rejected: [], isRaced: true }, isKept: false }
        const numbered = await numberDrafts(sql, prefix, drafts)
        const { appended, rejected } = await placing.placeAll(numbered)
        if (rejected.length > 0) return { answer: { appended: [], rejected }, isKept: false }
        const disclosing = await disclosingOf(sql, prefix, numbered, appended, refused)
        for (const [log, own] of disclosing.ownRows) await placing.appendOwn(baseOf(log), own)
        placing.atEnd(disclosing.insert)
        if (outboxKeys === undefined) await placing.setSpool(spool, position)
        return { answer: { appended, rejected }, isKept: true }
      }),
    perform: (work, { logs = [] } = {}) =>
      transact(
        logs.map((log) => ({ log, stream: parseLogName(log)?.stream ?? 'audit' })),
        async ({ appendOwn, placeAll }) => ({
          answer: await work({ sql, prefix: prefixOf(options.schema), appendOwn, placeAll }),
          isKept: true,
        }),
      ),
  }
}

/** The first generation of a log. */
function baseOf(log: string): string {
  const parts = parseLogName(log)
  return parts === undefined ? log : logName({ ...parts, generation: 1 })
}

interface BaseLog {
  readonly log: string
  readonly stream: StreamName
}

/** A row lies where the next row of a log belongs, although the log's head does not count it. */
class LogOccupied extends Error {
  readonly table: string
  readonly base: string

  constructor(table: string, base: string) {
    super(`a row lies beyond the head of ${base}`)
    this.table = table
    this.base = base
  }
}

/** One transaction's work: the logs it touched, and the rows that it will insert at its end. */
async function startPlacing(
  sql: Sql,
  { schema, tables, digest, now, memory, ownRows, publicKey }: AppendOptions,
  {
    bases,
    mayOpenLogs,
    today,
  }: { readonly bases: readonly BaseLog[]; readonly mayOpenLogs: boolean; readonly today: string },
) {
  const prefix = prefixOf(schema)
  const key = publicKey()
  const keyHex = key && hexOf(key)
  const touched = new Map<string, OpenLog>()
  const before = new Map<OpenLog, Head>()
  const endings: ((positionOf: (id: string) => number | undefined) => Promise<void>)[] = []
  const rows: PendingRows = createPendingRows(sql, prefix, tables)
  const locked: LockedLogs = await lockLogs(sql, {
    schema,
    tables: Object.values(tables),
    memory,
    mayOpenLogs,
  })
  await lockAll(bases)

  async function lockAll(wanted: readonly BaseLog[]): Promise<void> {
    await locked.lock(
      wanted.flatMap(({ log, stream }) => {
        const table = tables[stream]
        return table === undefined || touched.has(log) ? [] : [{ table, base: log }]
      }),
    )
  }

  /**
   * Rows are placed as if all were new, and then looked up; only if some are stored already they are placed again around those. The
   * ids are known exactly only once the texts have been read, and nearly always nothing is found.
   */
  async function placeAll(drafts: readonly SpooledDraft[]): Promise<AppendResult> {
    await lockAll(basesOf(drafts))
    const logs = new Map<string, OpenLog | FastenError>()
    for (const draft of drafts) if (!logs.has(draft.log)) logs.set(draft.log, await openOrRefuse(draft))
    const heads = [...touched.values()].map((log) => ({ log, head: log.head }))
    const mark = rows.size
    const first = placeEach(drafts, logs, nothingStored)
    const stored = await findStored(sql, prefix, tables, rows.idsSince(mark), today)
    if (stored.size === 0) return first
    rows.cutTo(mark)
    for (const { log, head } of heads) log.head = head
    return placeEach(drafts, logs, stored)
  }

  function placeEach(
    drafts: readonly SpooledDraft[],
    logs: ReadonlyMap<string, OpenLog | FastenError>,
    stored: StoredIds,
  ): AppendResult {
    const appended: AppendedRow[] = []
    const rejected: RejectedDraft[] = []
    for (const [index, draft] of drafts.entries()) {
      try {
        const log = logs.get(draft.log)
        if (log === undefined || log instanceof FastenError)
          throw log ?? malformed('the draft has no log', draft)
        if (log.parts.stream !== draft.stream)
          throw malformed(
            `"${draft.log}" is not the name of a first log of the ${draft.stream} stream`,
            draft,
          )
        appended.push(place(draft.text, log, stored))
      } catch (error) {
        if (!isRejection(error)) throw error
        rejected.push({ index, code: error.code, message: error.message })
      }
    }
    return { appended, rejected }
  }

  async function openOrRefuse(draft: SpooledDraft): Promise<OpenLog | FastenError> {
    try {
      return touched.get(draft.log) ?? (await open(draft))
    } catch (error) {
      if (!isRejection(error)) throw error
      return error
    }
  }

  /** The place of a row whose id is there already, if it is the same row. */
  function settle(text: Uint8Array, base: string, id: string, known: StoredRowText): AppendedRow {
    const there = placeInLeaf(known.leaf ?? '{}')
    const hash = there === undefined ? undefined : chain(text, there, digest).hash
    if (there !== undefined && hash !== undefined && hash === known.hash)
      return { id, log: there.log, monotonic_seq: there.size, hash }
    throw new FastenError('ROW_DUPLICATE', `another row has the id "${id}" already`, {
      at: there?.log ?? base,
      hint: 'ids are never used twice',
    })
  }

  function place(text: Uint8Array, log: OpenLog, stored: StoredIds): AppendedRow {
    const chained = chain(text, log.head, digest)
    const row = rows.read(chained.leaf, chained.hash, log)
    const known = stored.get(keyOf(log.parts.stream, row.id)) ?? rows.find(log.parts.stream, row.id)
    if (known !== undefined) return settle(text, log.head.log, row.id, known)
    rows.add(row)
    if (!before.has(log)) before.set(log, log.head)
    const { size } = log.head
    log.head = chained.head
    return { id: row.id, log: log.head.log, monotonic_seq: size, hash: chained.hash }
  }

  async function appendOwn(base: string, own: OwnRow, declares?: string): Promise<AppendedRow> {
    const stream = parseLogName(base)?.stream ?? 'audit'
    await lockAll([{ log: base, stream }])
    const log = touched.get(base) ?? (await open({ stream, log: base, text: nothing }, declares))
    const row = place(ownRows.row(log.parts, log.head.log, own), log, nothingStored)
    if (declares !== undefined) note(log, declares)
    return row
  }

  /** A log says which key signs it before the first row that the key covers. */
  function declare(log: OpenLog): void {
    if (key === undefined || keyHex === undefined || log.publicKeys?.includes(keyHex) === true) return
    const name = log.head.log
    const own = { code: 'KEY_DECLARED', facts: keyFacts(name, key, digest) } as const
    place(ownRows.row(log.parts, name, own), log, nothingStored)
    note(log, keyHex)
  }

  function note(log: OpenLog, named: string): void {
    const { publicKeys = '' } = log
    if (!publicKeys.includes(named)) log.publicKeys = `${publicKeys} ${named}`.trim()
  }

  async function open(draft: SpooledDraft, isNaming?: string): Promise<OpenLog> {
    const parts = parseLogName(draft.log)
    const table = tables[draft.stream]
    if (table === undefined) throw malformed(`this store keeps no ${draft.stream} rows`, draft)
    if (parts === undefined || parts.generation !== undefined || parts.stream !== draft.stream) {
      throw malformed(`"${draft.log}" is not the name of a first log of the ${draft.stream} stream`, draft)
    }
    const found = memory.find(locked.looks, table, draft.log, parts)
    // SQLite's constraint says it when the row is inserted; here it is only there within one day.
    const newest = found.log && locked.looks.newestRow(found.log)
    if (found.log && newest && newest.monotonic_seq >= found.log.head.size)
      throw new LogOccupied(table, draft.log)
    const log =
      found.log ??
      (await create(table, { ...parts, generation: found.generation }, draft.log, found.previous))
    touched.set(draft.log, log)
    if (isNaming === undefined) declare(log)
    return log
  }

  async function create(
    table: string,
    parts: LogParts,
    base: string,
    previous: PreviousLog | undefined,
  ): Promise<OpenLog> {
    const name = logName(parts)
    const logId = await locked.create(table, base, name, now())
    const log: OpenLog = {
      logId,
      table,
      parts,
      head: { log: name, size: 0, head_hash: genesis },
      position: 0,
      publicKeys: keyHex ?? '',
    }
    const facts = key === undefined ? {} : keyFacts(name, key, digest)
    place(ownRows.logCreated(parts, name, previous, facts), log, nothingStored)
    return log
  }

  /** Inserts the rows and moves the heads; takes the lock on the counter of positions. */
  async function finish(): Promise<void> {
    if (rows.size === 0) return
    const [counter] = await sql.run(
      `UPDATE ${prefix}fasten_counters SET value = value + $1 WHERE name = 'position' RETURNING value`,
      [rows.size],
      'fasten_position',
    )
    if (counter === undefined)
      throw new FastenError('STORE_CORRUPT', 'the counter of positions is gone', {
        at: schema,
        hint: 'restore fasten_counters; open the store once more to have it made anew',
      })
    await rows.insert(Number(counter['value']) - rows.size, today)
    for (const work of endings) await work((id) => rows.positionOf('audit', id))
    await locked.move([...before], now())
  }

  async function setSpool(spool: string, position: bigint): Promise<void> {
    await sql.run(
      `INSERT INTO ${prefix}fasten_spools AS s (spool, position) VALUES ($1, $2)
      ON CONFLICT (spool) DO UPDATE SET position = greatest(s.position, excluded.position)`,
      [spool, String(position)],
      'fasten_spool',
    )
  }

  return {
    placeAll,
    appendOwn,
    /** Done once the rows are inserted and have their positions. */
    atEnd: (work: (typeof endings)[number]) => void endings.push(work),
    setSpool,
    finish,
    remember() {
      for (const [base, log] of touched) memory.remember(base, log)
    },
  }
}

type Placing = Awaited<ReturnType<typeof startPlacing>>

const nothing = new Uint8Array()
const nothingStored: StoredIds = new Map()

/** The logs of a batch, each once. */
function basesOf(drafts: readonly SpooledDraft[]): BaseLog[] {
  const bases = new Map<string, BaseLog>()
  for (const { log, stream } of drafts) if (!bases.has(log)) bases.set(log, { log, stream })
  return [...bases.values()]
}
