// SPDX-License-Identifier: Apache-2.0
import { columnNames, numericColumns, type ColumnValue } from '../../core/columns.ts'
import { FastenError } from '../../core/error.ts'
import type { StreamName } from '../../core/row.ts'
import type { OpenLog } from '../heads.ts'
import { rowColumns } from '../row-tables.ts'
import { bigintArray, textArray } from './binary-array.ts'
import type { Sql } from './sql.ts'

/**
 * One statement with an array for each column, in binary (binary-array.ts). COPY was measured beside arrays in text form (batches of 100
 * and 1,000 rows, six indices, November 2026): 5 % to a third less time in this statement, where most of a batch's time is spent on the
 * indices either way. It is not worth what it lacks: the driver's time-out does not reach into a COPY, it cannot be prepared, and it
 * needs another library.
 */
export async function insertRows(
  sql: Pick<Sql, 'change'>,
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
export const isNumber = (name: string): boolean => places.has(name) || numericColumns.has(name)

/**
 * A copy of the cells in forms that Postgres takes. Its text cannot hold the character U+0000: a column with one stays empty, and
 * whoever reads it as evidence finds it in the leaf (evidence.ts).
 */
export function fitCells(
  cells: readonly ColumnValue[],
  id: string,
  { head, parts }: Pick<OpenLog, 'head' | 'parts'>,
): ColumnValue[] {
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
