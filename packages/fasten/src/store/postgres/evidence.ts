// SPDX-License-Identifier: Apache-2.0
import { genesis } from '../../core/chain.ts'
import { columnNames, numericColumns } from '../../core/columns.ts'
import { parseLogName } from '../../core/log-name.ts'
import { readJson } from '../../core/read-json.ts'
import type { StreamName } from '../../core/row.ts'
import type { EvidenceRow, LogHead } from '../ports.ts'
import { isReplica } from './schema.ts'
import type { Sql, SqlCell, SqlRecord } from './sql.ts'

/** A log of one row table. `logId` is what its rows carry, whether or not the table of logs knows it. */
export interface KnownLog extends LogHead {
  /** As text, since somebody may have written any 64 bits there. */
  readonly logId: string
  /** Null when the table is gone, and all rows with it. */
  readonly table: string | null
  /** Rows that another store wrote: their personal values stayed there. */
  readonly isReplica: boolean
}

/** The logs of a table that the table of logs knows, by name. */
export async function knownLogsOf(
  sql: Sql,
  prefix: string,
  stream: StreamName,
  table: string,
): Promise<KnownLog[]> {
  const known = await sql.run(
    `SELECT ${headColumns} FROM ${prefix}fasten_logs l WHERE table_name = $1 ORDER BY log`,
    [table],
  )
  return known.map((record) => knownLog(record, stream, table))
}

/**
 * The logs of a table, by name. Rows that carry a `log_id` which the table of logs does not have are a log too: it is called
 * `unknown-log/<table>/<log_id>`, should hold no rows, and so fails verification instead of staying out of sight.
 */
export async function logsOf(
  sql: Sql,
  prefix: string,
  stream: StreamName,
  table: string,
): Promise<KnownLog[]> {
  const logs = await knownLogsOf(sql, prefix, stream, table)
  const ids = new Set(logs.map(({ logId }) => logId))
  // By jumping from one log to the next in the index of places, so that it costs what there are logs, not rows.
  const carried = await sql.run(`
    WITH RECURSIVE ids (log_id) AS (
      SELECT min(log_id) FROM ${prefix}"${table}"
      UNION ALL
      SELECT (SELECT min(log_id) FROM ${prefix}"${table}" WHERE log_id > ids.log_id) FROM ids
      WHERE ids.log_id IS NOT NULL
    ) SELECT log_id FROM ids WHERE log_id IS NOT NULL`)
  for (const { log_id } of carried) {
    const logId = String(log_id)
    if (!ids.has(logId))
      logs.push({
        log: `unknown-log/${table}/${logId}`,
        stream,
        size: 0,
        head_hash: genesis,
        logId,
        table,
        isReplica: false,
      })
  }
  return logs
}

/** One log of a table by its name, without looking at the others: a fleet's store has thousands. */
export async function logNamed(
  sql: Sql,
  prefix: string,
  stream: StreamName,
  table: string,
  log: string,
): Promise<KnownLog | undefined> {
  if (log.includes('\0')) return undefined
  const [found] = await sql.run(
    `SELECT ${headColumns} FROM ${prefix}fasten_logs l WHERE table_name = $1 AND log = $2`,
    [table, log],
  )
  if (found !== undefined) return knownLog(found, stream, table)
  if (!log.startsWith('unknown-log/')) return undefined
  return (await logsOf(sql, prefix, stream, table)).find((candidate) => candidate.log === log)
}

/**
 * Logs whose row table `isGone`: dropped, renamed, or struck from the list of tables. Their heads still say what should be there,
 * so they fail verification instead of vanishing with the table.
 */
export async function logsWithoutTable(
  sql: Sql,
  prefix: string,
  isGone: (table: string) => boolean,
): Promise<KnownLog[]> {
  const records = await sql.run(`SELECT table_name, ${headColumns} FROM ${prefix}fasten_logs l ORDER BY log`)
  return records
    .filter(({ table_name }) => isGone(String(table_name)))
    .map((record) => knownLog(record, parseLogName(String(record['log']))?.stream ?? 'audit', null))
}

const headColumns = `log_id, log, size, head_hash, ${isReplica('l')} AS is_replica`

function knownLog(record: SqlRecord, stream: StreamName, table: string | null): KnownLog {
  return {
    log: String(record['log']),
    stream,
    size: Number(record['size']),
    head_hash: String(record['head_hash']),
    logId: String(record['log_id']),
    table,
    isReplica: record['is_replica'] === true,
  }
}

/** A row's place in the order of evidence, as text: 64 bits, since a number that no counter reaches hides no row. */
export interface EvidencePlace {
  readonly seq: string
  readonly position: string
}

const int64Max = 2n ** 63n - 1n

const int64Min = -int64Max - 1n

export interface EvidencePage {
  /** The rows behind this place. */
  readonly after: EvidencePlace
  readonly toSeq: number | undefined
  /** Rows, and the numbers that are looked through for them. */
  readonly limit: number
  readonly mayHaveExpired: boolean
}

/**
 * Rows of a log, whether their content is there or only the hash that it left, in the order of `monotonic_seq` and then position, and
 * the place to go on from; undefined behind the last row. Nearly every page is full, but any may hold less, and even nothing.
 *
 * It looks through a stretch of numbers, and not for the next so many rows, however far they lie: then the server reads these rows and
 * no others by whatever plan. A LIMIT alone it met, as soon as the plan was one for all pages, by sorting all that was left of the log.
 */
export async function evidencePage(
  sql: Sql,
  prefix: string,
  log: KnownLog,
  page: EvidencePage,
): Promise<{ readonly rows: readonly EvidenceRow[]; readonly next: EvidencePlace | undefined }> {
  const { after, toSeq, limit, mayHaveExpired } = page
  const end = least(toSeq === undefined ? int64Max : BigInt(toSeq), BigInt(after.seq) + BigInt(limit))
  const stretch = { after, end: String(end), limit }
  const whole = await wholePage(sql, prefix, log, stretch)
  const gone = mayHaveExpired ? await expiredPage(sql, prefix, log, stretch) : []
  // Each list is complete up to its own last row, so the first rows of both together are.
  const both = gone.length === 0 ? whole : [...whole, ...gone].sort(comparePlaces).slice(0, limit)
  const rows = both.map(({ row }) => row)
  if (both.length === limit) return { rows, next: both.at(-1)?.place }
  return { rows, next: end === int64Max ? undefined : await placeBefore(sql, prefix, log, end + 1n, page) }
}

/** Where rows begin for whoever asks for all from `fromSeq` on: from 0 on are also those that lie below it, where none may be. */
export const firstPlace = (
  sql: Sql,
  prefix: string,
  log: KnownLog,
  fromSeq: number,
  page: Pick<EvidencePage, 'toSeq' | 'mayHaveExpired'>,
): Promise<EvidencePlace | undefined> =>
  placeBefore(sql, prefix, log, fromSeq <= 0 ? int64Min : BigInt(fromSeq), page)

/** The place before the first row whose number is `from` or larger. */
async function placeBefore(
  sql: Sql,
  prefix: string,
  { logId, table }: KnownLog,
  from: bigint,
  { toSeq, mayHaveExpired }: Pick<EvidencePage, 'toSeq' | 'mayHaveExpired'>,
): Promise<EvidencePlace | undefined> {
  const first = (rows: string): string =>
    `(SELECT min(monotonic_seq) FROM ${prefix}${rows} WHERE log_id = $1 AND monotonic_seq >= $2)`
  const firsts = [
    ...(table === null ? [] : [first(`"${table}"`)]),
    ...(mayHaveExpired ? [first('fasten_expired')] : []),
  ]
  if (firsts.length === 0) return undefined
  const [row] = await sql.prepared(`SELECT least(${firsts.join(', ')})`, [logId, String(from)])
  const found = row?.[0] ?? null
  const seq = found === null ? undefined : BigInt(String(found))
  if (seq === undefined || (toSeq !== undefined && seq > BigInt(toSeq))) return undefined
  return seq === int64Min
    ? { seq: String(seq), position: String(int64Min) }
    : { seq: String(seq - 1n), position: String(int64Max) }
}

const least = (one: bigint, other: bigint): bigint => (one < other ? one : other)

interface Stretch {
  readonly after: EvidencePlace
  /** The last number. */
  readonly end: string
  readonly limit: number
}

interface PlacedRow {
  readonly row: EvidenceRow
  readonly place: EvidencePlace
}

function comparePlaces({ place: one }: PlacedRow, { place: other }: PlacedRow): number {
  const [left, right] =
    one.seq === other.seq
      ? [BigInt(one.position), BigInt(other.position)]
      : [BigInt(one.seq), BigInt(other.seq)]
  return left < right ? -1 : left > right ? 1 : 0
}

async function expiredPage(
  sql: Sql,
  prefix: string,
  { logId }: KnownLog,
  { after, end, limit }: Stretch,
): Promise<readonly PlacedRow[]> {
  const found = await sql.prepared(
    `SELECT monotonic_seq, position, encode(hash, 'hex') FROM ${prefix}fasten_expired
    WHERE log_id = $1 AND monotonic_seq >= $2 AND (monotonic_seq, position) > ($2, $3) AND monotonic_seq <= $4
    ORDER BY monotonic_seq LIMIT ${limit}`,
    [logId, after.seq, after.position, end],
  )
  return found.map(([seq, position, hash]) => ({
    place: { seq: String(seq), position: String(position) },
    row: {
      monotonic_seq: Number(seq),
      leaf: null,
      hash: String(hash),
      position: Number(position),
      columns: {},
    },
  }))
}

/** The rows of the table itself, as they lie there. */
async function wholePage(
  sql: Sql,
  prefix: string,
  { logId, table, stream }: KnownLog,
  { after, end, limit }: Stretch,
): Promise<readonly PlacedRow[]> {
  if (table === null) return []
  const names = columnNames[stream]
  const found = await sql.prepared(
    `SELECT position, monotonic_seq, hash, leaf, ${names.join(', ')} FROM ${prefix}"${table}"
    WHERE log_id = $1 AND monotonic_seq >= $2 AND (monotonic_seq, position) > ($2, $3) AND monotonic_seq <= $4
    ORDER BY monotonic_seq, position LIMIT ${limit}`,
    [logId, after.seq, after.position, end],
  )
  // Copied for each row: an object that has all its members already is quicker to fill than one that grows.
  const blank: Readonly<Record<string, string | number | null>> = Object.fromEntries(
    names.map((name) => [name, null]),
  )
  const areNumbers = names.map((name) => numericColumns.has(name))
  return found.map((cells): PlacedRow => {
    const [position, seq, hash = null, leaf = null] = cells
    const columns = { ...blank }
    for (let index = 0; index < names.length; index++) {
      const cell = cells[index + 4] ?? null
      if (cell !== null) columns[names[index] ?? ''] = areNumbers[index] ? plain(cell) : String(cell)
    }
    if (typeof leaf === 'string' && leaf.includes('\\u0000')) restoreNul(columns, leaf)
    const row = {
      monotonic_seq: Number(seq),
      leaf: typeof leaf === 'string' ? Buffer.from(leaf, 'utf8') : null,
      hash: hash === null ? null : String(hash),
      position: Number(position),
      columns,
    }
    return { row, place: { seq: String(seq), position: String(position) } }
  })
}

/** An integer too large for a number is shown as text. */
function plain(value: SqlCell): string | number {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : String(value)
}

/**
 * Text with U+0000 in it fits in no column of Postgres, so such a column is empty (pending-rows.ts). Empty is then what it should be, and
 * a verifier is told the member's value; a column that holds anything else is told as it is.
 */
function restoreNul(columns: Record<string, string | number | null>, leaf: string): void {
  let members: unknown
  try {
    members = readJson(leaf)
  } catch (error) {
    // A damaged leaf restores nothing; verification names the row.
    if (error instanceof SyntaxError) return
    throw error
  }
  if (typeof members !== 'object' || members === null) return
  for (const name of Object.keys(columns)) {
    const member = (members as Readonly<Record<string, unknown>>)[name]
    if (columns[name] === null && typeof member === 'string' && member.includes('\0')) columns[name] = member
  }
}
