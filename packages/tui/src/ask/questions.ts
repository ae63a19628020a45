// SPDX-License-Identifier: Apache-2.0
import type { StreamName, Verdict } from 'fasten/core'
import { readStory, type Reader } from 'fasten/reader'
import type { ReaderRow } from 'fasten/reader/remote'
import type { Question } from '../model/question.ts'
import { storyRows, type StoryRows } from '../model/story.ts'
import type { FirstPage } from './follow-question.ts'

/** The rows before a time that are not known yet; asks on through a microsecond that has more rows than a page. */
export async function olderRows(
  reader: Reader,
  question: Question,
  {
    stream,
    until,
    known,
  }: { readonly stream: StreamName; readonly until: string; readonly known: ReadonlySet<string> },
): Promise<FirstPage> {
  const query = question.page(stream, until)
  let page = await reader.page(query)
  const fresh = (): readonly ReaderRow[] => page.rows.filter(({ id }) => !known.has(id))
  while (fresh().length === 0 && page.next_cursor !== null)
    page = await reader.page({ ...query, cursor: page.next_cursor })
  return { rows: fresh(), hasOlder: page.next_cursor !== null }
}

/** Everything of a request and of what it set off. */
export async function askStory(reader: Reader, requestId: string): Promise<StoryRows> {
  return storyRows(await readStory(reader, requestId))
}

/** Verifies everything; `onExpected` hears first how much that is, where the reader knows it. */
export async function verifyAll(
  reader: Reader,
  verify: (signal: AbortSignal) => Promise<Verdict>,
  onExpected: (expected: { readonly rows: number; readonly logs: number }) => void,
  signal: AbortSignal,
): Promise<Verdict> {
  const logs = await reader.logs()
  onExpected({ rows: logs.reduce((sum, { size }) => sum + size, 0), logs: logs.length })
  return verify(signal)
}
