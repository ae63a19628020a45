// SPDX-License-Identifier: Apache-2.0
import { columnNames } from '../../core/columns.ts'
import type { StreamName } from '../../core/row.ts'
import { exactMembers, foldAscii, prefixMembers, prefixOf } from '../matches.ts'
import type { ScanFilter, ScanQuery } from '../ports.ts'
import type { SqlValue } from './driver.ts'
import type { LogFilter } from './log-filter.ts'
import { causeOf, namesCause } from './schema.ts'

export interface Where {
  /** Conditions joined by AND; `1` when there is none. */
  readonly sql: string
  readonly values: readonly SqlValue[]
}

export interface WhereOptions {
  readonly stream: StreamName
  readonly filter: ScanFilter
  /** `any` for counting. */
  readonly order: ScanQuery['order'] | 'any'
  readonly logs: LogFilter | undefined
}

/**
 * `matches` as SQL. Every value is a parameter.
 *
 * A `+` before a column keeps SQLite from choosing its index. It has no statistics and guesses; what it must be kept from is
 * reading and sorting half the table to answer "the newest fifty" or "what came after position 8,000,000".
 */
export function whereOf({ stream, filter, order, logs }: WhereOptions): Where {
  const sql: string[] = []
  const values: SqlValue[] = []
  const add = (condition: string, ...bound: SqlValue[]): void => {
    sql.push(condition)
    values.push(...bound)
  }
  const columns = columnNames[stream]
  // Rows of one request are a handful: nothing else may lead to them. Followers go by position.
  const hasLead =
    order === 'stored' ||
    filter.id !== undefined ||
    filter.request_id !== undefined ||
    filter.caused_by !== undefined
  for (const name of exactMembers) {
    const wanted = filter[name]
    if (wanted === undefined) continue
    const lookups = filter.sealed?.[name] ?? []
    if (!columns.includes(name)) add('0')
    else if (lookups.length > 0)
      add(
        `(+${name} = ? OR position IN (SELECT position FROM fasten_disclosures WHERE lookup IN (${lookups.map(() => '?').join(', ')})))`,
        wanted,
        ...lookups,
      )
    else add(`${isSelective(name) || (!hasLead && name === 'actor') ? '' : '+'}${name} = ?`, wanted)
  }
  for (const name of prefixMembers) {
    const wanted = filter[name]
    if (wanted === undefined) continue
    const prefix = prefixOf(wanted)
    const column = name !== 'code' || hasLead || (prefix !== undefined && order !== 'any') ? `+${name}` : name
    if (!columns.includes(name)) add('0')
    else if (prefix === undefined) add(`${column} = ?`, wanted)
    else add(`${column} >= ? AND ${column} < ? || char(1114111)`, prefix, prefix)
  }
  if (logs !== undefined) {
    add(`${logs.isNarrow ? '' : '+'}log_id IN (${logs.ids.map(() => '?').join(', ')})`, ...logs.ids)
  }
  // Only the rows of published SDKs lie in no log; theirs are named as they are shown.
  else if (filter.log !== undefined)
    add(
      "CASE WHEN log_id IS NULL THEN 'legacy/' || source_node_id = ? ELSE log_id IN (SELECT log_id FROM fasten_logs WHERE log = ?) END",
      filter.log,
      filter.log,
    )
  const timestamp = hasLead ? '+timestamp' : 'timestamp'
  if (filter.since !== undefined) add(`${timestamp} >= ?`, filter.since)
  if (filter.until !== undefined) add(`${timestamp} <= ?`, filter.until)
  if (filter.after_position !== undefined) add('position > ?', filter.after_position)
  if (filter.caused_by !== undefined)
    add(
      `${namesCause} AND ${causeOf} IN (${filter.caused_by.map(() => '?').join(', ')})`,
      ...filter.caused_by,
    )
  for (const name of filter.has ?? []) addPresence(add, columns, name)
  if (filter.text !== undefined) addText(add, filter.text)
  for (const excluded of filter.not ?? []) {
    const those = whereOf({ stream, filter: excluded, order, logs: undefined })
    // Not NOT: what cannot be compared, because the row has no such member, is not left out.
    add(`(${those.sql}) IS NOT TRUE`, ...those.values)
  }
  return { sql: sql.length === 0 ? '1' : sql.join(' AND '), values }
}

/** LIKE folds ASCII letters only, as `containsText` does, and is faster than lower() with instr(). */
function addText(add: (condition: string, ...bound: SqlValue[]) => void, text: string): void {
  if (text.includes('\0')) add('0')
  // Beyond what SQLite takes for a pattern.
  else if (text.length > 10_000) add('instr(lower(leaf), ?) > 0', foldAscii(text))
  else add("leaf LIKE ? ESCAPE '\\'", `%${text.replace(/[\\%_]/g, '\\$&')}%`)
}

const isMemberName = (name: string): boolean => /^[A-Za-z_][A-Za-z0-9_]*$/.test(name)

/** Columns whose index leads to a handful of rows, whatever the order asked for. */
const isSelective = (name: string): boolean => name === 'id' || name === 'request_id'

function addPresence(
  add: (condition: string, ...bound: SqlValue[]) => void,
  columns: readonly string[],
  name: string,
): void {
  if (columns.includes(name)) add(`+${name} IS NOT NULL`)
  else if (!isMemberName(name)) add('0')
  // A damaged leaf has no members, rather than failing the whole answer.
  else add('CASE WHEN json_valid(leaf) THEN json_type(leaf, ?) END IS NOT NULL', `$.${name}`)
}
