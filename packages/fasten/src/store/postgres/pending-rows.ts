// SPDX-License-Identifier: Apache-2.0
import type { ColumnValue } from '../../core/columns.ts'
import { streams, type StreamName } from '../../core/row.ts'
import type { OpenLog } from '../heads.ts'
import { createRowCells } from '../row-cells.ts'
import type { StreamTables } from '../row-tables.ts'
import { fitCells, insertRows } from './insert-rows.ts'
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
