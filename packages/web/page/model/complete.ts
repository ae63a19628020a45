// SPDX-License-Identifier: Apache-2.0
import { canBeExcluded, filterParameters, flags } from 'fasten/reader/remote'

export interface Completion {
  /** The whole text, once it is taken. */
  readonly text: string
  /** What stands in the list. */
  readonly shown: string
  readonly summary: string
}

const completionsMax = 8

/** What the word before `caret` may become: the name of a field, or one of the values that a field takes. */
export function completionsOf(text: string, caret: number): readonly Completion[] {
  const before = text.slice(0, caret)
  const word = /(\S*)$/.exec(before)?.[1] ?? ''
  const put = (whole: string): string =>
    `${before.slice(0, before.length - word.length)}${whole}${text.slice(caret)}`
  // A minus leaves out what the field would ask for.
  const sign = word.startsWith('-') ? '-' : ''
  const [field = '', value] = word.slice(sign.length).split(':', 2)
  if (value !== undefined)
    return valuesOf(field)
      .filter((each) => each.startsWith(value) && each !== value)
      .slice(0, completionsMax)
      .map((each) => ({ text: put(`${sign}${field}:${each} `), shown: each, summary: '' }))
  if (field === '') return []
  return fields
    .filter(({ name }) => name.startsWith(field.toLowerCase()) && (sign === '' || canBeExcluded(name)))
    .slice(0, completionsMax)
    .map(({ name, summary }) => ({ text: put(`${sign}${name}:`), shown: `${sign}${name}:`, summary }))
}

const fields = filterParameters
  .filter(({ name }) => name !== 'q' && name !== 'not' && name !== 'since' && name !== 'until')
  .map(({ name, summary }) => ({ name: name === 'has_flag' ? 'has' : name, summary }))

function valuesOf(field: string): readonly string[] {
  if (field === 'has') return [...new Set(Object.values(flags).flat())].toSorted()
  const kind = filterParameters.find(({ name }) => name === field)?.kind
  return kind?.type === 'choice' ? kind.values : []
}
