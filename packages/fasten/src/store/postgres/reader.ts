// SPDX-License-Identifier: Apache-2.0
import { readCheckpoints, readLeafHashes } from './checkpoints.ts'
import { systemCode } from '../../core/error.ts'
import { streams, type StreamName } from '../../core/row.ts'
import { isTableName } from '../dsn.ts'
import type { EvidenceRow, RowSource, StoreDescription } from '../ports.ts'
import type { ErasureLedger } from '../privacy/erasure-ledger.ts'
import type { KeyStore } from '../privacy/key-store.ts'
import type { SealedValues } from '../privacy/personal-store.ts'
import { createPersonalEvidence, sealedFrom, type BoxAt } from '../privacy/sealed-from.ts'
import { readableTables } from '../readable-tables.ts'
import type { StreamTables } from '../row-tables.ts'
import {
  evidencePage,
  firstPlace,
  knownLogsOf,
  logNamed,
  logsOf,
  logsWithoutTable,
  type EvidencePlace,
  type KnownLog,
} from './evidence.ts'
import { ignoreEnd } from './connect.ts'
import { describeServer } from './describe.ts'
import { strayFrom } from './locked-logs.ts'
import { hasTable, ownTables, prefixOf, resolveSchema, schemaVersion } from './migrate.ts'
import type { ReadingPool } from './pool.ts'
import { isKept, shippedLogs } from './retention-tables.ts'
import { count, estimate, scan, type TableOf } from './scan.ts'
import type { Sql } from './sql.ts'
import { summaryOf } from './summary.ts'

export interface PostgresReaderOptions {
  readonly pool: ReadingPool
  readonly schema: string | undefined
  /** Undefined: whatever tables of ours the schema has. */
  readonly tables: StreamTables | undefined
  readonly onlyTable: string | undefined
  /**
   * The reader sees a part of the rows: row-level security binds it. Logs are then those that the table of logs knows. To look for rows of
   * others goes from row to row along an index, past all that may not be seen.
   */
  readonly isBound?: boolean | undefined
  /** The DSN without secrets. */
  readonly at: string
  readonly keys: KeyStore
  readonly ledger: ErasureLedger | null
}

export interface PostgresReader {
  readonly source: RowSource
  /** Reads what is committed now. */
  read<T>(work: (sql: Sql, found: Found) => Promise<T>): Promise<T>
  /** Rejects when there is nothing to read. */
  look(): Promise<void>
}

/** What a reader found in the schema. */
export interface Found {
  readonly schema: string
  readonly prefix: string
  readonly tables: ReadonlyMap<StreamName, string>
  /** Tables with rows of ours that were not asked for. */
  readonly others: readonly string[]
  /** A writer may yet create tables that are not there. */
  readonly isPartial: boolean
  /** True for the name of a table of ours that should be read here and is not there any more. */
  readonly isLost: (table: string) => boolean
  /** False for a schema that was last written before there were checkpoints. */
  readonly hasCheckpoints: boolean
  /** False for a schema that was last written before there was retention; somebody may have brought it up to date since. */
  readonly hasExpired: boolean
  /** Tables whose texts are indexed as names; the others are indexed as fasten does. */
  readonly indexedByName: ReadonlySet<string>
}

/**
 * The reading half over a pool. It sees committed rows, never waits for a writer, and holds no snapshot between two calls.
 *
 * Calls throw FastenError `STORE_EMPTY` when the schema holds no rows of ours.
 */
export function createPostgresReader(options: PostgresReaderOptions): PostgresReader {
  const { pool } = options
  const logsIn = options.isBound === true ? knownLogsOf : logsOf
  let found: Found | undefined

  async function attempt<T>(work: (sql: Sql, found: Found) => Promise<T>): Promise<T> {
    return pool.use(async (sql) => {
      try {
        if (found === undefined || found.isPartial) found = await look(sql, options)
        return await work(sql, found)
      } catch (error) {
        // A table went away; the next question looks again for what there is.
        if (systemCode(error) === '42P01') found = undefined
        throw error
      }
    })
  }

  /** Nothing for a stream that this store does not keep. */
  const onTable = <T>(
    stream: StreamName,
    none: T,
    work: (sql: Sql, of: TableOf, found: Found) => Promise<T>,
  ): Promise<T> =>
    attempt(async (sql, there) => {
      const table = there.tables.get(stream)
      if (table === undefined) return none
      const { prefix, indexedByName } = there
      const indexedBy = indexedByName.has(table) ? 'name' : 'left'
      return work(
        sql,
        { stream, prefix, table, indexedBy, logs: () => logsIn(sql, prefix, stream, table) },
        there,
      )
    })

  async function* evidence(log: string, fromSeq = 0, toSeq?: number): AsyncGenerator<EvidenceRow> {
    const known = await attempt(async (sql, { prefix, tables }) => {
      for (const [stream, table] of tables) {
        const named = await logNamed(sql, prefix, stream, table, log)
        if (named !== undefined) return named
      }
      return undefined
    })
    if (known === undefined) return
    const pageAfter = (place?: EvidencePlace) =>
      attempt(async (sql, { prefix, hasExpired }) => {
        const mayHaveExpired = hasExpired || (await isKept({ sql, prefix }))
        const page = { toSeq, limit: evidenceRows, mayHaveExpired }
        const after = place ?? (await firstPlace(sql, prefix, known, fromSeq, page))
        if (after === undefined) return { rows: [], next: undefined }
        return evidencePage(sql, prefix, known, { ...page, after })
      })
    // Page by page, so that neither memory nor a snapshot grows with the log; the server reads the next while this one is verified.
    let next: ReturnType<typeof pageAfter> | undefined = pageAfter()
    try {
      while (next !== undefined) {
        const { rows, next: place }: Awaited<typeof next> = await next
        next = place && pageAfter(place)
        // Thrown where it is awaited, above, and not before the rows that were read are handed out.
        next?.catch(ignoreEnd)
        yield* known.isReplica ? rows : await withPersonal(rows)
      }
    } finally {
      // Whoever has seen enough may close the store next.
      await next?.catch(ignoreEnd)
    }
  }

  const withPersonal = createPersonalEvidence((stream, positions) => sealedValues(stream, positions))

  const sealedValues: SealedValues = async (stream, positions) => {
    if (stream !== 'audit' || positions.length === 0) return []
    const boxes = await attempt(async (sql, { prefix }) => boxesAt(sql, prefix, positions))
    return sealedFrom(boxes, options.keys, options.ledger)
  }

  const source: RowSource = {
    sealedValues,
    valuesUnder: (keyIds) => attempt(async (sql, { prefix }) => valuesUnder(sql, prefix, keyIds)),
    scan: (query) => onTable(query.stream, [], (sql, of) => scan(sql, of, query)),
    count: (stream, filter, atMost) => onTable(stream, 0, (sql, of) => count(sql, of, filter, atMost)),
    estimate: (stream, filter) => onTable(stream, 0, (sql, of) => estimate(sql, of, filter)),
    heads: () =>
      attempt(async (sql, there) =>
        (await allLogs(sql, there, logsIn)).map(({ log, stream, size, head_hash, isReplica }) => ({
          log,
          stream,
          size,
          head_hash,
          ...(isReplica ? { isReplica } : {}),
        })),
      ),
    evidence,
    position: (stream) => onTable(stream, 0, options.isBound === true ? newestKnownPosition : newestPosition),
    summary: (stream, since, until) =>
      onTable(stream, [], async (sql, { prefix, table, logs }) =>
        summaryOf(sql, `${prefix}"${table}"`, await logs(), since, until),
      ),
    describe: () => attempt((sql, there) => describe(sql, there, options)),
    checkpoints: (query) =>
      attempt(async (sql, there) => (there.hasCheckpoints ? readCheckpoints(sql, there, query) : [])),
    leafHashes: (log, from, to) => attempt((sql, there) => readLeafHashes(sql, there, { log, from, to })),
    shipped: () => attempt((sql, { prefix, tables }) => shippedLogs({ sql, prefix, tables })),
  }
  return { source, read: attempt, look: () => attempt(async () => undefined) }
}

/** Rows read at a time for verification: enough to make the query's own cost vanish, and at most 32 MiB of leaves; two pages are held. */
const evidenceRows = 512

async function look(sql: Sql, options: PostgresReaderOptions): Promise<Found> {
  const schema = await resolveSchema(sql, options.schema, options.at)
  await schemaVersion(sql, { schema, at: options.at })
  const own = new Map<string, StreamName>()
  for (const [table, stream] of await ownTables(sql, schema)) {
    // Somebody may have dropped a table and left it in the list, or written there what is no name.
    if (isTableName(table) && (await hasTable(sql, schema, table))) own.set(table, stream)
  }
  const prefix = prefixOf(schema)
  const isLost = (table: string): boolean => !own.has(table) && isAskedFor(table, options)
  const hasLogs = await hasTable(sql, schema, 'fasten_logs')
  const hasLost = hasLogs && (await logsWithoutTable(sql, prefix, isLost)).length > 0
  const tables = readableTables(own, {
    ...options,
    mayBeNone: hasLost,
    place: `the schema "${schema}"`,
    hint: 'check database and schema in the DSN, or write to it first',
  })
  const used = new Set(tables.values())
  return {
    schema,
    prefix,
    tables,
    others: options.tables === undefined ? [...own.keys()].filter((table) => !used.has(table)) : [],
    isPartial: tables.size < Object.keys(options.tables ?? {}).length,
    isLost,
    hasCheckpoints: await hasTable(sql, schema, 'fasten_checkpoints'),
    hasExpired: await hasTable(sql, schema, 'fasten_expired'),
    indexedByName: await tablesIndexedByName(sql, schema),
  }
}

/** Fasten makes no such index; whoever binds readers by row-level security adds them (where.ts). */
async function tablesIndexedByName(sql: Sql, schema: string): Promise<ReadonlySet<string>> {
  const rows = await sql.run(
    `SELECT DISTINCT tablename FROM pg_indexes WHERE schemaname = $1 AND indexdef LIKE '%::name),%'`,
    [schema],
  )
  return new Set(rows.map(({ tablename }) => String(tablename)))
}

async function allLogs(
  sql: Sql,
  { prefix, tables, isLost }: Found,
  logsIn: typeof logsOf,
): Promise<KnownLog[]> {
  const logs: KnownLog[] = []
  for (const [stream, table] of tables) logs.push(...(await logsIn(sql, prefix, stream, table)))
  return [...logs, ...(await logsWithoutTable(sql, prefix, isLost))]
}

async function boxesAt(sql: Sql, prefix: string, positions: readonly number[]): Promise<readonly BoxAt[]> {
  try {
    const rows = await sql.run(
      `SELECT d.position, d.pointer, d.key_id, d.box, e.key_id IS NOT NULL AS erased
      FROM ${prefix}fasten_disclosures d LEFT JOIN ${prefix}fasten_erased_keys e ON e.key_id = d.key_id
      WHERE d.position = ANY($1::bigint[]) ORDER BY d.position, d.pointer`,
      [positions],
    )
    return rows.map((row) => ({
      position: Number(row['position']),
      pointer: String(row['pointer']),
      key_id: String(row['key_id']),
      box: row['box'] instanceof Uint8Array ? row['box'] : null,
      isErased: row['erased'] === true,
    }))
  } catch (error) {
    // A schema of an earlier layout has none.
    if (systemCode(error) === '42P01') return []
    throw error
  }
}

async function valuesUnder(sql: Sql, prefix: string, keyIds: readonly string[]): Promise<number> {
  try {
    const [row] = await sql.run(
      `SELECT count(*) AS n FROM ${prefix}fasten_disclosures WHERE box IS NOT NULL AND key_id = ANY($1)`,
      [keyIds],
    )
    return Number(row?.['n'])
  } catch (error) {
    // A schema of an earlier layout has none.
    if (systemCode(error) === '42P01') return 0
    throw error
  }
}

async function newestPosition(sql: Sql, { prefix, table }: TableOf): Promise<number> {
  // A row at a position that no counter reaches would hide every later one from those who follow.
  const [row] = await sql.run(
    `SELECT greatest(0, (SELECT max(position) FROM ${prefix}"${table}" WHERE position < ${strayFrom}),
      (SELECT max(position) FROM ${prefix}fasten_logs WHERE table_name = $1 AND position < ${strayFrom})) AS position`,
    [table],
  )
  return Number(row?.['position'] ?? 0)
}

async function newestKnownPosition(sql: Sql, { prefix, table }: TableOf): Promise<number> {
  const [row] = await sql.run(
    `SELECT max(position) AS position FROM ${prefix}fasten_logs WHERE table_name = $1 AND position < ${strayFrom}`,
    [table],
  )
  return Number(row?.['position'] ?? 0)
}

async function describe(
  sql: Sql,
  { schema, prefix, tables, others }: Found,
  { at, onlyTable }: PostgresReaderOptions,
): Promise<StoreDescription> {
  const [sums] = await sql.run(
    `SELECT coalesce(sum(size), 0) AS rows, max(moved_at) AS moved_at FROM ${prefix}fasten_logs WHERE table_name = ANY($1)`,
    [[...tables.values()]],
  )
  const server = await describeServer(sql, schema, [...tables.values()])
  const newest = sums?.['moved_at']
  return {
    kind: 'postgres',
    dsn: at,
    version: server.version,
    streams: streams.filter((stream) => tables.has(stream)),
    rows: Number(sums?.['rows'] ?? 0) - (await expiredRows(sql, prefix, [...tables.values()])),
    last_insert_at: typeof newest === 'string' ? newest : null,
    isDurable: server.isDurable,
    // Who names one table has asked for no other.
    ...(others.length === 0 || onlyTable !== undefined ? {} : { unread: others }),
    warnings: [
      ...server.warnings,
      ...others.map(
        (table) =>
          `the schema also holds the table "${table}", which is not read here: name it with ?table=${table}`,
      ),
    ],
  }
}

/** Rows whose content is gone: a log counts them, the store has them no more. */
async function expiredRows(sql: Sql, prefix: string, tables: readonly string[]): Promise<number> {
  if (!(await isKept({ sql, prefix }))) return 0
  const [row] = await sql.run(
    `SELECT coalesce(sum(expired), 0) AS expired FROM ${prefix}fasten_retention
    JOIN ${prefix}fasten_logs USING (log_id) WHERE table_name = ANY($1)`,
    [tables],
  )
  return Number(row?.['expired'] ?? 0)
}

function isAskedFor(table: string, { tables, onlyTable }: PostgresReaderOptions): boolean {
  if (onlyTable !== undefined) return onlyTable === table
  return tables === undefined || Object.values(tables).includes(table)
}
