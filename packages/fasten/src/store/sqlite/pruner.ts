// SPDX-License-Identifier: Apache-2.0
import { canonicalize } from '../../core/canonical.ts'
import type { Clock } from '../../core/clock.ts'
import type { Digest } from '../../core/digest.ts'
import { FastenError } from '../../core/error.ts'
import type { IdSource } from '../../core/ids.ts'
import { parseLogName } from '../../core/log-name.ts'
import { policyHash } from '../../core/retention-policy.ts'
import type { StreamName } from '../../core/row.ts'
import { formatMicros, parseTime } from '../../core/timestamp.ts'
import type { OwnRow } from '../own-rows.ts'
import { heldRowsFacts, type Hold } from '../retention/hold.ts'
import { generationOf } from '../heads.ts'
import { judgeRows, type Judgement } from '../retention/judge.ts'
import {
  stretchRows,
  type HoldOrder,
  type PruneOrder,
  type PruneOutcome,
  type RowPruner,
} from '../retention/pruner.ts'
import { cutTo, holdFacts, joined, notContinued, placesOf, sweepRows } from '../retention/sweep-rows.ts'
import { advance, clockMarksMax, type ClockReading } from '../retention/retention-clock.ts'
import { acquireLock } from '../spool/lock.ts'
import type { Deed } from './append.ts'
import type { SqliteConnection } from './driver.ts'
import { compact } from './compact.ts'
import { isPrivate } from './replacement.ts'
import {
  allHolds,
  anchoredSize,
  clockMarks,
  dueStretches,
  inDetail,
  newestMove,
  nextDue,
  rowsIn,
  sweptLogs,
  type SweptLog,
} from './retention-tables.ts'
import { createStatements, type Statements } from './statements.ts'

export interface SqlitePrunerOptions {
  readonly path: string
  readonly digest: Digest
  readonly clock: Clock
  readonly ids: IdSource
  /** Reads on a connection that sees what is committed. */
  readonly read: <T>(work: (statements: Statements, tables: ReadonlyMap<StreamName, string>) => T) => T
  /** One transaction of the writer; throws `STORE_READONLY` where there is none. */
  readonly perform: <T>(work: (deed: Deed) => T) => T
  /** The writer's connection outside of a transaction; throws likewise. */
  readonly connection: () => SqliteConnection
  readonly isWriting: boolean
}

/** `RowPruner` over one SQLite file. */
export function createSqlitePruner(options: SqlitePrunerOptions): RowPruner {
  const { path, digest, clock, ids, read, perform, connection, isWriting } = options
  const now = (): string => formatMicros(clock.nowMicros())
  const named = (log: string, statements: Statements, tables: ReadonlyMap<StreamName, string>): SweptLog => {
    const [found] = sweptLogs(statements, tables, log)
    if (found !== undefined) return found
    throw new TypeError(`there is no log named ${JSON.stringify(log)} in "${path}"`)
  }
  let tablesSeen: ReadonlyMap<StreamName, string> | undefined
  const tablesNow = (): ReadonlyMap<StreamName, string> =>
    (tablesSeen ??= read((_, tables) => new Map(tables)))
  /** One transaction with statements on its own connection. */
  const transact = <T>(work: (deed: Deed, statements: Statements) => T): T => {
    tablesNow()
    return perform((deed) => work(deed, statementsOf(deed.connection)))
  }

  function prune(order: PruneOrder): PruneOutcome {
    return transact(({ appendOwn }, statements) => {
      const log = named(order.log, statements, tablesNow())
      if (!log.isNewest) return { swept: {}, details: 0, kept: nothingKept, isCut: false }
      const judgement = judged(statements, log, order, digest)
      const all = cutTo(judgement.all, order.rowsMax)
      const { base } = generationOf(log.log)
      const tell = (own: OwnRow): void => {
        if (appendOwn(base, own).log !== log.log) throw notContinued(log.log)
      }
      // Told before it is done: a log is only continued while its newest row lies where its head says.
      const hash = policyHash(order.policy, digest)
      const { rows: told, swept } = sweepRows(log, order.policy, placesOf(all), digest)
      for (const own of told) tell(own)
      const keep = statements.prepare(
        'INSERT INTO fasten_expired (log_id, monotonic_seq, position, hash) VALUES (?, ?, ?, ?)',
      )
      const drop = statements.prepare(`DELETE FROM ${log.table} WHERE position = ?`)
      const disclose = statements.prepare('DELETE FROM fasten_disclosures WHERE position = ?')
      for (const { row } of all.expired) {
        keep.run(log.logId, row.monotonic_seq, row.position, Buffer.from(row.hash, 'hex'))
        drop.run(row.position)
        disclose.run(row.position)
      }
      const discloseDetail = statements.prepare(
        `DELETE FROM fasten_disclosures WHERE position = ? AND ${inDetail}`,
      )
      for (const { position } of all.details) discloseDetail.run(position)
      note(statements, log, hash, all.expired.length, all.isCut ? new Map() : judgement.byStretch)
      return { swept, details: all.details.length, kept: all.kept, isCut: all.isCut }
    })
  }

  return {
    async exclusively(work) {
      const lock = isPrivate(path) ? { release: () => {} } : acquireLock(`${path}-sweep`)
      if (lock === null) return null
      try {
        return await work()
      } finally {
        lock.release({ remove: true })
      }
    },
    logs: async () =>
      read((statements, tables) =>
        sweptLogs(statements, tables).map(({ log, stream, size, expired, policy_hash, isNewest }) => ({
          log,
          stream,
          size,
          expired,
          policy_hash,
          isNewest,
        })),
      ),
    dueStretches: async (log, hash, nowMicros) =>
      read((statements, tables) => dueStretches(statements, named(log, statements, tables), hash, nowMicros)),
    nextDue: async (hash) => read((statements) => nextDue(statements, hash)),
    look: async (order) =>
      read(
        (statements, tables) => judged(statements, named(order.log, statements, tables), order, digest).all,
      ),
    prune: async (order) => prune(order),
    retentionTime: async (reading, trustsWall = false) => {
      if (!isWriting) return read((statements) => timeOf(statements, reading, trustsWall).nowMicros)
      return transact((_, statements) => {
        const { mark, nowMicros } = timeOf(statements, reading, trustsWall)
        if (trustsWall) statements.prepare('DELETE FROM fasten_clock').run()
        statements
          .prepare('INSERT OR REPLACE INTO fasten_clock (machine, uptime, trusted) VALUES (?, ?, ?)')
          .run(mark.machine, mark.uptimeMicros, mark.trustedMicros)
        statements
          .prepare(
            `DELETE FROM fasten_clock WHERE machine <> ? AND machine NOT IN
              (SELECT machine FROM fasten_clock ORDER BY trusted DESC LIMIT ${clockMarksMax})`,
          )
          .run(mark.machine)
        return nowMicros
      })
    },
    holds: async () => read((statements) => allHolds(statements)),
    placeHold: async ({ rows, reason, by }: HoldOrder) =>
      transact(({ appendOwn }, statements) => {
        const hold: Hold = {
          hold_id: `hold-${ids.randomHex(6)}`,
          rows,
          reason,
          placed_by: by,
          placed_at: now(),
          released_at: null,
          released_by: null,
        }
        const text = canonicalize(heldRowsFacts(rows))
        statements
          .prepare(
            'INSERT INTO fasten_holds (hold_id, held_rows, reason, placed_by, placed_at) VALUES (?, ?, ?, ?, ?)',
          )
          .run(hold.hold_id, text, reason, by, hold.placed_at)
        const facts = holdFacts(hold, digest)
        tellOfHold(statements, hold, (base) =>
          appendOwn(base, { code: 'HOLD_PLACED', facts, actor: by, reason }),
        )
        return hold
      }),
    releaseHold: async (hold_id, by, reason) =>
      transact(({ appendOwn }, statements) => {
        const hold = allHolds(statements).find(
          (each) => each.hold_id === hold_id && each.released_at === null,
        )
        if (hold === undefined) {
          throw new FastenError('HOLD_UNKNOWN', `no hold "${hold_id}" is in force`, {
            at: hold_id,
            hint: 'see fasten retention hold list',
          })
        }
        const released = { ...hold, released_at: now(), released_by: by }
        statements
          .prepare('UPDATE fasten_holds SET released_at = ?, released_by = ? WHERE hold_id = ?')
          .run(released.released_at, by, hold_id)
        tellOfHold(statements, hold, (base) =>
          appendOwn(base, { code: 'HOLD_RELEASED', facts: { hold_id }, actor: by, reason }),
        )
        return released
      }),
    markReplicated: async (places, at) =>
      transact((_, { prepare }) => {
        for (const { log, size } of places)
          for (const table of tablesNow().values())
            prepare(
              `INSERT INTO fasten_retention (log_id, replicated_size, replicated_at)
               SELECT log_id, ?, ? FROM fasten_logs WHERE table_name = ? AND log = ?
               ON CONFLICT (log_id) DO UPDATE
               SET replicated_size = excluded.replicated_size, replicated_at = excluded.replicated_at`,
            ).run(size, at, table, log)
      }),
    compact: async (bytesMax, mayRewrite = false) => compact(connection(), path, bytesMax, mayRewrite),
  }

  /** Every log that a hold may concern: those of its tenant, or all; logs that are not continued cannot be told. */
  function tellOfHold(statements: Statements, { rows }: Hold, tell: (base: string) => void): void {
    for (const { log, isNewest } of sweptLogs(statements, tablesNow())) {
      const parts = parseLogName(log)
      if (!isNewest || parts === undefined) continue
      if (rows.tenant_id === undefined || parts.tenant_id === rows.tenant_id) tell(generationOf(log).base)
    }
  }
}

const connections = new WeakMap<SqliteConnection, Statements>()

function statementsOf(connection: SqliteConnection): Statements {
  let statements = connections.get(connection)
  if (statements === undefined) {
    // Somebody may read a swept row out of the pages that it left, so they are wiped.
    connection.exec('PRAGMA secure_delete = ON')
    connections.set(connection, (statements = createStatements(connection)))
  }
  return statements
}

function judged(
  statements: Statements,
  log: SweptLog,
  { stretches, policy, nowMicros, needsReplication, needsCheckpoint }: PruneOrder,
  digest: Digest,
): { readonly all: Judgement; readonly byStretch: ReadonlyMap<number, Judgement> } {
  const about = {
    stream: log.stream,
    policy,
    nowMicros,
    digest,
    holds: allHolds(statements),
    replicatedSize: needsReplication ? log.replicatedSize : Infinity,
    anchoredSize: needsCheckpoint ? anchoredSize(statements, log) : Infinity,
  }
  const byStretch = new Map(
    stretches.map((stretch) => [stretch, judgeRows(rowsIn(statements, log, stretch), about)]),
  )
  return { all: joined([...byStretch.values()]), byStretch }
}

/** What the next sweep has to know of the stretches that were looked at, and of the log. */
function note(
  statements: Statements,
  { logId, size }: SweptLog,
  hash: string,
  rows: number,
  byStretch: ReadonlyMap<number, Judgement>,
): void {
  const due = statements.prepare(
    'INSERT OR REPLACE INTO fasten_stretches (log_id, stretch, policy_hash, due) VALUES (?, ?, ?, ?)',
  )
  for (const [stretch, { dueMicros }] of byStretch) {
    // One that is still being filled is looked at again.
    if ((stretch + 1) * stretchRows <= size)
      due.run(logId, stretch, hash, dueMicros === null ? null : BigInt(Math.ceil(dueMicros)))
  }
  statements
    .prepare(
      `INSERT INTO fasten_retention (log_id, policy_hash, expired) VALUES (?, ?, ?)
       ON CONFLICT (log_id) DO UPDATE SET policy_hash = excluded.policy_hash, expired = expired + excluded.expired`,
    )
    .run(logId, hash, rows)
}

function timeOf(
  statements: Statements,
  reading: ClockReading,
  trustsWall: boolean,
): ReturnType<typeof advance> {
  if (trustsWall) return advance(reading, [], null)
  const newest = newestMove(statements)
  return advance(reading, clockMarks(statements), newest === null ? null : (parseTime(newest, 0) ?? null))
}

const nothingKept = { held: 0, unreplicated: 0, unanchored: 0 }
