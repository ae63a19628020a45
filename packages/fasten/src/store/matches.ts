// SPDX-License-Identifier: Apache-2.0
import type { Row } from '../core/row.ts'
import type { ScanFilter } from './ports.ts'

/** The members of a filter that must equal the member of the row that bears their name. */
export const exactMembers = [
  'request_id',
  'id',
  'trace_id',
  'tenant_id',
  'service_id',
  'source_node_id',
  'domain',
  'category',
  'severity',
  'actor',
  'actor_kind',
  'on_behalf_of',
  'target',
  'outcome',
  'level',
  'event',
  'logger',
  'method',
  'path',
  'route',
  'status',
] as const satisfies readonly (keyof ScanFilter)[]

/** Those that may also be a prefix, ending in `*`. */
export const prefixMembers = ['code', 'action'] as const satisfies readonly (keyof ScanFilter)[]

/** The prefix that `value` asks for, or undefined when it asks for equality. */
export const prefixOf = (value: string): string | undefined =>
  value.endsWith('*') ? value.slice(0, -1) : undefined

export interface Candidate {
  readonly row: Row
  readonly position: number
  /** The text that `text` is looked for in; called only when the filter has it. */
  readonly leafText: () => string
}

/**
 * Whether a row passes a filter: the one meaning of filters, which SQL of the stores has to reproduce. All members must
 * hold. A member that the row's stream does not have never equals anything, so such a filter passes no row.
 */
export function matches(filter: ScanFilter, { row, position, leafText }: Candidate): boolean {
  const members = row as unknown as Readonly<Record<string, unknown>>
  for (const name of exactMembers)
    if (filter[name] !== undefined && members[name] !== filter[name]) return false
  for (const name of prefixMembers) {
    const wanted = filter[name]
    if (wanted !== undefined && !hasValue(members[name], wanted)) return false
  }
  if (filter.log !== undefined && row.log !== filter.log) return false
  if (filter.since !== undefined && row.timestamp < filter.since) return false
  if (filter.until !== undefined && row.timestamp > filter.until) return false
  if (filter.after_position !== undefined && position <= filter.after_position) return false
  if (filter.has?.some((name) => !Object.hasOwn(members, name)) === true) return false
  if (filter.caused_by?.includes(row.caused_by ?? '') === false) return false
  if (filter.not?.some((excluded) => matches(excluded, { row, position, leafText })) === true) return false
  return filter.text === undefined || containsText(leafText(), filter.text)
}

/**
 * Case-insensitive for ASCII letters only, as SQLite is: folding all of Unicode would need the whole trail to be read by
 * JavaScript, and would still be wrong for some language.
 */
export function containsText(leaf: string, text: string): boolean {
  return foldAscii(leaf).includes(foldAscii(text))
}

export const foldAscii = (text: string): string => text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase())

function hasValue(member: unknown, wanted: string): boolean {
  const prefix = prefixOf(wanted)
  return prefix === undefined ? member === wanted : typeof member === 'string' && member.startsWith(prefix)
}
