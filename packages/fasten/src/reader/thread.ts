// SPDX-License-Identifier: Apache-2.0
import { streams, type StreamName } from '../core/row.ts'
import type { ScanFilter } from '../store/ports.ts'
import type { Page, PageQuery, ReaderRow, Thread } from './reader.ts'

/** Rows of each stream that a thread reads at most, unless less is asked for. */
export const threadLimitMax = 1000

/**
 * The thread of one request, from one page of each stream; `filter` narrows it (a tenant's scope does). The oldest rows
 * are kept where the limit cuts: a thread is read from its beginning.
 */
export async function readThread(
  page: (query: PageQuery) => Promise<Page>,
  requestId: string,
  limit: number = threadLimitMax,
  filter: ScanFilter = {},
): Promise<Thread> {
  const ask = (stream: StreamName): Promise<Page> =>
    page({ stream, filter: { ...filter, request_id: requestId }, limit, order: 'oldest', total: 'bounded' })
  const [audit, sys, api] = await Promise.all([ask('audit'), ask('sys'), ask('api')])
  const pages = { audit, sys, api }
  return {
    request_id: requestId,
    rows: mergeThread(streams.flatMap((stream) => pages[stream].rows)),
    counts: mapStreams((stream) => pages[stream].rows.length),
    totals: mapStreams((stream) => (pages[stream].total_kind === 'exact' ? pages[stream].total : null)),
    truncated: mapStreams((stream) => pages[stream].next_cursor !== null),
    completeness: mapStreams((stream) => pages[stream].completeness),
  }
}

/**
 * Rows of all streams, oldest first. Rows of one process keep the order in which it emitted them (`boot_seq`), whatever its
 * clock did meanwhile; between processes the timestamp decides. Rows without a process (of other software) go by timestamp.
 */
export function mergeThread(rows: readonly ReaderRow[]): readonly ReaderRow[] {
  const byProcess = Map.groupBy(rows, (row) => row.boot_id ?? '')
  const queues = Array.from(byProcess.values(), (group) => group.toSorted(inProcess))
  const merged: ReaderRow[] = []
  while (merged.length < rows.length) {
    let first: ReaderRow[] | undefined
    for (const queue of queues) {
      const [row] = queue
      const [best] = first ?? []
      if (row !== undefined && (best === undefined || between(row, best) < 0)) first = queue
    }
    const row = first?.shift()
    if (row === undefined) break
    merged.push(row)
  }
  return merged
}

export function mapStreams<T>(value: (stream: StreamName) => T): Readonly<Record<StreamName, T>> {
  return { audit: value('audit'), sys: value('sys'), api: value('api') }
}

function inProcess(one: ReaderRow, other: ReaderRow): number {
  if (Number.isInteger(one.boot_seq) && Number.isInteger(other.boot_seq)) return one.boot_seq - other.boot_seq
  return between(one, other)
}

function between(one: ReaderRow, other: ReaderRow): number {
  const [left, right] = [
    `${one.timestamp} ${one.boot_id ?? ''} ${one.id}`,
    `${other.timestamp} ${other.boot_id ?? ''} ${other.id}`,
  ]
  return left < right ? -1 : Number(left > right)
}
