// SPDX-License-Identifier: Apache-2.0
import { columnNames, numericColumns } from '../../core/columns.ts'
import type { StreamName } from '../../core/row.ts'
import { exactMembers, prefixMembers, prefixOf } from '../matches.ts'
import type { Exclusion, ScanFilter } from '../ports.ts'
import type { LogFilter } from './log-filter.ts'
import { causeOf, indexedCharacters, namesCause } from './schema.ts'

export interface Where {
  /** Conditions joined by AND; `true` when there is none. */
  readonly sql: string
  /** Of `$1`, `$2`, … */
  readonly values: unknown[]
}

export interface WhereOptions {
  readonly stream: StreamName
  readonly filter: ScanFilter
  readonly logs: LogFilter | undefined
  /** Quoted, with a dot. */
  readonly prefix: string
  readonly indexedBy: IndexedBy
}

/**
 * By what part of them long texts are indexed: `left`, their first 200 characters, as fasten does; or `name`, their first 63 bytes, as a store
 * may add whose readers row-level security binds: below it a condition reaches an index only if its function is leakproof, and `left` is not.
 */
export type IndexedBy = 'left' | 'name'

/** `matches` as SQL. Every value is a parameter. */
export function whereOf({ stream, filter, logs, prefix, indexedBy }: WhereOptions): Where {
  const values: unknown[] = []
  const bind = (value: unknown): string => `$${values.push(value)}`
  const columns = columnNames[stream]
  const given = conditionsOf(filter)
  if (logs !== undefined) given.push(`log_id = ANY(${bind(logs.ids)}::bigint[])`)
  for (const excluded of filter.not ?? []) {
    const those = conditionsOf(excluded)
    if (excluded.log !== undefined)
      those.push(`log_id IN (SELECT log_id FROM ${prefix}fasten_logs WHERE log = ${bind(excluded.log)})`)
    // Not NOT: what cannot be compared, because the row has no such member, is not left out.
    given.push(`(${joined(those)}) IS NOT TRUE`)
  }
  return { sql: joined(given), values }

  /** All but the log, whose name is in no column of the row. */
  function conditionsOf(wantedOf: Exclusion): string[] {
    const conditions: string[] = []
    for (const name of exactMembers) {
      const wanted = wantedOf[name]
      if (wanted === undefined) continue
      if (!columns.includes(name)) conditions.push('false')
      else if (numericColumns.has(name))
        // As the column's own type where that can be: a comparison of numerics reaches no index.
        conditions.push(`${name} = ${bind(wanted)}::${Number.isSafeInteger(wanted) ? 'bigint' : 'numeric'}`)
      else {
        const lookups = wantedOf.sealed?.[name] ?? []
        const plain = equals(name, String(wanted))
        const found = `position IN (SELECT position FROM ${prefix}fasten_disclosures WHERE lookup = ANY(`
        conditions.push(lookups.length === 0 ? plain : `(${plain} OR ${found}${bind(lookups)})))`)
      }
    }
    for (const name of prefixMembers) {
      const wanted = wantedOf[name]
      if (wanted === undefined) continue
      const start = prefixOf(wanted)
      if (!columns.includes(name)) conditions.push('false')
      else if (start === undefined) conditions.push(equals(name, wanted))
      else if (start.includes('\0')) conditions.push('false')
      else conditions.push(startsWith(name, start))
    }
    const { since, until, after_position, caused_by, text } = wantedOf
    if (since !== undefined) conditions.push(`timestamp >= ${bind(since)}`)
    if (until !== undefined) conditions.push(`timestamp <= ${bind(until)}`)
    if (after_position !== undefined) conditions.push(`position > ${bind(after_position)}`)
    if (caused_by !== undefined) {
      const members = bind(caused_by.map((id) => JSON.stringify(id)))
      conditions.push(namesCause, `${causeOf} = ANY(${bind(caused_by)})`)
      conditions.push(`${prefix}fasten_member(leaf, 'caused_by')::text = ANY(${members})`)
    }
    for (const name of wantedOf.has ?? []) conditions.push(has(name))
    if (text !== undefined) conditions.push(containsText(text))
    return conditions
  }

  function equals(name: string, wanted: string): string {
    // No column can hold that character: the leaf is asked, for the few rows whose column is empty.
    if (wanted.includes('\0')) {
      const member = JSON.stringify(wanted)
      const shown = bind(member.replaceAll('\\u0000', '\\u0001'))
      return `(${name} IS NULL AND strpos(leaf, ${bind(`"${name}":${member}`)}) > 0
        AND ${prefix}fasten_member(leaf, '${name}')::text = ${shown})`
    }
    if (indexedBy === 'name') {
      if (!isIndexedByName(name, stream)) return `${name} = ${bind(wanted)}`
      const own = `${name}::name = ${bind(wanted)}::text::name`
      // Saying both would make the planner multiply their odds, expect next to nothing, and sort what it could read in order.
      return isWholeName(wanted) ? own : `${own} AND ${name} = ${bind(wanted)}`
    }
    const value = bind(wanted)
    return isIndexedByStart(name, stream)
      ? `left(${name}, ${indexedCharacters}) = left(${value}, ${indexedCharacters}) AND ${name} = ${value}`
      : `${name} = ${value}`
  }

  function startsWith(name: string, start: string): string {
    const [from, beyond] = [bind(start), bind(`${start}\u{10FFFF}`)]
    if (indexedBy === 'name' && isIndexedByName(name, stream) && isWholeName(start))
      return `${name}::name >= ${from}::text::name AND ${name}::name < ${beyond}::text::name`
    const range = `${name} >= ${from} AND ${name} < ${beyond}`
    if (indexedBy === 'name' || !isIndexedByStart(name, stream) || start.length >= indexedCharacters)
      return range
    const column = `left(${name}, ${indexedCharacters})`
    return `${column} >= ${from} AND ${column} < ${beyond} AND ${range}`
  }

  function has(name: string): string {
    // Empty, too, where the value has a character that no column can hold.
    if (columns.includes(name))
      return `(${name} IS NOT NULL OR (strpos(leaf, '\\u0000') > 0 AND ${prefix}fasten_member(leaf, '${name}') IS NOT NULL))`
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) return 'false'
    return `${prefix}fasten_member(leaf, ${bind(name)}) IS NOT NULL`
  }

  /** In the collation "C", which the column has, ILIKE folds ASCII letters only, as `containsText` does. */
  function containsText(text: string): string {
    if (text.includes('\0')) return 'false'
    return `leaf ILIKE ${bind(`%${text.replace(/[\\%_]/g, '\\$&')}%`)}`
  }
}

const joined = (conditions: readonly string[]): string =>
  conditions.length === 0 ? 'true' : conditions.join(' AND ')

/** A name keeps whole characters of up to 63 bytes; so a text of less than 60 equals, or begins, a name if and only if it does so with the text. */
const isWholeName = (text: string): boolean => Buffer.byteLength(text) < 60

const isIndexedByName = (name: string, stream: StreamName): boolean =>
  name === 'tenant_id' ||
  (stream === 'audit'
    ? name === 'code' || name === 'actor' || name === 'target' || name === 'on_behalf_of'
    : stream === 'api' && name === 'route')

/** The columns whose index holds their first characters only (schema.ts). */
const isIndexedByStart = (name: string, stream: StreamName): boolean =>
  name === 'request_id' || (stream === 'audit' && (name === 'code' || name === 'actor'))
