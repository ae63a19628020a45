// SPDX-License-Identifier: Apache-2.0
import { readJson } from 'fasten/core'
import { useEffect, useRef, useState } from 'react'
import type { Reader, ReaderRow, TailQuery } from 'fasten/reader/remote'

export interface TailState {
  readonly state: 'off' | 'connecting' | 'live' | 'failed'
  readonly error: unknown
}

/**
 * Follows the rows that `query` asks for and hands them over once a frame, however many come: a page that draws for each row stands still at
 * two thousand a second. Null follows nothing.
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
    let frame = 0
    const flush = (): void => {
      frame = 0
      const rows = waiting
      waiting = []
      if (!stop.signal.aborted) handOver.current(rows)
    }
    const follow = async (): Promise<void> => {
      setTold({ state: 'connecting', error: undefined })
      const onPlace = (): void => setTold({ state: 'live', error: undefined })
      for await (const { row } of reader.tail({ ...asked, backlog: 0, onPlace }, stop.signal)) {
        waiting.push(row)
        if (frame === 0) frame = requestAnimationFrame(flush)
      }
    }
    follow().catch((error: unknown) => {
      if (!stop.signal.aborted) setTold({ state: 'failed', error })
    })
    return () => {
      stop.abort()
      cancelAnimationFrame(frame)
    }
  }, [reader, key])
  return told
}
