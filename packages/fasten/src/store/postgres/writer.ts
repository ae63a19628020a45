// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '../../core/clock.ts'
import type { Digest } from '../../core/digest.ts'
import { FastenError } from '../../core/error.ts'
import type { IdSource } from '../../core/ids.ts'
import { formatMicros } from '../../core/timestamp.ts'
import { createHeadMemory } from '../heads.ts'
import { recallFrom } from '../keys/sealed-memory.ts'
import type { Signing } from '../keys/signing.ts'
import { createOwnRows, type Software } from '../own-rows.ts'
import type { AppendBatch, AppendResult, OutboxPlace, OutboxRow } from '../ports.ts'
import type { StreamTables } from '../row-tables.ts'
import type { PostgresAddress } from './address.ts'
import { createTransactions, type DeedOptions, type PostgresDeed, type Transactions } from './append.ts'
import { closeClient, connectTo, dropClient, holdProcess } from './connect.ts'
import type { Timeouts } from './timeouts.ts'
import type { PgDriver } from './driver.ts'
import { isOfStatement, isUniqueViolation, storeFault } from './fault.ts'
import { strayFrom } from './locked-logs.ts'
import { migrate, prefixOf, resolveSchema } from './migrate.ts'
import { createMonths } from './months.ts'
import { outboxPlace, outboxRows } from './outbox.ts'
import type { RefusedKey } from '../privacy/key-store.ts'
import type { UseSql } from './key-store.ts'
import { sqlOf, type Sql } from './sql.ts'

export interface PostgresWriterOptions {
  readonly address: PostgresAddress
  readonly schema: string | undefined
  readonly tables: StreamTables
  readonly driver: PgDriver
  readonly digest: Digest
  readonly clock: Clock
  readonly ids: IdSource
  readonly software: Software
  readonly timeouts: Timeouts
  readonly signing?: Signing | undefined
}

/** The writing half over one connection, used by one call at a time. What it throws is a FastenError or a mistake of ours. */
export interface PostgresWriter {
  append(batch: AppendBatch, refused?: readonly RefusedKey[]): Promise<AppendResult>
  spoolPosition(spool: string): Promise<bigint>
  forgetSpool(spool: string): Promise<void>
  outboxRows(rowsMax: number): Promise<readonly OutboxRow[]>
  outboxPlace(): Promise<OutboxPlace>
  /** One transaction of maintenance: sweeping, erasing, declaring a key. What it does and the rows that tell of it commit together. */
  perform<T>(work: (deed: PostgresDeed) => Promise<T>, options?: DeedOptions): Promise<T>
  /** The connection outside of any transaction, for what cannot run in one. */
  use: UseSql
  close(): Promise<void>
}

/**
 * Connects at once, and again whenever trust in the connection is lost: after anything but a statement's own failure it is dropped, and
 * the server rolls back whatever it held. When that happens during COMMIT nobody knows whether the batch is stored; it is tried
 * again, and then answered with the places it has.
 *
 * The connection keeps no process alive while nothing is asked of it.
 */
export async function openPostgresWriter(options: PostgresWriterOptions): Promise<PostgresWriter> {
  const { address, clock, driver, tables, timeouts } = options
  const at = address.shown
  const now = (): string => formatMicros(clock.nowMicros())
  const { signing } = options
  const memory = createHeadMemory(recallFrom(signing?.memory))
  const publicKey = (): Uint8Array | undefined => signing?.signer().publicKey
  const ownRows = createOwnRows(options)
  let isClosed = false
  let turn: Promise<unknown> = Promise.resolve()
  let session: Session | undefined = await connect()

  async function connect(): Promise<Session> {
    const client = await connectTo(driver, address, 'read-write', timeouts)
    try {
      const sql = sqlOf(client)
      const schema = await resolveSchema(sql, options.schema, at)
      const { name, version } = options.software
      await migrate(sql, { schema, at, tables, createdAt: now(), createdBy: `${name}/${version}` })
      const months = createMonths(schema, tables)
      const [row] = await sql.run("SELECT (now() AT TIME ZONE 'UTC')::date::text AS today")
      await months.make(sql, String(row?.['today']))
      await raiseCounter(sql, schema, tables)
      holdProcess(client, false)
      const transactions = createTransactions(sql, {
        ...options,
        schema,
        now,
        memory,
        ownRows,
        months,
        publicKey,
      })
      return { sql, prefix: prefixOf(schema), transactions }
    } catch (error) {
      dropClient(client)
      throw storeFault(error, at)
    }
  }

  /** One after another: a connection has one transaction at a time. */
  function exclusive<T>(work: (session: Session) => Promise<T>): Promise<T> {
    const mine = turn.then(() => attempt(work))
    turn = mine.catch(() => undefined)
    return mine
  }

  async function attempt<T>(work: (session: Session) => Promise<T>): Promise<T> {
    if (isClosed) throw new TypeError('the store is closed')
    session ??= await connect()
    const { sql } = session
    holdProcess(sql.client, true)
    try {
      return await work(session)
    } catch (error) {
      if (isOfStatement(error)) await sql.rollback()
      else drop()
      // Another transaction stored a row with the same id first; trying again finds it.
      if (isUniqueViolation(error)) throw heldElsewhere(error, at)
      throw storeFault(error, at)
    } finally {
      holdProcess(sql.client, false)
    }
  }

  function drop(): void {
    if (session !== undefined) dropClient(session.sql.client)
    session = undefined
  }

  return {
    append: (batch, refused) => exclusive(({ transactions }) => transactions.append(batch, refused)),
    use: (work) => exclusive(({ sql, prefix }) => work(sql, prefix)),
    perform: (work, about) => exclusive(({ transactions }) => transactions.perform(work, about)),
    spoolPosition: (spool) =>
      exclusive(async ({ sql, prefix }) => {
        const [row] = await sql.run(`SELECT position FROM ${prefix}fasten_spools WHERE spool = $1`, [spool])
        return BigInt(String(row?.['position'] ?? 0))
      }),
    forgetSpool: (spool) =>
      exclusive(async ({ sql, prefix }) => {
        await sql.run(`DELETE FROM ${prefix}fasten_spools WHERE spool = $1`, [spool])
      }),
    outboxRows: (rowsMax) => exclusive(({ sql, prefix }) => outboxRows(sql, prefix, rowsMax)),
    outboxPlace: () => exclusive(({ sql, prefix }) => outboxPlace(sql, prefix)),
    async close() {
      if (isClosed) return
      isClosed = true
      await turn
      if (session !== undefined) await closeClient(session.sql.client)
      session = undefined
    },
  }
}

interface Session {
  readonly sql: Sql
  readonly prefix: string
  readonly transactions: Transactions
}

/**
 * The counters stand at least as high as any row does: after a restore of some tables but not of others, a cursor must not see a
 * number twice. Looked at once per connection, which costs a look into the end of each index.
 */
async function raiseCounter(sql: Sql, schema: string, tables: StreamTables): Promise<void> {
  const prefix = prefixOf(schema)
  const carried = ['fasten_logs', ...Object.values(tables)].map(
    (table) => `(SELECT max(position) FROM ${prefix}"${table}" WHERE position < ${strayFrom})`,
  )
  const [row] = await sql.run(
    `SELECT greatest(0, ${carried.join(', ')}) AS newest,
      (SELECT value FROM ${prefix}fasten_counters WHERE name = 'position') AS position,
      (SELECT value FROM ${prefix}fasten_counters WHERE name = 'log_id') AS log_id`,
  )
  const set = (name: string, value: unknown): Promise<number> =>
    sql.change(
      `INSERT INTO ${prefix}fasten_counters AS c (name, value) VALUES ($1, $2)
      ON CONFLICT (name) DO UPDATE SET value = greatest(c.value, excluded.value)`,
      [name, value],
    )
  if ((row?.['position'] ?? null) === null || Number(row?.['newest']) > Number(row?.['position']))
    await set('position', row?.['newest'] ?? 0)
  if ((row?.['log_id'] ?? null) === null) await set('log_id', 0)
}

function heldElsewhere(cause: unknown, at: string): FastenError {
  return new FastenError('STORE_BUSY', 'another transaction stored the same row, or one in the same place', {
    at,
    hint: 'nothing was stored and the batch is tried again',
    cause,
  })
}
