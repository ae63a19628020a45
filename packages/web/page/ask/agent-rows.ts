// SPDX-License-Identifier: Apache-2.0
import { parsePageQuery, type AgentRow, type Reader } from 'fasten/reader/remote'
import { nowMicros } from './now.ts'

/** Pages of a thousand rows: as many as a browser reads and sums up while somebody waits. What is older is said to be missing, never guessed. */
const pagesMax = 5

export interface AgentRows {
  readonly rows: readonly AgentRow[]
  /** There are more than these. */
  readonly isCut: boolean
}

/** Audit rows that fit these parameters, at most five thousand. Throws TypeError for parameters that are no question. */
export async function readAgentRows(
  reader: Pick<Reader, 'page'>,
  parameters: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<AgentRows> {
  const search = new URLSearchParams({ ...parameters, limit: '1000', total: 'none' })
  const asked = parsePageQuery(search, 'audit', nowMicros())
  if (!asked.ok) throw new TypeError(asked.problems[0]?.detail ?? 'this is no question')
  const rows: AgentRow[] = []
  let cursor: string | null = null
  for (let page = 0; page < pagesMax; page++) {
    const answer: Awaited<ReturnType<Reader['page']>> = await reader.page(
      cursor === null ? asked.value : { ...asked.value, cursor },
      signal,
    )
    rows.push(...answer.rows.filter((row): row is AgentRow => row.stream === 'audit'))
    cursor = answer.next_cursor
    if (cursor === null) return { rows, isCut: false }
  }
  return { rows, isCut: true }
}
