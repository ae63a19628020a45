// SPDX-License-Identifier: Apache-2.0
import type { StreamName } from 'fasten/core'
import {
  chipsToSearch,
  filterNamed,
  parsePageQuery,
  translate,
  type PageQuery,
  type ParameterProblem,
} from 'fasten/reader/remote'
import type { Investigation } from './investigation.ts'

/** What an investigation asks of one stream. */
export type Question =
  | { readonly kind: 'asks'; readonly query: PageQuery }
  /** No row of this stream has what is asked for, such as `level` in audit rows. `because` names the fields. */
  | { readonly kind: 'elsewhere'; readonly because: readonly string[] }
  | { readonly kind: 'wrong'; readonly problems: readonly ParameterProblem[] }

/** Relative times count from `nowMicros`. */
export function questionOf(
  {
    text,
    since,
    until,
    order = 'newest',
  }: Pick<Investigation, 'text' | 'since' | 'until'> & {
    readonly order?: Investigation['order']
  },
  stream: StreamName,
  nowMicros: number,
): Question {
  const search = chipsToSearch(translate(text))
  const because = [...search.keys()].filter((name) => {
    const parameter = filterNamed(name)
    return parameter !== undefined && !parameter.streams.includes(stream)
  })
  if (because.length > 0) return { kind: 'elsewhere', because }
  if (!search.has('since')) search.set('since', since)
  if (until !== null && !search.has('until')) search.set('until', until)
  search.set('limit', '200')
  search.set('total', 'none')
  if (order !== 'newest') search.set('order', order)
  const parsed = parsePageQuery(search, stream, nowMicros)
  return parsed.ok ? { kind: 'asks', query: parsed.value } : { kind: 'wrong', problems: parsed.problems }
}
