// SPDX-License-Identifier: Apache-2.0
import type { Exclusion } from '../store/ports.ts'
import { filterNamed, filterParameters, type Parameter } from './parameters.ts'

/** What rows are not to be. */
interface Excluded {
  readonly parameter: Parameter
  readonly value: string
}

/** Reads `field:value`, the text of the parameter `not`; undefined where the field is none that can be excluded. */
export function readExcluded(text: string): Excluded | undefined {
  const colon = text.indexOf(':')
  const name = text.slice(0, Math.max(colon, 0))
  const parameter = canBeExcluded(name) ? filterNamed(spelledOut(name)) : undefined
  return parameter === undefined ? undefined : { parameter, value: text.slice(colon + 1) }
}

/** Whether rows can be left out by this field of query text. */
export function canBeExcluded(field: string): boolean {
  const name = spelledOut(field)
  return filterNamed(name) !== undefined && !notExcluded.has(name)
}

/** The same as a filter has it; it was read before. */
export function exclusionOf(text: string): Exclusion {
  const read = readExcluded(text)
  if (read?.parameter.filter === undefined) throw new TypeError(`${text} excludes nothing`)
  const { parameter, value } = read
  const typed = parameter.kind.type === 'integer' ? Number(value) : value
  return { [String(parameter.filter)]: parameter.isRepeatable === true ? [typed] : typed }
}

/** The same as text. Throws a TypeError for what no one value says. */
export function excludedText(exclusion: Exclusion): string {
  const [[member, value] = [], ...others] = Object.entries(exclusion).filter(
    ([name, given]) => name !== 'sealed' && given !== undefined,
  )
  const values: readonly unknown[] = Array.isArray(value) ? value : [value]
  const name = filterParameters.find(({ filter }) => filter === member)?.name
  if (name === undefined || !canBeExcluded(name) || others.length > 0 || values.length !== 1)
    throw new TypeError(`${JSON.stringify(exclusion)} cannot be said to a remote reader`)
  return `${name}:${String(values[0])}`
}

export const excludableNames = (): readonly string[] =>
  filterParameters.map(({ name }) => name).filter(canBeExcluded)

const spelledOut = (field: string): string => (field === 'has' ? 'has_flag' : field)
/** A window has ends already; text would be looked for in every row that stays. */
const notExcluded: ReadonlySet<string> = new Set(['since', 'until', 'q', 'not'])
