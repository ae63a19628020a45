// SPDX-License-Identifier: Apache-2.0
import { FastenError } from '../core/error.ts'
import { streams } from '../core/row.ts'
import type { Completeness, Reader, ReaderRow, Thread } from './reader.ts'
import { mapStreams, mergeThread } from './thread.ts'

/** The thread of a request, with the threads of the work that it set off under ids of its own: jobs, runs, retries. */
export interface Story extends Thread {
  /** The request ids that were followed, in the order in which they were found, without the first. */
  readonly followed: readonly string[]
  /** Further request ids that were found and not read: there are more than `requestsMax`. */
  readonly unfollowed: number
  /** False where the server is too old to be asked what a row caused; the story is then the thread alone. */
  readonly follows: boolean
}

export interface StoryOptions {
  /** Rows of each stream, of each request id, at most. Default 1,000. */
  readonly limit?: number
  /** Request ids beside the first, at most. Default 100. */
  readonly requestsMax?: number
  readonly signal?: AbortSignal
}

/**
 * Follows `caused_by` from row to row, from request to request, until nothing new is found. A run that was set off by a row of the
 * request belongs to the story with all its rows, whatever process wrote them. Requests that merely share a trace do not.
 */
export async function readStory(
  reader: Reader,
  requestId: string,
  { limit, requestsMax = 100, signal }: StoryOptions = {},
): Promise<Story> {
  const threads = [await reader.thread(requestId, limit, signal)]
  const known = new Set([requestId])
  const asked = new Set<string>()
  let follows = true
  for (let index = 0; follows; index++) {
    const thread = threads[index]
    if (thread === undefined) break
    const ids = thread.rows.map(({ id }) => id).filter((id) => !asked.has(id))
    for (const id of ids) asked.add(id)
    const effects = await effectsOf(reader, ids, signal)
    follows = effects !== undefined
    for (const { request_id } of effects ?? []) {
      if (known.has(request_id)) continue
      known.add(request_id)
      if (threads.length <= requestsMax) threads.push(await reader.thread(request_id, limit, signal))
    }
  }
  return { ...join(requestId, threads), unfollowed: known.size - threads.length, follows }
}

/** Causes that are asked about in one question: their ids have to fit into a URL. */
const causesMax = 100

/** Rows that these rows caused, oldest first; undefined where the reader cannot say. */
async function effectsOf(
  reader: Reader,
  causes: readonly string[],
  signal?: AbortSignal,
): Promise<readonly ReaderRow[] | undefined> {
  const found: ReaderRow[] = []
  for (let from = 0; from < causes.length; from += causesMax) {
    const filter = { caused_by: causes.slice(from, from + causesMax) }
    for (const stream of streams) {
      const query = { stream, filter, limit: 1000, order: 'oldest', total: 'none' } as const
      try {
        for (let cursor: string | null = ''; cursor !== null;) {
          const page = await reader.page({ ...query, ...(cursor === '' ? {} : { cursor }) }, signal)
          // Published servers pass over what they do not know, and answer with every row they have.
          if (page.rows.some(({ caused_by = '' }) => !filter.caused_by.includes(caused_by))) return undefined
          found.push(...page.rows)
          cursor = page.next_cursor
        }
      } catch (error) {
        // Servers from before this parameter say so; what they have of the request itself still stands.
        if (error instanceof FastenError && error.code === 'QUERY_UNKNOWN') return undefined
        throw error
      }
    }
  }
  return mergeThread(found)
}

function join(requestId: string, threads: readonly Thread[]): Thread & Pick<Story, 'followed'> {
  const sum = (values: readonly (number | null)[]): number | null =>
    values.reduce((total, value) => (total === null || value === null ? null : total + value), 0)
  return {
    request_id: requestId,
    rows: mergeThread(threads.flatMap(({ rows }) => rows)),
    counts: mapStreams((stream) => threads.reduce((total, { counts }) => total + counts[stream], 0)),
    totals: mapStreams((stream) => sum(threads.map(({ totals }) => totals[stream]))),
    truncated: mapStreams((stream) => threads.some(({ truncated }) => truncated[stream])),
    completeness: mapStreams((stream) => worst(threads.map(({ completeness }) => completeness[stream]))),
    followed: threads.slice(1).map(({ request_id }) => request_id),
  }
}

function worst(states: readonly Completeness[]): Completeness {
  return (['store-degraded', 'ring'] as const).find((state) => states.includes(state)) ?? 'store'
}
