// SPDX-License-Identifier: Apache-2.0
import { readJson } from 'fasten/core'
import { useEffect, useRef, useState } from 'react'
import type { Reader, ReaderRow, TailQuery } from 'fasten/reader/remote'

/** Four times a second is live to an eye, and leaves the rest of the core to who reads. */
const handOverMs = 250

export interface TailState {
  readonly state: 'off' | 'connecting' | 'live' | 'failed'
  readonly error: unknown
}

/**
 * Follows the rows that `query` asks for and hands them over at once after a pause, and every `handOverMs` while they keep coming, however many: each time
 * all lists are made anew and drawn, which at two thousand rows a second kept a core busy when it was done for every frame. Not tied to frames, so that what waits stays little in
 * a window that nobody sees. Null follows nothing.
 */
export function useTail(
  reader: Reader,
  query: Pick<TailQuery, 'streams' | 'filter'> | null,
  onRows: (rows: readonly ReaderRow[]) => void,
): TailState {
  const key = JSON.stringify(query)
  const [told, setTold] = useState<TailState>({ state: 'off', error: undefined })
  const handOver = useRef(onRows)
  useEffect(() => {
    handOver.current = onRows
  })
  useEffect(() => {
    const asked = readJson(key) as Pick<TailQuery, 'streams' | 'filter'> | null
    if (asked === null) {
      setTold({ state: 'off', error: undefined })
      return undefined
    }
    const stop = new AbortController()
    let waiting: ReaderRow[] = []
    let resting: ReturnType<typeof setTimeout> | undefined
    const flush = (): void => {
      resting = undefined
      if (stop.signal.aborted || waiting.length === 0) return
      const rows = waiting
      waiting = []
      handOver.current(rows)
      resting = setTimeout(flush, handOverMs)
    }
    const follow = async (): Promise<void> => {
      setTold({ state: 'connecting', error: undefined })
      const onPlace = (): void => setTold({ state: 'live', error: undefined })
      for await (const { row } of reader.tail({ ...asked, backlog: 0, onPlace }, stop.signal)) {
        waiting.push(row)
        // What came with it is handed over with it.
        resting ??= setTimeout(flush, 0)
      }
    }
    follow().catch((error: unknown) => {
      if (!stop.signal.aborted) setTold({ state: 'failed', error })
    })
    return () => {
      stop.abort()
      clearTimeout(resting)
    }
  }, [reader, key])
  return told
}
