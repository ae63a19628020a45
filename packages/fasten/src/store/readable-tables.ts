// SPDX-License-Identifier: Apache-2.0
import { FastenError } from '../core/error.ts'
import type { StreamName } from '../core/row.ts'
import { defaultTables, type StreamTables } from './row-tables.ts'

export interface TablesAsked {
  readonly tables?: StreamTables | undefined
  readonly onlyTable?: string | undefined
  /** An answer without tables will do. */
  readonly mayBeNone: boolean
  /** What is looked into, for the message: `the schema "public"`. */
  readonly place: string
  readonly at: string
  /** For who asked where nothing of ours is. */
  readonly hint: string
}

/**
 * Which of our tables in a database to read for each stream: those that were asked for, or the usual one of each stream, or else the
 * first. Throws FastenError `STORE_EMPTY` when there is none.
 */
export function readableTables(
  own: ReadonlyMap<string, StreamName>,
  { tables, onlyTable, mayBeNone, place, at, hint }: TablesAsked,
): ReadonlyMap<StreamName, string> {
  const readable = new Map<StreamName, string>()
  for (const [table, stream] of own) {
    if (onlyTable !== undefined ? onlyTable === table : tables?.[stream] === table)
      readable.set(stream, table)
    const isUsual = onlyTable === undefined && tables === undefined
    if (isUsual && (!readable.has(stream) || defaultTables[stream] === table)) readable.set(stream, table)
  }
  if (readable.size > 0 || mayBeNone) return readable
  const names = onlyTable === undefined ? Object.values(tables ?? {}) : [onlyTable]
  const asked = names.length === 0 ? 'rows' : `the table ${names.map((table) => `"${table}"`).join(' or ')}`
  throw new FastenError('STORE_EMPTY', `${place} does not hold ${asked} of fasten`, {
    at,
    hint: own.size === 0 ? hint : `its tables are ${[...own.keys()].join(', ')}: name one with ?table=`,
  })
}
