// SPDX-License-Identifier: Apache-2.0
import type { StreamName } from 'fasten/core'
import { waterfallOf, type ClockOffset } from 'fasten/reader'
import type { ReaderRow } from 'fasten/reader/remote'

/** A row of a request's story, as it is drawn: depth first, below what caused it. */
export interface StoryEntry {
  readonly row: ReaderRow
  readonly depth: number
  /** Since the first of them began, by clocks put right. */
  readonly startMicros: number
  readonly lastedMicros: number
}

export interface StoryRows {
  readonly entries: readonly StoryEntry[]
  readonly lastedMicros: number
  /** Nodes whose rows are in it. */
  readonly nodes: number
  /** Services on nodes whose rows are in it. */
  readonly places: number
  /** Clocks that were put right, so that no effect comes before its cause. */
  readonly moved: readonly Pick<ClockOffset, 'node' | 'offset_us'>[]
  /** False where no offsets do that: a clock was set meanwhile, and all times are as the nodes wrote them. */
  readonly isConsistent: boolean
  /** Further requests, jobs and runs that were followed, and those that were not. */
  readonly followed: number
  readonly unfollowed: number
  /** True where a stream has more rows of it than were read. */
  readonly isCut: boolean
}

/** What a story is made of. */
export interface StoryParts {
  readonly rows: readonly ReaderRow[]
  readonly followed: readonly string[]
  readonly unfollowed: number
  readonly truncated: Readonly<Record<StreamName, boolean>>
}

/** A story in the order in which it is drawn, placed in time as the pages place it. */
export function storyRows({ rows, followed, unfollowed, truncated }: StoryParts): StoryRows {
  const { entries, duration_us, clocks, clocks_are } = waterfallOf({ rows })
  const byId = new Map(rows.map((row) => [row.id, row]))
  return {
    entries: entries.flatMap(({ id, depth, start_us, duration_us: lastedMicros }) => {
      const row = byId.get(id)
      return row === undefined ? [] : [{ row, depth, startMicros: start_us, lastedMicros }]
    }),
    lastedMicros: duration_us,
    nodes: clocks.length,
    places: new Set(entries.map(({ service, node }) => `${service}@${node}`)).size,
    moved: clocks.filter(({ offset_us }) => offset_us !== 0),
    isConsistent: clocks_are === 'put_right',
    followed: followed.length,
    unfollowed,
    isCut: Object.values(truncated).includes(true),
  }
}
