// SPDX-License-Identifier: Apache-2.0
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import type { Page, PageQuery, Reader, ReaderRow } from 'fasten/reader/remote'
import {
  countQuestionOf,
  countsIn,
  histogramOfCounts,
  histogramOfRows,
  type CountAnswer,
  type Histogram,
  type TimeRange,
} from '../model/histogram.ts'
import { call } from './call.ts'
import { Problem } from './problem.ts'

/** Rows that are read to be counted: one page, however many the window holds. */
const rowsMax = 1000

export interface Tally {
  readonly histogram: Histogram
  /** `counted`: by the fleet, all rows of the window. `rows`: those that were read. */
  readonly histogramOf: 'counted' | 'rows'
  /** The rows that were read; values are counted in these. */
  readonly rows: readonly ReaderRow[]
  /** Whether these are all rows of the window. */
  readonly isWhole: boolean
  /** How many there are, and how that is meant. */
  readonly total: Pick<Page, 'total' | 'total_kind'>
}

/**
 * What the rows of a question's window have in common, out of a bounded part of them. The bars come from what the fleet has counted where it tells all
 * of the question apart, and from the rows that were read where it does not, or may not be asked. It waits until it is wanted.
 */
export function useTally(
  reader: Reader,
  query: PageQuery | null,
  range: TimeRange | undefined,
  isWanted: boolean,
): { readonly tally: Tally | undefined; readonly error: unknown; readonly isAsking: boolean } {
  const read = useQuery({
    queryKey: ['tally', query, range],
    enabled: isWanted && query !== null && range !== undefined,
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) =>
      reader.page({ ...(query as PageQuery), order: 'newest', limit: rowsMax, total: 'estimated' }, signal),
  })
  const isWhole = read.data?.next_cursor === null
  const asked = useMemo(
    () => (query === null || range === undefined ? undefined : countQuestionOf(query, range)),
    [query, range],
  )
  const counted = useQuery({
    queryKey: ['counted', asked],
    // Where all rows were read, they are counted already, and to the microsecond.
    enabled: asked !== undefined && read.isSuccess && !read.isPlaceholderData && !isWhole,
    queryFn: async ({ signal }): Promise<CountAnswer | null> => {
      if (asked === undefined) return null
      try {
        return await call<CountAnswer>(asked.path, { search: asked.search, signal })
      } catch (error) {
        // No such numbers: on a single node, for who may not see them, and before they were kept. The rows that were read have to do.
        if (error instanceof Problem && [403, 404, 422].includes(error.status)) return null
        throw error
      }
    },
  })
  const tally = useMemo((): Tally | undefined => {
    if (read.data === undefined || query === null || range === undefined) return undefined
    const rows = read.data.rows.filter(({ stream }) => stream === query.stream)
    const counts = isWhole || asked === undefined ? null : (counted.data ?? null)
    return {
      histogram:
        counts === null || asked === undefined
          ? histogramOfRows(rows, range, isWhole)
          : histogramOfCounts(countsIn(counts), range, asked.step),
      histogramOf: counts === null ? 'rows' : 'counted',
      rows,
      isWhole,
      // A search in the text of rows is not counted, but where all rows are here they are.
      total: isWhole ? { total: rows.length, total_kind: 'exact' } : read.data,
    }
  }, [read.data, query, range, isWhole, asked, counted.data])
  return { tally, error: read.error, isAsking: read.isFetching || !isWanted }
}
