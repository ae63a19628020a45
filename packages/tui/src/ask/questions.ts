// SPDX-License-Identifier: Apache-2.0
import type { StreamName, Verdict } from 'fasten/core'
import { readStory, type Reader } from 'fasten/reader'
import type { ReaderRow } from 'fasten/reader/remote'
import type { More, Piece } from '../model/pane.ts'
import type { Question } from '../model/question.ts'
import { storyRows, type StoryRows } from '../model/story.ts'

/** Rows beyond what is here, or around a time. */
export async function moreRows(reader: Reader, question: Question, more: More): Promise<Piece> {
  const { stream, direction, at, known } = more
  if (direction === 'around') return aroundRows(reader, question, stream, at)
  const query = question.page(stream, direction === 'older' ? { until: at } : { from: at })
  let page = await reader.page(query)
  const fresh = (): readonly ReaderRow[] => page.rows.filter(({ id }) => !known.has(id))
  // A microsecond may have more rows than a page.
  while (fresh().length === 0 && page.next_cursor !== null)
    page = await reader.page({ ...query, cursor: page.next_cursor })
  const hasMore = page.next_cursor !== null
  return { rows: fresh(), hasOlder: hasMore, hasNewer: hasMore }
}

/** A page of rows on either side of a time. */
export async function aroundRows(
  reader: Reader,
  question: Question,
  stream: StreamName,
  at: string,
  signal?: AbortSignal,
): Promise<Piece> {
  const [before, after] = await Promise.all([
    reader.page(question.page(stream, { until: at }), signal),
    reader.page(question.page(stream, { from: at }), signal),
  ])
  return {
    rows: [...before.rows, ...after.rows],
    hasOlder: before.next_cursor !== null,
    hasNewer: after.next_cursor !== null,
  }
}

/** Everything of a request and of what it set off. */
export async function askStory(reader: Reader, requestId: string): Promise<StoryRows> {
  return storyRows(await readStory(reader, requestId))
}

/** Who hears how verifying goes. */
export interface VerifyListener {
  /** Once, first: how much there is. */
  onExpected(expected: { readonly rows: number; readonly logs: number }): void
  /** How many further rows were read; never where a reader elsewhere does it. */
  onRead(rows: number): void
}

/** Verifies everything. */
export async function verifyAll(
  reader: Reader,
  verify: (signal: AbortSignal, onRead: (rows: number) => void) => Promise<Verdict>,
  listener: VerifyListener,
  signal: AbortSignal,
): Promise<Verdict> {
  const logs = await reader.logs()
  listener.onExpected({ rows: logs.reduce((sum, { size }) => sum + size, 0), logs: logs.length })
  return verify(signal, listener.onRead)
}
