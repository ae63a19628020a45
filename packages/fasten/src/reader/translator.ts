// SPDX-License-Identifier: Apache-2.0
import { filterNamed } from './parameters.ts'

/** What a line of query text means. */
export interface Chips {
  /** The request to pivot to, when the text names one. */
  readonly request_id?: string
  /** Query parameters by name, values as written; `parsePageQuery` judges them. */
  readonly filters: Readonly<Record<string, string>>
  /** What rows are not to be, as values of the parameter `not`, each once; absent when nothing is excluded. */
  readonly not?: readonly string[]
  /** What is left for the text search. */
  readonly q?: string
}

/**
 * Turns what a person types into filters: `field:value` for every filter parameter (`has:` for `has_flag:`), values with
 * spaces in double quotes; `-field:value` leaves such rows out; `request_id:X`, a bare run of eight or more hex characters, or a sentinel id names the request; the
 * rest, quoted or not, is search text. A leading `ask:` is dropped. An unknown field stays text, so `colour:blue` is searched for.
 * A field given twice counts as given last. Never throws. Source: spec/query.md#query-text.
 */
export function translate(text: string): Chips {
  const filters: Record<string, string> = {}
  const words: string[] = []
  let requestId: string | undefined
  let pivot: string | undefined
  const excluded = new Set<string>()
  for (const { name, value, isBare, isExcluded } of queryParts(text)) {
    if (isExcluded) excluded.add(`${name}:${value}`)
    else if (name === 'request_id' && isBare) {
      if (pivot === undefined) pivot = value
      else words.push(value)
    } else if (name === 'request_id') requestId = value
    else if (name === 'q') words.push(value)
    else filters[name] = value
  }
  // An id that was spelled out beats one that merely looks like an id; the latter is then a word like any other.
  if (requestId !== undefined && pivot !== undefined) words.push(pivot)
  const request_id = requestId ?? pivot
  const q = words.join(' ')
  return {
    ...(request_id === undefined ? {} : { request_id }),
    filters,
    ...(excluded.size === 0 ? {} : { not: [...excluded] }),
    ...(q === '' ? {} : { q }),
  }
}

/** A piece of query text, and where it stands: what lies between pieces is blanks. */
export interface QueryPart {
  readonly from: number
  readonly to: number
  /** The filter parameter that it sets, or `q` for words. */
  readonly name: string
  readonly value: string
  /** Without a field in front. */
  readonly isBare: boolean
  /** With a minus in front: rows like this are left out. */
  readonly isExcluded: boolean
}

/** The pieces that `translate` reads a text as, in order; those that say nothing, such as `""`, are left out. */
export function queryParts(text: string): readonly QueryPart[] {
  const start = /^\s*ask:/i.exec(text)?.[0].length ?? 0
  return tokens(text.slice(start)).flatMap(({ sign, field, value, isQuoted, at, length }) => {
    const isExcluded = sign === '-'
    const part = { from: start + at, to: start + at + length, value, isBare: field === undefined, isExcluded }
    const name = field === 'has' ? 'has_flag' : field
    if (name !== undefined && value !== '' && isField(name)) return [{ ...part, name }]
    if (field !== undefined)
      return [{ ...part, name: 'q', value: `${sign}${field}:${value}`, isExcluded: false }]
    if (!isQuoted && isBareRequestId(value)) return [{ ...part, name: 'request_id' }]
    return value === '' ? [] : [{ ...part, name: 'q' }]
  })
}

/** The same as query parameters, ready for `parsePageQuery`. */
export function chipsToSearch({ request_id, filters, not = [], q }: Chips): URLSearchParams {
  const search = new URLSearchParams(Object.entries(filters))
  for (const excluded of not) search.append('not', excluded)
  if (request_id !== undefined) search.set('request_id', request_id)
  if (q !== undefined) search.set('q', q)
  return search
}

interface Token {
  readonly at: number
  readonly length: number
  /** A minus before the field, or nothing. */
  readonly sign: string
  readonly field?: string
  readonly value: string
  readonly isQuoted: boolean
}

function tokens(text: string): readonly Token[] {
  return Array.from(
    text.matchAll(/(?:(-?)([A-Za-z_]+):)?(?:"([^"]*)"|(\S+))/g),
    ({ 0: whole, 1: sign = '', 2: field, 3: quoted, 4: bare, index: at }) => {
      const place = { at, length: whole.length, sign }
      // `https://…` and `a::b` are words, not fields.
      if (field !== undefined && bare?.startsWith('/') === true && !isField(field))
        return { ...place, value: whole, isQuoted: false }
      const value = quoted ?? bare ?? ''
      return { ...place, ...(field === undefined ? {} : { field }), value, isQuoted: quoted !== undefined }
    },
  )
}

function isField(name: string): boolean {
  return name !== 'q' && name !== 'not' && filterNamed(name) !== undefined
}

const hexId = /^[0-9a-f]{8,}$/
const sentinelId = /^(?:boot|sched|bg|lib|orphan|scheduler)-(?:[A-Za-z0-9._:-]*-)?[0-9a-f]{8,}$/

function isBareRequestId(word: string): boolean {
  return word.length <= 128 && (hexId.test(word) || sentinelId.test(word))
}
