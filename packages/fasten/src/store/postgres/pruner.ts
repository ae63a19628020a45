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
import { generationOf } from '../heads.ts'
import { heldRowsFacts, type Hold } from '../retention/hold.ts'
import { judgeRows, type Judgement } from '../retention/judge.ts'
import { stretchRows, type PruneOrder, type RowPruner } from '../retention/pruner.ts'
import { advance, clockMarksMax, type ClockReading } from '../retention/retention-clock.ts'
import { cutTo, holdFacts, joined, notContinued, placesOf, sweepRows } from '../retention/sweep-rows.ts'
import type { DeedOptions, PostgresDeed } from './append.ts'
import { compactPartitions } from './compact.ts'
import { pruneMonths } from './prune-month.ts'
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
  type RetentionPlace,
  type SweptLog,
} from './retention-tables.ts'
import { lockClass, sweepSetting } from './schema.ts'
import type { Sql } from './sql.ts'

export interface PostgresPrunerOptions {
  readonly at: string
  readonly digest: Digest
  readonly clock: Clock
  readonly ids: IdSource
  /** Reads on a connection that sees what is committed. */
  readonly read: <T>(work: (place: RetentionPlace) => Promise<T>) => Promise<T>
  /** One transaction of the writer; throws `STORE_READONLY` where there is none. */
  readonly perform: <T>(work: (deed: PostgresDeed) => Promise<T>, options?: DeedOptions) => Promise<T>
  /** A connection of its own, outside of any transaction, closed when the work is done. */
  readonly aside: <T>(work: (sql: Sql) => Promise<T>) => Promise<T>
  readonly isWriting: boolean
}

/** `RowPruner` over one Postgres schema. */
export function createPostgresPruner(options: PostgresPrunerOptions): RowPruner {
  const { at, digest, clock, ids, read, perform, aside, isWriting } = options
  /** Partitions from which this process has deleted since they were last compacted, by their oid: the server's counts come late. */
  const touched = new Set<string>()
  const now = (): string => formatMicros(clock.nowMicros())
  const named = async (log: string, place: RetentionPlace): Promise<SweptLog> => {
    const [found] = await sweptLogs(place, log)
    if (found !== undefined) return found
    throw new TypeError(`there is no log named ${JSON.stringify(log)} in ${at}`)
  }
  const tablesNow = (): Promise<ReadonlyMap<StreamName, string>> =>
    read(async ({ tables }) => new Map(tables))
  /** One transaction in which rows may be taken away. */
  const transact = async <T>(
    logs: readonly string[],
    work: (deed: PostgresDeed, place: RetentionPlace) => Promise<T>,
  ): Promise<T> => {
    const tables = await tablesNow()
    return perform(
      async (deed) => {
        await deed.sql.run(`SET LOCAL ${sweepSetting} = 'on'`)
        return work(deed, { ...deed, tables })
      },
      { logs },
    )
  }

  /** A hold is told in every log that it may concern: those of its tenant, or all. */
  async function basesOfHold(
    place: RetentionPlace,
    { rows }: Pick<Hold, 'rows'>,
  ): Promise<readonly string[]> {
    return (await sweptLogs(place)).flatMap(({ log, isNewest }) => {
      const parts = parseLogName(log)
      const concerns = rows.tenant_id === undefined || parts?.tenant_id === rows.tenant_id
      return isNewest && parts !== undefined && concerns ? [generationOf(log).base] : []
    })
  }

  return {
    exclusively: (work) =>
      aside(async (sql) => {
        const key = `${await read(async ({ prefix }) => prefix)} sweep`
        const [row] = await sql.run('SELECT pg_try_advisory_lock($1, hashtext($2)) AS got', [lockClass, key])
        return row?.['got'] === true ? work() : null
      }),
    logs: () =>
      read(async (place) =>
        (await sweptLogs(place)).map(({ log, stream, size, expired, policy_hash, isNewest }) => ({
          log,
          stream,
          size,
          expired,
          policy_hash,
          isNewest,
        })),
      ),
    dueStretches: (log, hash, nowMicros) =>
      read(async (place) => dueStretches(place, await named(log, place), hash, nowMicros)),
    nextDue: (hash) => read((place) => nextDue(place, hash)),
    look: (order) =>
      read(async (place) =>
        joined([...(await judged(place, await named(order.log, place), order, digest)).values()]),
      ),
    prune: (order) =>
      // The head is locked before anything is read: nobody appends to the log or sweeps it meanwhile.
      transact([generationOf(order.log).base], async ({ sql, prefix, appendOwn }, place) => {
        const log = await named(order.log, place)
        if (!log.isNewest) return { swept: {}, details: 0, kept: nothingKept, isCut: false }
        const byStretch = await judged(place, log, order, digest)
        const all = cutTo(joined([...byStretch.values()]), order.rowsMax)
        const { expired, details, kept, isCut } = all
        const { rows, swept } = sweepRows(log, order.policy, placesOf(all), digest)
        for (const own of rows) {
          if ((await appendOwn(generationOf(log.log).base, own)).log !== log.log) throw notContinued(log.log)
        }
        if (expired.length > 0) {
          const parts = await sql.run(
            `WITH gone AS (
              DELETE FROM ${prefix}"${log.table}" WHERE position = ANY($1) AND log_id = $2
              RETURNING tableoid, log_id, monotonic_seq, position, hash
            ), kept AS (
              INSERT INTO ${prefix}fasten_expired (log_id, monotonic_seq, position, hash)
              SELECT log_id, monotonic_seq, position, decode(hash, 'hex') FROM gone
            ) SELECT DISTINCT tableoid::bigint AS part FROM gone`,
            [expired.map(({ row }) => row.position), log.logId],
          )
          for (const { part } of parts) touched.add(String(part))
          await sql.run(`DELETE FROM ${prefix}fasten_disclosures WHERE position = ANY($1)`, [
            expired.map(({ row }) => row.position),
          ])
        }
        if (details.length > 0)
          await sql.run(`DELETE FROM ${prefix}fasten_disclosures WHERE position = ANY($1) AND ${inDetail}`, [
            details.map(({ position }) => position),
          ])
        await note(
          place,
          log,
          policyHash(order.policy, digest),
          expired.length,
          isCut ? new Map() : byStretch,
        )
        return { swept, details: details.length, kept, isCut }
      }),
    isPermitted: () =>
      read(async ({ sql, prefix, tables }) => {
        const [found] = await sql.run(
          `SELECT bool_and(has_table_privilege($1 || quote_ident(t.name), 'DELETE')) AS may
          FROM unnest($2::text[]) AS t (name)`,
          [prefix, [...tables.values(), 'fasten_disclosures', 'fasten_clock']],
        )
        return found?.['may'] === true
      }),
    pruneMonths: (order) => pruneMonths({ order, digest, read, transact }),
    retentionTime: async (reading, trustsWall = false) => {
      if (!isWriting) return read(async (place) => (await timeOf(place, reading, trustsWall)).nowMicros)
      return transact([], async ({ sql, prefix }, place) => {
        const { mark, nowMicros } = await timeOf(place, reading, trustsWall)
        if (trustsWall) await sql.run(`DELETE FROM ${prefix}fasten_clock`)
        await sql.run(
          `INSERT INTO ${prefix}fasten_clock AS c (machine, uptime, trusted) VALUES ($1, $2, $3)
          ON CONFLICT (machine) DO UPDATE SET uptime = excluded.uptime, trusted = excluded.trusted`,
          [mark.machine, Math.floor(mark.uptimeMicros), Math.floor(mark.trustedMicros)],
        )
        await sql.run(
          `DELETE FROM ${prefix}fasten_clock WHERE machine <> $1 AND machine NOT IN
            (SELECT machine FROM ${prefix}fasten_clock ORDER BY trusted DESC LIMIT ${clockMarksMax})`,
          [mark.machine],
        )
        return nowMicros
      })
    },
    holds: () => read(allHolds),
    placeHold: async ({ rows, reason, by }) => {
      const hold: Hold = {
        hold_id: `hold-${ids.randomHex(6)}`,
        rows,
        reason,
        placed_by: by,
        placed_at: now(),
        released_at: null,
        released_by: null,
      }
      const bases = await read((place) => basesOfHold(place, hold))
      return transact(bases, async ({ sql, prefix, appendOwn }) => {
        await sql.run(
          `INSERT INTO ${prefix}fasten_holds (hold_id, held_rows, reason, placed_by, placed_at) VALUES ($1, $2, $3, $4, $5)`,
          [hold.hold_id, canonicalize(heldRowsFacts(rows)), reason, by, hold.placed_at],
        )
        const facts = holdFacts(hold, digest)
        for (const base of bases) await appendOwn(base, { code: 'HOLD_PLACED', facts, actor: by, reason })
        return hold
      })
    },
    releaseHold: async (hold_id, by, reason) => {
      const find = async (place: RetentionPlace): Promise<Hold> => {
        const hold = (await allHolds(place)).find(
          (each) => each.hold_id === hold_id && each.released_at === null,
        )
        if (hold !== undefined) return hold
        throw new FastenError('HOLD_UNKNOWN', `no hold "${hold_id}" is in force`, {
          at: hold_id,
          hint: 'see fasten retention hold list',
        })
      }
      const bases = await read(async (place) => basesOfHold(place, await find(place)))
      return transact(bases, async ({ sql, prefix, appendOwn }, place) => {
        const released = { ...(await find(place)), released_at: now(), released_by: by }
        await sql.run(
          `UPDATE ${prefix}fasten_holds SET released_at = $1, released_by = $2 WHERE hold_id = $3`,
          [released.released_at, by, hold_id],
        )
        for (const base of bases)
          await appendOwn(base, { code: 'HOLD_RELEASED', facts: { hold_id }, actor: by, reason })
        return released
      })
    },
    markReplicated: (places, markedAt) =>
      transact([], async ({ sql, prefix }, { tables }) => {
        await sql.run(
          `INSERT INTO ${prefix}fasten_retention (log_id, replicated_size, replicated_at)
          SELECT log_id, m.size, $3 FROM unnest($1::text[], $2::bigint[]) AS m (log, size)
          JOIN ${prefix}fasten_logs l ON l.log = m.log AND l.table_name = ANY($4) ORDER BY log_id
          ON CONFLICT (log_id) DO UPDATE
          SET replicated_size = excluded.replicated_size, replicated_at = excluded.replicated_at`,
          [places.map(({ log }) => log), places.map(({ size }) => size), markedAt, [...tables.values()]],
        )
      }),
    compact: async (_bytesMax, mayRewrite = false) => {
      const { prefix, tables } = await read(async (place) => ({
        prefix: place.prefix,
        tables: [...place.tables.values()],
      }))
      const compaction = await aside((sql) => compactPartitions(sql, { prefix, tables, touched, mayRewrite }))
      touched.clear()
      return compaction
    },
  }
}

async function judged(
  place: RetentionPlace,
  log: SweptLog,
  { stretches, policy, nowMicros, needsReplication, needsCheckpoint }: PruneOrder,
  digest: Digest,
): Promise<ReadonlyMap<number, Judgement>> {
  const about = {
    stream: log.stream,
    policy,
    nowMicros,
    digest,
    holds: await allHolds(place),
    replicatedSize: needsReplication ? log.replicatedSize : Infinity,
    anchoredSize: needsCheckpoint ? await anchoredSize(place, log) : Infinity,
  }
  const byStretch = new Map<number, Judgement>()
  for (const stretch of stretches) byStretch.set(stretch, judgeRows(await rowsIn(place, log, stretch), about))
  return byStretch
}

/** What the next sweep has to know of the stretches that were looked at, and of the log. */
async function note(
  { sql, prefix }: RetentionPlace,
  { logId, size }: SweptLog,
  hash: string,
  rows: number,
  byStretch: ReadonlyMap<number, Judgement>,
): Promise<void> {
  for (const [stretch, { dueMicros }] of byStretch) {
    // One that is still being filled is looked at again.
    if ((stretch + 1) * stretchRows > size) continue
    await sql.run(
      `INSERT INTO ${prefix}fasten_stretches (log_id, stretch, policy_hash, due) VALUES ($1, $2, $3, $4)
      ON CONFLICT (log_id, stretch) DO UPDATE SET policy_hash = excluded.policy_hash, due = excluded.due`,
      [logId, stretch, hash, dueMicros === null ? null : Math.ceil(dueMicros)],
    )
  }
  await sql.run(
    `INSERT INTO ${prefix}fasten_retention AS r (log_id, policy_hash, expired) VALUES ($1, $2, $3)
    ON CONFLICT (log_id) DO UPDATE SET policy_hash = excluded.policy_hash, expired = r.expired + excluded.expired`,
    [logId, hash, rows],
  )
}

async function timeOf(
  place: RetentionPlace,
  reading: ClockReading,
  trustsWall: boolean,
): Promise<ReturnType<typeof advance>> {
  if (trustsWall) return advance(reading, [], null)
  const newest = await newestMove(place)
  return advance(reading, await clockMarks(place), newest === null ? null : (parseTime(newest, 0) ?? null))
}

const nothingKept = { held: 0, unreplicated: 0, unanchored: 0 }
