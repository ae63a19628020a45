// SPDX-License-Identifier: Apache-2.0
import type { Page, PageQuery, Reader, ReaderRow } from '../reader/reader.ts'

export interface MergedRows {
  /** The rows of all queries in the order they ask for, page after page, each asked for when it is needed. */
  readonly rows: AsyncIterable<ReaderRow>
  /** First page of each query, in order of the queries: totals and completeness. */
  readonly firstPages: readonly Page[]
}

/**
 * One sequence from the pages of several streams, by time (oldest or newest first, as the queries say; all say the same).
 * Ties keep the order of the queries, then that of the store.
 */
export async function mergeRows(reader: Reader, queries: readonly PageQuery[]): Promise<MergedRows> {
  const firstPages = await Promise.all(queries.map((query) => reader.page(query)))
  const isOldest = queries[0]?.order === 'oldest'
  return { rows: merged(reader, queries, firstPages, isOldest), firstPages }
}

async function* merged(
  reader: Reader,
  queries: readonly PageQuery[],
  firstPages: readonly Page[],
  isOldest: boolean,
): AsyncGenerator<ReaderRow> {
  const walks = queries.map((query, index) => walk(reader, query, firstPages[index]))
  const heads = await Promise.all(walks.map((each) => each.next()))
  for (;;) {
    let best: number | undefined
    for (const [index, head] of heads.entries()) {
      if (head.done === true) continue
      const rival = best === undefined ? undefined : heads[best]?.value
      if (rival === undefined || isBefore(head.value, rival, isOldest)) best = index
    }
    if (best === undefined) return
    const head = heads[best]
    if (head?.done === false) yield head.value
    heads[best] = (await walks[best]?.next()) ?? { done: true, value: undefined }
  }
}

async function* walk(
  reader: Reader,
  query: PageQuery,
  first: Page | undefined,
): AsyncGenerator<ReaderRow, undefined> {
  let page = first
  while (page !== undefined) {
    yield* page.rows
    if (page.next_cursor === null) return
    const { offset: _skipped, ...rest } = query
    page = await reader.page({ ...rest, cursor: page.next_cursor, total: 'none' })
  }
}

function isBefore(a: ReaderRow, b: ReaderRow, isOldest: boolean): boolean {
  return isOldest ? a.timestamp < b.timestamp : a.timestamp > b.timestamp
}
