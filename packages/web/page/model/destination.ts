// SPDX-License-Identifier: Apache-2.0
import { entityPath } from './entity.ts'
import { readInvestigation, writeInvestigation } from './investigation.ts'

/** Where what somebody pasted leads. */
export interface Destination {
  readonly name: string
  readonly path: string
}

const rowId = /\bevt-[0-9A-Za-z]{1,32}\b/
const sentinel = /^(?:boot|sched|bg|lib|orphan|scheduler)-[A-Za-z0-9._:-]{1,120}$/
const requestId = /^[0-9a-f]{8,128}$/
const entity = /^([A-Za-z][A-Za-z0-9_]*):(\S{1,200})$/

/**
 * What a text may be: a row by its id or by a citation with an id in it, a request, an entity such as `user:u-42`, and in the end a question. The
 * likeliest stands first; nothing for an empty text.
 */
export function destinationsOf(pasted: string): readonly Destination[] {
  const text = pasted.trim()
  if (text === '') return []
  const places: Destination[] = []
  const row = rowId.exec(text)?.[0]
  if (row !== undefined)
    places.push({
      name: `Open the row ${row}`,
      path: `/investigate${writeInvestigation({ ...readInvestigation(''), text: `id:${row}`, since: '-30d', selected: row })}`,
    })
  else if (requestId.test(text) || sentinel.test(text) || /^[A-Za-z0-9._-]{6,128}$/.test(text))
    places.push({ name: `Open the request ${text}`, path: `/requests/${encodeURIComponent(text)}` })
  const [, kind] = entity.exec(text) ?? []
  if (kind !== undefined && row === undefined)
    places.push({ name: `Everything about ${text}`, path: entityPath(text, kind) })
  places.push({
    name: `Ask for ${text}`,
    path: `/investigate${writeInvestigation({ ...readInvestigation(''), text, since: '-1d' })}`,
  })
  return places
}

/** Those whose name has all the words in it, in the order in which they came. */
export function matching<T extends { readonly name: string }>(
  choices: readonly T[],
  typed: string,
): readonly T[] {
  const words = typed
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '')
  return choices.filter(({ name }) => words.every((word) => name.toLowerCase().includes(word)))
}

/** Questions that were asked, the newest first, each once. */
export const withRecent = (recent: readonly string[], text: string, max = 12): readonly string[] =>
  text.trim() === '' ? recent : [text, ...recent.filter((each) => each !== text)].slice(0, max)
