// SPDX-License-Identifier: Apache-2.0
import { genesis } from '../../core/chain.ts'
import { columnNames } from '../../core/columns.ts'
import { parseLogName } from '../../core/log-name.ts'
import type { StreamName } from '../../core/row.ts'
import type { EvidenceRow, LogHead } from '../ports.ts'
import type { SqlRecord, SqlValue } from './driver.ts'
import { hasTable } from './migrate.ts'
import type { Statements } from './statements.ts'

/** A log of one row table. `logId` is what its rows carry, whether or not the table of logs knows it. */
export interface KnownLog extends LogHead {
  readonly logId: bigint
  /** Null when the table is gone, and all rows with it. */
  readonly table: string | null
}

/**
 * The logs of a table, by name. Rows that carry a `log_id` which the table of logs does not have are a log too: it is called
 * `unknown-log/<table>/<log_id>`, should hold no rows, and so fails verification instead of staying out of sight.
 */
export function logsOf({ prepare }: Statements, stream: StreamName, table: string): KnownLog[] {
  const known = prepare(
    'SELECT log_id, log, size, head_hash FROM fasten_logs WHERE table_name = ? ORDER BY log',
  ).all(table)
  const logs: KnownLog[] = known.map((record) => knownLog(record, stream, table))
  const ids = new Set(logs.map(({ logId }) => logId))
  // By jumping from one log to the next in the index of places, so that it costs what there are logs, not rows.
  const carried = prepare(`
    WITH RECURSIVE ids (log_id) AS (
      SELECT min(log_id) FROM ${table}
      UNION ALL
      SELECT (SELECT min(log_id) FROM ${table} WHERE log_id > ids.log_id) FROM ids WHERE ids.log_id IS NOT NULL
    ) SELECT log_id FROM ids WHERE log_id IS NOT NULL`).all()
  for (const logId of carried.map(({ log_id }) => log_id as bigint)) {
    if (!ids.has(logId))
      logs.push({ log: `unknown-log/${table}/${logId}`, stream, size: 0, head_hash: genesis, logId, table })
  }
  return logs
}

/** One log of a table by its name, without looking at the others: a fleet's store has thousands. */
export function logNamed(
  statements: Statements,
  stream: StreamName,
  table: string,
  log: string,
): KnownLog | undefined {
  const found = statements
    .prepare('SELECT log_id, log, size, head_hash FROM fasten_logs WHERE table_name = ? AND log = ?')
    .get(table, log)
  if (found !== undefined) return knownLog(found, stream, table)
  return log.startsWith('unknown-log/')
    ? logsOf(statements, stream, table).find((candidate) => candidate.log === log)
    : undefined
}

/**
 * Logs whose row table `isGone`: dropped, renamed, or struck from the list of tables. Their heads still say what should be there,
 * so they fail verification instead of vanishing with the table.
 */
export function logsWithoutTable({ prepare }: Statements, isGone: (table: string) => boolean): KnownLog[] {
  return prepare('SELECT log_id, table_name, log, size, head_hash FROM fasten_logs ORDER BY log')
    .all()
    .filter(({ table_name }) => isGone(String(table_name)))
    .map((record) => knownLog(record, parseLogName(String(record['log']))?.stream ?? 'audit', null))
}

function knownLog(record: SqlRecord, stream: StreamName, table: string | null): KnownLog {
  return {
    log: String(record['log']),
    stream,
    size: Number(record['size']),
    head_hash: String(record['head_hash']),
    logId: record['log_id'] as bigint,
    table,
  }
}

/** A row's place in the order of evidence. 64 bits, since a number that no counter reaches hides no row. */
export interface EvidencePlace {
  readonly seq: bigint
  readonly position: bigint
}

const int64Max = 2n ** 63n - 1n

/** The place before all rows from `fromSeq` on. Whoever begins at 0 begins before the rows that lie below it, where none may be. */
export function placeBefore(fromSeq: number): EvidencePlace {
  return fromSeq <= 0
    ? { seq: -int64Max - 1n, position: -int64Max - 1n }
    : { seq: BigInt(fromSeq) - 1n, position: int64Max }
}

/**
 * The next rows of a log, whether their content is there or only the hash that it left, in the order of `monotonic_seq` and then
 * position, and the place of the last.
 */
export function evidencePage(
  statements: Statements,
  log: KnownLog,
  page: EvidencePage,
): { readonly rows: readonly EvidenceRow[]; readonly last: EvidencePlace | undefined } {
  const whole = wholePage(statements, log, page)
  const gone = expiredPage(statements, log, page)
  if (gone.length === 0) return { rows: whole.map(({ row }) => row), last: whole.at(-1)?.place }
  // Each list is complete up to its own last row, so the first rows of both together are.
  const both = [...whole, ...gone].sort(({ place: one }, { place: other }) =>
    one.seq !== other.seq ? (one.seq < other.seq ? -1 : 1) : one.position < other.position ? -1 : 1,
  )
  const rows = both.slice(0, page.limit)
  return { rows: rows.map(({ row }) => row), last: rows.at(-1)?.place }
}

interface EvidencePage {
  readonly after: EvidencePlace
  readonly toSeq: number | undefined
  readonly limit: number
}

interface PlacedRow {
  readonly row: EvidenceRow
  readonly place: EvidencePlace
}

function expiredPage(
  { prepare, prepareArrays }: Statements,
  { logId }: KnownLog,
  { after, toSeq, limit }: EvidencePage,
): readonly PlacedRow[] {
  if (!hasTable({ prepare }, 'fasten_expired')) return []
  const end = toSeq === undefined ? int64Max : BigInt(toSeq)
  return prepareArrays(`
    SELECT monotonic_seq, position, hash FROM fasten_expired
    WHERE log_id = ? AND monotonic_seq >= ? AND (monotonic_seq, position) > (?, ?) AND monotonic_seq <= ?
    ORDER BY monotonic_seq LIMIT ?`)
    .all(logId, after.seq, after.seq, after.position, end, limit)
    .map(([seq, position, hash]) => ({
      place: { seq: seq as bigint, position: position as bigint },
      row: {
        monotonic_seq: Number(seq),
        leaf: null,
        hash: hash instanceof Uint8Array ? Buffer.from(hash).toString('hex') : null,
        position: Number(position),
        columns: {},
      },
    }))
}

/** The rows of the table itself, as they lie there. */
function wholePage(
  { prepareArrays }: Statements,
  { logId, table, stream }: KnownLog,
  { after, toSeq, limit }: EvidencePage,
): readonly PlacedRow[] {
  if (table === null) return []
  const names = columnNames[stream]
  const statement = prepareArrays(`
    SELECT position, monotonic_seq, hash, CAST(leaf AS BLOB), ${names.join(', ')} FROM ${table}
    WHERE log_id = ? AND (monotonic_seq, position) > (?, ?) AND monotonic_seq <= ?
    ORDER BY monotonic_seq, position LIMIT ?`)
  // Copying an object of the right shape and filling it in is several times faster than growing one.
  const shape: Record<string, string | number | null> = Object.fromEntries(names.map((name) => [name, null]))
  const end = toSeq === undefined ? int64Max : BigInt(toSeq)
  const found = statement.all(logId, after.seq, after.position, end, limit)
  return found.map((cells): PlacedRow => {
    const columns = { ...shape }
    for (const [index, name] of names.entries()) columns[name] = plain(cells[index + 4] ?? null)
    const leaf = cells[3]
    const hash = plain(cells[2] ?? null)
    const row = {
      monotonic_seq: Number(cells[1]),
      leaf: leaf instanceof Uint8Array ? leaf : null,
      hash: hash === null ? null : String(hash),
      position: Number(cells[0]),
      columns,
    }
    return { row, place: { seq: cells[1] as bigint, position: cells[0] as bigint } }
  })
}

/** Columns are text or integers; bytes put there by another hand are shown as hex, numbers too large for a number as text. */
function plain(value: SqlValue): string | number | null {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value)
  return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value
}
