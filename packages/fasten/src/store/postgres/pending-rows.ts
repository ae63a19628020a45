// SPDX-License-Identifier: Apache-2.0
import { columnNames, numericColumns, type ColumnValue } from '../../core/columns.ts'
import { FastenError } from '../../core/error.ts'
import { streams, type StreamName } from '../../core/row.ts'
import type { OpenLog } from '../heads.ts'
import { createRowCells } from '../row-cells.ts'
import { rowColumns, type StreamTables } from '../row-tables.ts'
import { bigintArray, textArray } from './binary-array.ts'
import type { Sql } from './sql.ts'
import { keyOf, type StoredRowText } from './stored-ids.ts'

/** One row, read from its leaf, without its position. */
export interface PendingRow {
  readonly id: string
  readonly log: OpenLog
  readonly cells: ColumnValue[]
}

/** Rows of one transaction that are placed but not inserted yet. */
export interface PendingRows {
  readonly size: number
  /** The row of a leaf that is placed behind the head of `log`. Throws FastenError `DRAFT_MALFORMED`. */
  read(leaf: Uint8Array, hash: string, log: OpenLog): PendingRow
  add(row: PendingRow): void
  find(stream: StreamName, id: string): StoredRowText | undefined
  /** Of a row that was inserted. */
  positionOf(stream: StreamName, id: string): number | undefined
  idsSince(mark: number): ReadonlyMap<StreamName, readonly string[]>
  cutTo(mark: number): void
  /** Inserts all, at the positions behind `position` in the order they were added, and tells each log its newest. */
  insert(position: number, today: string): Promise<void>
}

export function createPendingRows(sql: Sql, prefix: string, tables: StreamTables): PendingRows {
  const rows: PendingRow[] = []
  const byKey = new Map<string, PendingRow>()
  const readers = new Map<StreamName, ReturnType<typeof createRowCells>>()

  function readerOf(stream: StreamName): ReturnType<typeof createRowCells> {
    const reader = readers.get(stream) ?? createRowCells(stream)
    readers.set(stream, reader)
    return reader
  }

  return {
    get size() {
      return rows.length
    },
    read(leaf, hash, log) {
      const { id, cells } = readerOf(log.parts.stream)(leaf, hash, 0, log)
      return { id, log, cells: fitCells(cells, id, log) }
    },
    add(row) {
      rows.push(row)
      byKey.set(keyOf(row.log.parts.stream, row.id), row)
    },
    find(stream, id) {
      const row = byKey.get(keyOf(stream, id))
      return row && { leaf: row.cells.at(-1) as string, hash: row.cells[3] as string }
    },
    positionOf(stream, id) {
      const position = byKey.get(keyOf(stream, id))?.cells[0]
      return typeof position === 'number' ? position : undefined
    },
    idsSince(mark) {
      const ids = new Map<StreamName, string[]>()
      for (const { id, log } of rows.slice(mark)) {
        const own = ids.get(log.parts.stream) ?? []
        own.push(id)
        ids.set(log.parts.stream, own)
      }
      return ids
    },
    cutTo(mark) {
      for (const { id, log } of rows.splice(mark)) byKey.delete(keyOf(log.parts.stream, id))
    },
    async insert(position, today) {
      for (const [index, { cells, log }] of rows.entries()) {
        cells[0] = position + index + 1
        log.position = position + index + 1
      }
      for (const stream of streams) {
        const table = tables[stream]
        const own = rows.filter(({ log }) => log.parts.stream === stream).map(({ cells }) => cells)
        if (table !== undefined && own.length > 0)
          await insertRows(sql, `${prefix}"${table}"`, stream, own, today)
      }
    },
  }
}

/**
 * One statement with an array for each column, in binary (binary-array.ts). COPY was measured beside arrays in text form (batches of 100
 * and 1,000 rows, six indices, November 2026): 5 % to a third less time in this statement, where most of a batch's time is spent on the
 * indices either way. It is not worth what it lacks: the driver's time-out does not reach into a COPY, it cannot be prepared, and it
 * needs another library.
 */
async function insertRows(
  sql: Sql,
  table: string,
  stream: StreamName,
  rows: readonly (readonly ColumnValue[])[],
  today: string,
): Promise<void> {
  const names = rowColumns(stream)
  const arrays = names.map((name, index) => `$${index + 2}::${isNumber(name) ? 'bigint' : 'text'}[]`)
  await sql.change(
    `INSERT INTO ${table} (stored_on, ${names.join(', ')}) SELECT $1::date, * FROM unnest(${arrays.join(', ')})`,
    [
      today,
      ...names.map((name, index) => {
        const column = rows.map((cells) => cells[index] ?? null)
        return isNumber(name)
          ? bigintArray(column as (number | null)[])
          : textArray(column as (string | null)[])
      }),
    ],
    `fasten_insert_${stream}`,
  )
}

const places = new Set(['position', 'log_id', 'monotonic_seq'])
const isNumber = (name: string): boolean => places.has(name) || numericColumns.has(name)

/**
 * A copy of the cells in forms that Postgres takes. Its text cannot hold the character U+0000: a column with one stays empty, and
 * whoever reads it as evidence finds it in the leaf (evidence.ts).
 */
function fitCells(cells: readonly ColumnValue[], id: string, { head, parts }: OpenLog): ColumnValue[] {
  if (id.length > idCharactersMax || id.includes('\0'))
    throw new FastenError('DRAFT_MALFORMED', `the draft's id of ${id.length} characters cannot be indexed`, {
      at: head.log,
    })
  const fitting = [...cells]
  // A canonical leaf spells that character out, so most rows need no second look.
  const leaf = cells.at(-1)
  const mayHoldNul = typeof leaf !== 'string' || leaf.includes('\\u0000')
  for (const [index, cell] of cells.entries()) {
    if (typeof cell === 'string') {
      if (mayHoldNul && cell.includes('\0')) fitting[index] = null
    } else if (typeof cell === 'number' && !Number.isSafeInteger(cell))
      throw new FastenError(
        'DRAFT_MALFORMED',
        `the draft's ${columnNames[parts.stream][index - 4]} ${cell} is no integer`,
        { at: head.log },
      )
  }
  return fitting
}

const idCharactersMax = 500
