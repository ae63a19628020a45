// SPDX-License-Identifier: Apache-2.0
import type { ReaderRow } from 'fasten/reader/remote'

/** One place in which two values differ. */
export interface Change {
  /** Names and numbers from the top, as in a JSON pointer; empty for the whole. */
  readonly path: readonly (string | number)[]
  readonly kind: 'added' | 'removed' | 'changed'
  readonly before?: unknown
  readonly after?: unknown
}

/** Members of objects are compared by name, elements of lists by place; what differs in kind is changed as a whole. Equal values have no changes. */
export function changesBetween(before: unknown, after: unknown): readonly Change[] {
  return differences(before, after, [])
}

function differences(before: unknown, after: unknown, path: readonly (string | number)[]): readonly Change[] {
  if (isObject(before) && isObject(after) && Array.isArray(before) === Array.isArray(after)) {
    const names = [...new Set([...Object.keys(before), ...Object.keys(after)])]
    return names.flatMap((name): readonly Change[] => {
      const place = [...path, Array.isArray(before) ? Number(name) : name]
      if (!Object.hasOwn(before, name)) return [{ path: place, kind: 'added', after: after[name] }]
      if (!Object.hasOwn(after, name)) return [{ path: place, kind: 'removed', before: before[name] }]
      return differences(before[name], after[name], place)
    })
  }
  return Object.is(before, after) ? [] : [{ path, kind: 'changed', before, after }]
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null

const pairs = [
  ['before', 'after'],
  ['old', 'new'],
  ['from', 'to'],
  ['previous', 'current'],
] as const

/** What a row tells of a change, where its `detail` names a value before and one after; undefined for a row that tells of none. */
export function changesIn(row: ReaderRow): readonly Change[] | undefined {
  const { detail } = row as unknown as { readonly detail?: unknown }
  if (!isObject(detail)) return undefined
  const pair = pairs.find(([before, after]) => Object.hasOwn(detail, before) && Object.hasOwn(detail, after))
  return pair === undefined ? undefined : changesBetween(detail[pair[0]], detail[pair[1]])
}

/** A place as people write it: `owner.name`, `tags[1]`. */
export const pathText = (path: Change['path']): string =>
  path.length === 0
    ? 'the whole'
    : path.reduce<string>(
        (text, each) =>
          typeof each === 'number' ? `${text}[${each}]` : text === '' ? each : `${text}.${each}`,
        '',
      )
