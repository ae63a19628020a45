// SPDX-License-Identifier: Apache-2.0
import { useCallback, useRef, useState } from 'react'
import { streams, type StreamName } from 'fasten/core'
import type { ReaderRow } from 'fasten/reader/remote'
import { rowsMax } from './use-stream-rows.ts'

export interface WaitingRows {
  /** How many have come of each stream, also those that are kept no longer. */
  readonly counts: Readonly<Record<StreamName, number>>
  add(rows: readonly ReaderRow[]): void
  /** Hands over what waits, and waits for others. */
  take(): readonly ReaderRow[]
}

const none: WaitingRows['counts'] = { audit: 0, sys: 0, api: 0 }

/**
 * Rows that came while nobody wanted to be moved. All are counted. Of each stream the newest are kept, as many as a list of rows holds: with them the
 * list is whole again, whatever came.
 */
export function useWaitingRows(): WaitingRows {
  const [counts, setCounts] = useState(none)
  const kept = useRef<Record<StreamName, ReaderRow[]>>({ audit: [], sys: [], api: [] })
  const add = useCallback((rows: readonly ReaderRow[]) => {
    const more = Map.groupBy(rows, ({ stream }) => stream)
    for (const [stream, fresh] of more) {
      const own = kept.current[stream]
      for (const row of fresh) own.push(row)
      // Now and then, so that it is not moved for every row.
      if (own.length > 2 * rowsMax) kept.current[stream] = own.slice(-rowsMax)
    }
    const countOf = (stream: StreamName): number => more.get(stream)?.length ?? 0
    setCounts(({ audit, sys, api }) => ({
      audit: audit + countOf('audit'),
      sys: sys + countOf('sys'),
      api: api + countOf('api'),
    }))
  }, [])
  const take = useCallback(() => {
    const rows = streams.flatMap((stream) => kept.current[stream].slice(-rowsMax))
    kept.current = { audit: [], sys: [], api: [] }
    setCounts(none)
    return rows
  }, [])
  return { counts, add, take }
}
