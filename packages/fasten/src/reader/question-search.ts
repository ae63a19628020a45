// SPDX-License-Identifier: Apache-2.0
import type { Exclusion, ScanFilter } from '../store/ports.ts'
import { decodeAfter } from './cursor.ts'
import { excludedText } from './exclusion.ts'
import { filterParameters } from './parameters.ts'
import type { PageQuery, TailQuery } from './reader.ts'

/** A page query as the parameters that `parsePageQuery` reads back. */
export function searchOfPage({ filter, limit, cursor, offset, order, total }: PageQuery): URLSearchParams {
  const search = searchOfFilter(filter)
  // A search needs a window; without one, all of time is meant.
  if (search.has('q') && !search.has('since')) search.set('since', '0000-01-01')
  search.set('limit', String(limit))
  const after = cursor === undefined ? undefined : decodeAfter(cursor)
  if (after !== undefined) search.set('after', String(after))
  else if (cursor !== undefined) search.set('cursor', cursor)
  if (offset !== undefined && offset > 0) search.set('offset', String(offset))
  if (order !== undefined) search.set('order', order)
  search.set('total', total ?? 'bounded')
  return search
}

/** A tail query as the parameters that `parseTailQuery` reads back. */
export function searchOfTail({ streams, filter, resume, backlog }: TailQuery): URLSearchParams {
  const { since: _since, until: _until, ...rest } = filter
  const search = searchOfFilter(rest)
  search.set('streams', streams.join(','))
  if (resume !== undefined) search.set('resume', resume)
  else if (backlog !== undefined) search.set('backlog', String(backlog))
  return search
}

/** Throws a TypeError for a member that no parameter stands for. */
function searchOfFilter(filter: ScanFilter): URLSearchParams {
  const search = new URLSearchParams()
  for (const [member, value] of Object.entries(filter) as [
    string,
    string | number | readonly string[] | readonly Exclusion[] | undefined,
  ][]) {
    if (value === undefined) continue
    const parameter = filterParameters.find((one) => one.filter === member)
    if (parameter === undefined) throw new TypeError(`${member} cannot be asked of a remote reader`)
    for (const one of Array.isArray(value) ? (value as readonly (string | Exclusion)[]) : [value])
      search.append(parameter.name, typeof one === 'object' ? excludedText(one as Exclusion) : String(one))
  }
  return search
}
